// The threshold of each model as a slider: what another one would have done to the eval pairs.

const DIGITS = 4;

const figure = (value, digits = DIGITS) => (value === null ? "n/a" : value.toFixed(digits));

const ratio = (part, whole) => (whole === 0 ? null : part / whole);

// Number of ascending values at or above a threshold.
function countFrom(values, threshold) {
  let [low, high] = [0, values.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (values[middle] < threshold) low = middle + 1;
    else high = middle;
  }
  return values.length - low;
}

function decide({ compatible, incompatible }, threshold) {
  const tp = countFrom(compatible, threshold);
  const fp = countFrom(incompatible, threshold);
  const fn = compatible.length - tp;
  const tn = incompatible.length - fp;
  return {
    counts: { tp, fp, fn, tn },
    rates: {
      accuracy: (tp + tn) / (tp + fp + fn + tn),
      precision: ratio(tp, tp + fp),
      recall: ratio(tp, tp + fn),
      f1: ratio(2 * tp, 2 * tp + fp + fn),
    },
  };
}

function startThresholds(widget, pairs) {
  const now = new Map();
  let asked = false;

  // Moves the lines of the histogram, once a frame at most.
  function moveLines() {
    if (asked) return;
    asked = true;
    requestAnimationFrame(() => {
      asked = false;
      const plot = document.getElementById("plot-cosines");
      const changes = {};
      for (const [index, shape] of (plot?.layout?.shapes ?? []).entries()) {
        const threshold = now.get(shape.name?.replace(/^threshold:/, ""));
        if (threshold === undefined || shape.x0 === threshold) continue;
        changes[`shapes[${index}].x0`] = threshold;
        changes[`shapes[${index}].x1`] = threshold;
      }
      if (Object.keys(changes).length) Plotly.relayout(plot, changes);
    });
  }

  function start(row) {
    const model = pairs.models.find(({ name }) => name === row.dataset.model);
    const [slide, number] = row.querySelectorAll("input");
    const reset = row.querySelector("button");
    const of = (label) =>
      Float64Array.from(model.cosine.filter((_, pair) => pairs.label[pair] === label)).sort();
    const cosines = { compatible: of(1), incompatible: of(0) };
    const choice = `threshold-${model.name}`;

    function show(threshold) {
      now.set(model.name, threshold);
      slide.value = threshold;
      slide.setAttribute("aria-valuetext", figure(threshold));
      if (document.activeElement !== number) number.value = figure(threshold);
      reset.disabled = threshold === model.threshold;
      const { counts, rates } = decide(cosines, threshold);
      for (const [name, count] of Object.entries(counts)) {
        row.querySelector(`[data-count=${name}]`).textContent = count.toLocaleString("en");
      }
      for (const [name, rate] of Object.entries(rates)) {
        row.querySelector(`[data-rate=${name}]`).textContent = figure(rate);
      }
      moveLines();
    }

    // A threshold beyond the slider's ends decides as one at its end.
    const possible = (threshold) => threshold >= slide.min && threshold <= slide.max;

    function choose(threshold) {
      if (!possible(threshold)) return;
      keepChoice(choice, threshold === model.threshold ? null : threshold);
      show(threshold);
    }

    const all = [...model.cosine, model.threshold];
    slide.min = all.reduce((a, b) => Math.min(a, b)) - 0.02;
    slide.max = all.reduce((a, b) => Math.max(a, b)) + 0.02;
    slide.addEventListener("input", () => choose(slide.valueAsNumber));
    slide.addEventListener("keydown", (event) => {
      const step = { ArrowLeft: -0.01, ArrowDown: -0.01, ArrowRight: 0.01, ArrowUp: 0.01 }[event.key];
      if (!step) return;
      event.preventDefault();
      choose(now.get(model.name) + step);
    });
    number.addEventListener("input", () => choose(number.valueAsNumber));
    number.addEventListener("blur", () => show(now.get(model.name)));
    reset.addEventListener("click", () => {
      choose(model.threshold);
      slide.focus();
    });
    return () => {
      const kept = Number.parseFloat(choices.get(choice));
      show(possible(kept) ? kept : model.threshold);
    };
  }

  const restore = [...widget.querySelectorAll("[data-model]")].map(start);
  widget.hidden = false;
  return { restore: () => restore.forEach((each) => each()), moveLines };
}
