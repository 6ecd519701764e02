const { pairs: evalPairs, figures } = JSON.parse(document.getElementById("report-data").textContent);
const widget = (name) => document.querySelector(`[data-widget=${name}]`);

const thresholds = startThresholds(widget("thresholds"), evalPairs);
const restorePairs = startPairs(widget("pairs"), evalPairs);
const linkProjection = startUmap(widget("umap"), evalPairs);

const plots = startPlots(figures, (plot) => {
  if (plot.dataset.figure === "cosines") thresholds.moveLines();
  if (plot.dataset.figure === "umap") linkProjection(plot);
});

startTabs({
  opened: plots.fit,
  chosen: () => {
    thresholds.restore();
    restorePairs();
  },
});
thresholds.restore();
restorePairs();
// After the tabs' own answer to it, which shows them all.
addEventListener("beforeprint", plots.print);
addEventListener("afterprint", plots.leavePrint);
