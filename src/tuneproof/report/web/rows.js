// Which pairs, in which order: filters and sorting on columns of numbers.

const DECISIONS = ["TN", "FP", "FN", "TP"];

const isRight = (decision) => DECISIONS[decision][0] === "T";

// The order of texts as numbers, equal texts alike.
function ranks(texts) {
  const lowered = texts.map((text) => text.toLowerCase());
  const order = Uint32Array.from(texts.keys());
  order.sort((a, b) => (lowered[a] < lowered[b] ? -1 : Number(lowered[a] > lowered[b])));
  const found = new Uint32Array(texts.length);
  order.forEach((row, position) => {
    const before = order[position - 1];
    const equal = position > 0 && lowered[row] === lowered[before];
    found[row] = equal ? found[before] : position;
  });
  return found;
}

class Rows {
  #keys = new Map();
  #searched = null;

  constructor(pairs) {
    this.pairs = pairs;
    this.n = pairs.label.length;
    // As DECISIONS counts: 1 for called compatible, 2 for being so.
    this.decisions = new Map(
      pairs.models.map(({ name, threshold, cosine }) => [
        name,
        Uint8Array.from(cosine, (value, row) => Number(value >= threshold) + 2 * pairs.label[row]),
      ]),
    );
  }

  // Returns the rows that have all that is wanted, by the names of the page's filters.
  matching(wanted) {
    const tests = [...this.#tests(wanted)];
    const rows = new Uint32Array(this.n);
    let found = 0;
    for (let row = 0; row < this.n; row += 1) {
      if (tests.every((test) => test(row))) rows[found++] = row;
    }
    return rows.slice(0, found);
  }

  sorted(rows, column, descending) {
    const key = this.#key(column);
    const sign = descending ? -1 : 1;
    return rows.sort((a, b) => sign * (key[a] - key[b]) || a - b);
  }

  *#tests({ search, label, suspect, model, decision, before, after, change, ...coded }) {
    const { pairs } = this;
    if (label) yield (row) => pairs.label[row] === Number(label);
    if (suspect) yield (row) => row in pairs.suspect;
    for (const [column, name] of Object.entries(coded)) {
      if (!name) continue;
      const code = pairs[column].names.indexOf(name);
      yield (row) => pairs[column].codes[row] === code;
    }
    const decided = this.decisions.get(model);
    if (decided && decision) {
      yield DECISIONS.includes(decision)
        ? (row) => DECISIONS[decided[row]] === decision
        : (row) => isRight(decided[row]) === (decision === "right");
    }
    const [first, second] = [this.decisions.get(before), this.decisions.get(after)];
    if (first && second && change) {
      yield (row) =>
        first[row] !== second[row] &&
        (change === "changed" || isRight(second[row]) === (change === "right"));
    }
    const words = (search ?? "").toLowerCase().split(/\s+/).filter(Boolean);
    if (words.length) {
      this.#searched ??= pairs.text_1.map((text, row) =>
        `${text}\n${pairs.text_2[row]}`.toLowerCase(),
      );
      yield (row) => words.every((word) => this.#searched[row].includes(word));
    }
  }

  #key(column) {
    if (!this.#keys.has(column)) this.#keys.set(column, this.#makeKey(column));
    return this.#keys.get(column);
  }

  #makeKey(column) {
    const { pairs } = this;
    const model = pairs.models.find(({ name }) => column === `cosine:${name}`);
    if (model) return Float64Array.from(model.cosine);
    if (column === "label") return Uint8Array.from(pairs.label);
    if (column === "suspect") {
      return Float64Array.from(pairs.label, (_, row) => pairs.suspect[row] ?? 0);
    }
    if (column === "text_1" || column === "text_2") return ranks(pairs[column]);
    if (pairs[column]?.codes) return Uint32Array.from(pairs[column].codes);
    return Uint32Array.from(pairs.label.keys());
  }
}
