// Elements whose text is text: nothing of a pair is ever read as HTML.

// Spells out what could reorder or hide the text beside it; the page does the same for its own.
const visible = (text) =>
  text.replace(/(?![\n\t])[\p{C}\p{Zl}\p{Zp}]/gu, (each) => {
    const code = each.codePointAt(0).toString(16);
    if (code.length > 4) return `\\U${code.padStart(8, "0")}`;
    return code.length > 2 ? `\\u${code.padStart(4, "0")}` : `\\x${code.padStart(2, "0")}`;
  });

function element(name, text, attributes = {}) {
  const made = document.createElement(name);
  if (text !== undefined) made.textContent = visible(String(text));
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  return made;
}

const LABELS = ["incompatible", "compatible"];
