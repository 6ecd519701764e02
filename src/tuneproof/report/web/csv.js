// Rows as CSV (RFC 4180), in UTF-8; by the byte order mark Excel knows that it is.

const MARK = "\uFEFF";

// A spreadsheet runs a cell that begins like a formula; an apostrophe makes it text again. See
// OWASP, CSV Injection. Numbers keep their minus.
const FORMULA = /^[\s\p{C}]*[=+\-@\uFF0B\uFF0D\uFF1D\uFF20]|^[\t\r\n]/u;

function cell(value) {
  if (value === null || value === undefined) return "";
  if (typeof value === "number") return String(value);
  const text = FORMULA.test(value) ? `'${value}` : value;
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

function toCsv(columns, rows) {
  const lines = [columns.map(({ name }) => cell(name)).join(",")];
  for (const row of rows) lines.push(columns.map(({ of }) => cell(of(row))).join(","));
  return `${lines.join("\r\n")}\r\n`;
}

function pairColumns(pairs, decisions) {
  const coded = (name) => (row) => pairs[name].names[pairs[name].codes[row]];
  const train = (row) => pairs.nearest.pairs[pairs.nearest.row[row]];
  return [
    { name: "row", of: (row) => row },
    ...["text_1", "text_2", "label"].map((name) => ({ name, of: (row) => pairs[name][row] })),
    { name: "category", of: coded("category") },
    { name: "subcategory", of: (row) => pairs.subcategory[row] },
    { name: "pair_type", of: coded("pair_type") },
    { name: "leak_level", of: coded("leak_level") },
    ...pairs.models.flatMap(({ name, cosine }) => [
      { name: `${name}_cosine`, of: (row) => cosine[row] },
      { name: `${name}_decision`, of: (row) => DECISIONS[decisions.get(name)[row]] },
    ]),
    { name: "label_error_probability", of: (row) => pairs.suspect[row] },
    { name: "nearest_train_row", of: (row) => pairs.nearest.row[row] },
    { name: "nearest_train_similarity", of: (row) => pairs.nearest.similarity[row] },
    { name: "nearest_train_text_1", of: (row) => train(row)[0] },
    { name: "nearest_train_text_2", of: (row) => train(row)[1] },
    { name: "nearest_train_label", of: (row) => train(row)[2] },
  ];
}

function download(name, text) {
  const address = URL.createObjectURL(new Blob([MARK, text], { type: "text/csv;charset=utf-8" }));
  element("a", undefined, { href: address, download: name }).click();
  setTimeout(() => URL.revokeObjectURL(address), 10_000);
}
