// The table of all eval pairs: a page of rows at a time, so that 20,000 pairs stay quick.

const PAGE = 50;
const PATIENCE = 120; // ms without a keystroke before a search

const OPTIONS = {
  label: [["1", "compatible"], ["0", "incompatible"]],
  decision: [
    ["wrong", "wrong"],
    ["right", "right"],
    ["TP", "TP, true positive"],
    ["FP", "FP, false positive"],
    ["TN", "TN, true negative"],
    ["FN", "FN, false negative"],
  ],
  change: [["changed", "any"], ["right", "turned right"], ["wrong", "turned wrong"]],
  suspect: [["1", "likely"]],
};

const spaced = (name) => name.replaceAll("_", " ");

function startPairs(widget, pairs) {
  const rows = new Rows(pairs);
  const models = pairs.models.map(({ name }) => name);
  const fields = [...widget.querySelectorAll("[data-choice]")];
  const [head, body] = [widget.querySelector("thead tr"), widget.querySelector("tbody")];
  const action = (name) => widget.querySelector(`[data-action=${name}]`);
  const several = models.length > 1;
  const defaults = { model: models.at(-1), before: models[0], after: models.at(-1) };
  let [shown, page] = [new Uint32Array(), 0];

  const columns = [
    { key: "row", title: "Row" },
    { key: "text_1", title: "Text 1", text: true },
    { key: "text_2", title: "Text 2", text: true },
    { key: "label", title: "Label" },
    ...models.map((name) => ({ key: `cosine:${name}`, title: name, model: name })),
    { key: "pair_type", title: "Pair type", text: true },
    { key: "category", title: "Category", text: true },
    { key: "leak_level", title: "Leak", text: true },
    ...(Object.keys(pairs.suspect).length ? [{ key: "suspect", title: "Label error" }] : []),
  ];

  const wanted = () =>
    Object.fromEntries(fields.map(({ dataset: { choice }, value }) => [choice, value]));

  // The filters in words, for paper: a model is one where a decision or a change is asked for.
  function asked() {
    const now = wanted();
    const parts = { model: "decision", before: "change", after: "change" };
    return fields
      .filter(({ dataset: { choice } }) => now[choice] && now[parts[choice] ?? choice])
      .map((field) => {
        const name = field.parentElement.firstChild.textContent.trim();
        return `${name}: ${field.selectedOptions?.[0].text ?? field.value}`;
      })
      .join("; ");
  }

  function order() {
    const kept = choices.get("sort") ?? "row";
    return { column: kept.replace(/^-/, ""), descending: kept.startsWith("-") };
  }

  function update() {
    const { column, descending } = order();
    shown = rows.sorted(rows.matching(wanted()), column, descending);
    page = 0;
    show();
  }

  function show() {
    const { column, descending } = order();
    for (const each of head.children) {
      if (each.dataset.key === column) {
        each.setAttribute("aria-sort", descending ? "descending" : "ascending");
      } else each.removeAttribute("aria-sort");
    }
    const start = page * PAGE;
    const visibleRows = [...shown.slice(start, start + PAGE)];
    body.replaceChildren(...visibleRows.map(rowOf));
    const counted = (n) => n.toLocaleString("en");
    widget.querySelector("[data-shown]").textContent = shown.length
      ? `${counted(start + 1)} to ${counted(start + visibleRows.length)} of ` +
        `${counted(shown.length)} pairs shown; ${counted(rows.n)} in all`
      : `No pair is like that; ${counted(rows.n)} in all`;
    widget.querySelector("[data-asked]").textContent = asked();
    action("previous").disabled = page === 0;
    action("next").disabled = start + PAGE >= shown.length;
    action("download").disabled = shown.length === 0;
  }

  function rowOf(row) {
    const made = element("tr");
    const opener = element("button", row, { type: "button", "aria-expanded": "false" });
    opener.setAttribute("aria-label", `Row ${row}, details`);
    opener.addEventListener("click", () => toggle(made, opener, row));
    const first = element("th", undefined, { scope: "row" });
    first.append(opener);
    made.append(first, ...columns.slice(1).map((column) => cellOf(column, row)));
    return made;
  }

  function cellOf({ key, text, model }, row) {
    if (model) {
      const decision = rows.decisions.get(model)[row];
      const cosine = pairs.models.find(({ name }) => name === model).cosine[row];
      const made = element("td", `${cosine.toFixed(3)} `);
      const kind = isRight(decision) ? "right" : "wrong";
      made.append(element("span", DECISIONS[decision], { class: kind }));
      return made;
    }
    if (key === "suspect") return element("td", pairs.suspect[row]?.toFixed(2) ?? "");
    const { names, codes } = pairs[key];
    const value = codes ? spaced(names[codes[row]]) : pairs[key][row];
    return element("td", value, text ? { class: "text" } : {});
  }

  function toggle(made, opener, row) {
    const open = opener.getAttribute("aria-expanded") === "true";
    opener.setAttribute("aria-expanded", String(!open));
    if (open) made.nextElementSibling.remove();
    else made.after(detailsOf(row));
  }

  function detailsOf(row) {
    const nearest = pairs.nearest.row[row];
    const [text_1, text_2, label] = pairs.nearest.pairs[nearest];
    const similarity = pairs.nearest.similarity[row].toFixed(3);
    const facts = [
      ["Subcategory", pairs.subcategory[row]],
      ["Nearest train pair", `${text_1} / ${text_2}`],
      ["", `row ${nearest}, ${LABELS[label]}, similarity ${similarity} in the base model's space`],
    ];
    if (row in pairs.suspect) {
      facts.push([
        "Label",
        `likely wrong: by the words of other pairs the other label has probability ` +
          pairs.suspect[row].toFixed(2),
      ]);
    }
    const inner = element("td", undefined, { colspan: columns.length });
    for (const [name, fact] of facts) {
      const line = element("p");
      if (name) line.append(element("strong", name), ": ");
      line.append(visible(String(fact)));
      inner.append(line);
    }
    const made = element("tr", undefined, { class: "details" });
    made.append(inner);
    return made;
  }

  function sortBy(key) {
    const { column, descending } = order();
    const down = column === key ? !descending : key === "suspect";
    keepChoice("sort", key === "row" && !down ? null : `${down ? "-" : ""}${key}`);
    update();
  }

  function fill(field) {
    const { choice } = field.dataset;
    if (field.tagName !== "SELECT") return;
    const named = choice in defaults ? models.map((name) => [name, name]) : null;
    const coded = pairs[choice]?.names?.map((name) => [name, spaced(name)]);
    const options = named ?? OPTIONS[choice] ?? coded;
    if (!named) field.append(element("option", "all", { value: "" }));
    for (const [value, name] of options) field.append(element("option", name, { value }));
  }

  function restore() {
    for (const field of fields) {
      const { choice } = field.dataset;
      field.value = choices.get(choice) ?? defaults[choice] ?? "";
    }
    update();
  }

  function choose({ dataset: { choice }, value }) {
    keepChoice(choice, value === defaults[choice] ? null : value);
    update();
  }

  for (const { key, title, text } of columns) {
    const made = element("th", undefined, { scope: "col", "data-key": key });
    if (text) made.className = "left";
    const button = element("button", title, { type: "button" });
    button.addEventListener("click", () => sortBy(key));
    made.append(button);
    head.append(made);
  }
  let waiting;
  for (const field of fields) {
    fill(field);
    const isSearch = field.type === "search";
    field.addEventListener(isSearch ? "input" : "change", () => {
      clearTimeout(waiting);
      waiting = setTimeout(choose, isSearch ? PATIENCE : 0, field);
    });
  }
  for (const each of widget.querySelectorAll("[data-several-models]")) each.hidden = !several;
  action("reset").addEventListener("click", () => {
    for (const field of fields) keepChoice(field.dataset.choice, null);
    keepChoice("sort", null);
    restore();
  });
  action("download").addEventListener("click", () => {
    download("eval_pairs.csv", toCsv(pairColumns(pairs, rows.decisions), shown));
  });
  for (const [name, step, other] of [["previous", -1, "next"], ["next", 1, "previous"]]) {
    action(name).addEventListener("click", () => {
      page += step;
      show();
      // A button that is disabled while it has the focus loses it.
      if (action(name).disabled) action(other).focus();
      widget.querySelector(".scroll").scrollIntoView({ block: "nearest" });
    });
  }
  document.querySelector("[data-without-script]").hidden = true;
  widget.hidden = false;
  return restore;
}
