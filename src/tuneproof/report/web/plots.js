// Interactive figures: drawn when they are first about to be seen, in the colours of the page.

const NARROW = 640;
const PRINTED = 960; // pixels of a landscape page
const AHEAD = "600px"; // how far below the window a figure is drawn

const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

const isNarrow = (node) => node.clientWidth < NARROW;

// What a figure takes from the page, as changes for Plotly.relayout. Colours of models stay.
function theme(layout) {
  const [ink, quiet, line, paper] = ["--ink", "--quiet", "--line", "--paper"].map(colour);
  const family = getComputedStyle(document.body).fontFamily;
  const changes = {
    "font.color": ink,
    "font.family": family,
    "hoverlabel.bgcolor": paper,
    "hoverlabel.bordercolor": quiet,
    "hoverlabel.font.color": ink,
    "hoverlabel.font.family": family,
  };
  for (const axis of Object.keys(layout).filter((name) => /^[xy]axis\d*$/.test(name))) {
    changes[`${axis}.color`] = quiet;
    for (const part of ["grid", "line", "zeroline", "tick"]) changes[`${axis}.${part}color`] = line;
  }
  return changes;
}

// A figure says in its meta how its panels stand on a wide and on a narrow screen.
const placesOf = (node, { meta }) => meta[isNarrow(node) ? "narrow" : "wide"];

function change(layout, changes) {
  for (const [path, value] of Object.entries(changes)) {
    const names = path.split(".");
    const last = names.pop();
    let part = layout;
    for (const name of names) part = part[name] ??= {};
    part[last] = value;
  }
}

// It takes a second to start, which who sees no figure need not wait. The page's policy knows it.
function startPlotly() {
  if (window.Plotly) return;
  const script = document.createElement("script");
  script.textContent = document.getElementById("plotly").textContent;
  document.head.append(script);
}

function startPlots(figures, whenDrawn) {
  const drawn = new Map(); // whether each figure is laid out for a narrow screen

  // Keeps what is below a figure where it is.
  function reserve(node, layout) {
    node.style.minHeight = `${placesOf(node, layout).height}px`;
  }

  function draw(node) {
    // plotly writes into what it is given, so it gets a copy.
    const { data, layout } = structuredClone(figures[node.dataset.figure]);
    change(layout, { ...theme(layout), ...placesOf(node, layout) });
    // A finger scrolls the page, it does not zoom.
    if (matchMedia("(pointer: coarse)").matches) layout.dragmode = false;
    reserve(node, layout);
    startPlotly();
    Plotly.newPlot(node, data, layout, { displayModeBar: false, responsive: true });
    drawn.set(node, isNarrow(node));
    whenDrawn(node);
  }

  function fit(node) {
    if (node.clientWidth === 0) return; // its tab is closed
    Plotly.Plots.resize(node);
    if (drawn.get(node) === isNarrow(node)) return;
    drawn.set(node, isNarrow(node));
    reserve(node, node.layout);
    Plotly.relayout(node, placesOf(node, node.layout));
  }

  addEventListener("resize", () => [...drawn.keys()].forEach(fit));
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => {
    for (const node of drawn.keys()) Plotly.relayout(node, theme(node.layout));
  });

  const watch = new IntersectionObserver(
    (seen) => {
      for (const { target, isIntersecting } of seen) {
        if (isIntersecting && !drawn.has(target)) draw(target);
      }
    },
    { rootMargin: AHEAD },
  );
  for (const node of document.querySelectorAll(".plot")) {
    reserve(node, figures[node.dataset.figure].layout);
    watch.observe(node);
  }

  return {
    // A figure whose tab was closed may have missed a change of the window.
    fit(panel) {
      for (const node of panel.querySelectorAll(".plot")) if (drawn.has(node)) fit(node);
    },
    print() {
      for (const node of document.querySelectorAll(".plot")) if (!drawn.has(node)) draw(node);
      for (const node of drawn.keys()) Plotly.relayout(node, { width: PRINTED });
    },
    leavePrint() {
      for (const node of drawn.keys()) Plotly.relayout(node, { width: null, autosize: true });
    },
  };
}
