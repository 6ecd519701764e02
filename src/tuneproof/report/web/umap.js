// The same pair in every panel of the projection.

function startUmap(widget, pairs) {
  const field = widget.querySelector("input");
  const told = widget.querySelector("#umap-pair");
  field.max = pairs.label.length - 1;

  function ring(plot, row) {
    plot.querySelectorAll(".ring").forEach((each) => each.remove());
    for (const { x, y, xaxis, yaxis, customdata } of plot._fullData) {
      if (!customdata) continue;
      const full = (axis) => plot._fullLayout[`${axis[0]}axis${axis.slice(1)}`];
      const [across, down] = [full(xaxis), full(yaxis)];
      customdata.forEach((each, point) => {
        if (each !== row) return;
        const mark = element("span", undefined, { class: "ring" });
        mark.style.left = `${across._offset + across.d2p(x[point])}px`;
        mark.style.top = `${down._offset + down.d2p(y[point])}px`;
        plot.append(mark);
      });
    }
  }

  function tell(row) {
    const cosines = pairs.models.map(({ name, cosine }) => `${name} ${cosine[row].toFixed(3)}`);
    const { names, codes } = pairs.pair_type;
    told.replaceChildren(
      element("p", pairs.text_1[row]),
      element("p", pairs.text_2[row]),
      element(
        "p",
        `Row ${row}, ${LABELS[pairs.label[row]]}, pair type ${names[codes[row]]}; cosine: ` +
          `${cosines.join(", ")}`,
        { class: "quiet" },
      ),
    );
  }

  function mark(plot, row) {
    ring(plot, row);
    tell(row);
  }

  widget.hidden = false;
  return (plot) => {
    plot.on("plotly_hover", ({ points }) => {
      const row = points[0].customdata;
      if (row === undefined) return;
      field.value = row;
      mark(plot, row);
    });
    // Rings stand at pixels: they go where the panels move.
    plot.on("plotly_relayout", () => ring(plot, field.valueAsNumber));
    field.addEventListener("input", () => {
      if (field.checkValidity() && field.value !== "") mark(plot, field.valueAsNumber);
    });
  };
}
