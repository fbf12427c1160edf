// A size that does not fit: crop, pad and `same` side by side, with the last windows drawn over the end of the input.
import { h, svg } from "../../lib/dom.js";

const CELL = 11;
const SHOWN = 26; // positions at the end of the axis
const SAYS = {
  crop: "leave the rest out",
  pad: "pad until it fits",
  same: "TensorFlow's same",
};

// `take(text)` is told the line that the user chooses.
export function makeMisfit(take) {
  const title = h("h2", { id: "misfit-title" });
  const ways = h("div", { class: "ways" });
  const element = h(
    "section",
    { class: "panel misfit", "aria-labelledby": "misfit-title", hidden: true },
    title,
    ways,
  );

  function update(misfit) {
    element.hidden = !misfit;
    if (!misfit) return;
    const axis = misfit.ways[0].axes.find(({ left_over }) => left_over) ?? misfit.ways[0].axes[0];
    title.textContent = `${misfit.layer} does not fit: ${axis.formula}`;
    ways.replaceChildren(...misfit.ways.map((way) => card(way, misfit.ways[0], take)));
  }

  return { element, update };
}

function card(way, first, take) {
  const title = h("h3", {}, way.name, h("span", { class: "small" }, ` ${SAYS[way.name]}`));
  if (way.problem) return h("article", {}, title, h("p", { class: "error" }, `not possible: ${way.problem}`));
  const axis = way.axes.find(({ left_over }) => left_over) ?? way.axes[0];
  return h(
    "article",
    {},
    title,
    strip(axis),
    h("p", { class: "formula" }, axis.formula),
    h(
      "dl",
      { class: "facts" },
      fact("output", way.output),
      fact("parameters", way.params.toLocaleString("en"), way.params - first.params),
      fact("MACs", way.macs.toLocaleString("en"), way.macs - first.macs),
    ),
    h("p", { class: "small" }, way.name === "crop" ? axis.unseen : padded(axis)),
    way.text
      ? h("button", { type: "button", onclick: () => take(way.text) }, `Write ${way.name}`)
      : h("p", { class: "small" }, "as the line stands"),
  );
}

function fact(name, value, more = 0) {
  const change = more ? ` (${more > 0 ? "+" : "−"}${Math.abs(more).toLocaleString("en")})` : "";
  return h("div", {}, h("dt", {}, name), h("dd", {}, value, h("span", { class: "small" }, change)));
}

function padded({ before, after, left_over }) {
  const rest = left_over ? `; ${left_over} of the padded positions stay unused` : "";
  return `${before} before and ${after} after, zeros${rest}`;
}

// The end of one axis: cells of the input, of padding, those that no window sees, and the last three windows.
function strip({ length, size, stride, dilation, before, after, output }) {
  const total = before + length + after;
  const extent = (size - 1) * dilation + 1;
  const from = Math.max(0, total - SHOWN);
  const seen = new Set();
  for (let window = Math.max(0, output - Math.ceil((SHOWN + extent) / stride) - 1); window < output; window++) {
    for (let i = 0; i < size; i++) seen.add(window * stride + i * dilation);
  }
  const cells = [];
  for (let at = from; at < total; at++) {
    const isPad = at < before || at >= before + length;
    const kind = isPad ? "cell pad" : seen.has(at) ? "cell" : "cell unseen";
    const x = (at - from) * CELL;
    cells.push(svg("rect", { class: kind, x, y: 2, width: CELL - 1, height: CELL }));
    // A cross and a dot: the difference is not in the colour alone.
    if (!isPad && !seen.has(at)) cells.push(svg("path", { class: "cross", d: `M${x + 2} 4l6 7M${x + 8} 4l-6 7` }));
    if (isPad) cells.push(svg("circle", { class: "dot", cx: x + CELL / 2 - 0.5, cy: 7.5, r: 1.5 }));
  }
  const windows = [output - 3, output - 2, output - 1]
    .filter((window) => window >= 0)
    .map((window, i) => {
      const left = Math.max(0, (window * stride - from) * CELL);
      const right = (window * stride + extent - from) * CELL - 1;
      return right > 0 ? svg("path", { class: "window", d: `M${left} ${18 + 6 * i}v3H${right}v-3` }) : null;
    });
  return svg(
    "svg",
    {
      class: "strip",
      viewBox: `0 0 ${SHOWN * CELL} 40`,
      role: "img",
      "aria-label": `the last ${total - from} of ${total} positions and the last windows over them`,
    },
    ...cells,
    ...windows,
  );
}
