// One tab at a time; which one, and what is chosen on it, stands in the address:
// #anchor?name=value&... so that a link leads back to the same view.

const choices = new Map();

function readAddress() {
  const [anchor, query = ""] = location.hash.slice(1).split("?");
  return { anchor, query };
}

function writeAddress(anchor, visit = false) {
  const query = new URLSearchParams([...choices]).toString();
  const address = `#${anchor}${query ? `?${query}` : ""}`;
  if (address !== location.hash) history[visit ? "pushState" : "replaceState"](null, "", address);
}

// Keeps a choice in the address; null and "" take it out. A browser refuses an address that changes
// many times a second, as a slider would have it.
let writing;
function keepChoice(name, value) {
  if (value === null || value === "") choices.delete(name);
  else choices.set(name, String(value));
  clearTimeout(writing);
  writing = setTimeout(() => writeAddress(readAddress().anchor), 250);
}

function startTabs({ opened, chosen }) {
  const list = document.getElementById("tabs");
  const tabs = [...list.querySelectorAll("a")];
  const panels = tabs.map((tab) => document.getElementById(tab.hash.slice(1)));

  function open(index) {
    tabs.forEach((tab, each) => {
      tab.setAttribute("aria-selected", String(each === index));
      tab.tabIndex = each === index ? 0 : -1;
      panels[each].hidden = each !== index;
    });
    tabs[index].scrollIntoView({ block: "nearest", inline: "nearest" });
    opened(panels[index]);
  }

  // Opens the tab that holds the address's anchor, and goes there.
  function follow() {
    const { anchor, query } = readAddress();
    if (query) {
      choices.clear();
      for (const [name, value] of new URLSearchParams(query)) choices.set(name, value);
      chosen();
    }
    const target = document.getElementById(anchor);
    const index = panels.findIndex((panel) => panel.contains(target));
    open(Math.max(index, 0));
    if (index < 0) return; // an address written while the page loads would scroll it
    writeAddress(anchor);
    if (target !== panels[index]) target.scrollIntoView();
  }

  list.setAttribute("role", "tablist");
  list.setAttribute("aria-label", "Tabs");
  tabs.forEach((tab, index) => {
    tab.parentElement.setAttribute("role", "presentation");
    tab.setAttribute("role", "tab");
    tab.setAttribute("aria-controls", panels[index].id);
    panels[index].setAttribute("role", "tabpanel");
    panels[index].setAttribute("aria-labelledby", tab.id);
    panels[index].tabIndex = 0;
    tab.addEventListener("click", (event) => {
      event.preventDefault();
      open(index);
      writeAddress(panels[index].id, true);
      scrollTo({ top: 0 });
    });
  });
  list.addEventListener("keydown", (event) => {
    const now = tabs.findIndex((tab) => tab.tabIndex === 0);
    const last = tabs.length - 1;
    const goal = {
      ArrowRight: now === last ? 0 : now + 1,
      ArrowLeft: now === 0 ? last : now - 1,
      Home: 0,
      End: last,
    }[event.key];
    if (goal === undefined) return;
    event.preventDefault();
    tabs[goal].click();
    tabs[goal].focus({ preventScroll: true });
  });
  addEventListener("hashchange", follow);

  let openBefore = panels[0];
  let folded = [];
  addEventListener("beforeprint", () => {
    openBefore = panels.find((panel) => !panel.hidden);
    folded = [...document.querySelectorAll("details:not([open])")];
    for (const each of folded) each.open = true;
    for (const panel of panels) {
      panel.hidden = false;
      opened(panel);
    }
  });
  addEventListener("afterprint", () => {
    for (const each of folded) each.open = false;
    open(panels.indexOf(openBefore));
  });
  follow();
}
