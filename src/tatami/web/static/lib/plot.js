// Curves over a common axis, drawn by uPlot (vendor/uplot). Lines differ in colour and in dashes; the legend follows
// the pointer.
import { h, stylesheet } from "./dom.js";
import { number } from "./draw.js";

const labelled = (label) => (label ? { label, labelSize: 18, labelFont: "12px system-ui" } : {});
const DASHES = [[], [8, 4], [2, 3], [10, 4, 2, 4], [14, 4], [5, 2, 1, 2]];
let loading = null;

// The library is one old-fashioned script: it is loaded when the first curve is drawn.
function uplot() {
  loading ??= Promise.all([
    new Promise((done, failed) => {
      const src = new URL("../vendor/uplot/uPlot.iife.min.js", import.meta.url).href;
      document.head.append(
        h("script", { src, onload: () => done(window.uPlot), onerror: () => failed(new Error("no uPlot")) }),
      );
    }),
    stylesheet(new URL("../vendor/uplot/uPlot.min.css", import.meta.url).href),
  ]).then(([library]) => library);
  return loading;
}

// A plot that fills the width of `parent`.
//
// `title` names it, `x` and `y` say what the axes are, `height` is in pixels, `range` may fix the ends of y, and `log`
// makes y logarithmic. Returns {update(curves), destroy()}: curves are [{name, x: [...], y: [...], group?}], with x
// ascending; curves of one `group` (a number) share colour and dashes, and all but the first of them are bold.
export async function makePlot(parent, { title, x = "step", y = "", height = 220, range = null, log = false }) {
  const UPlot = await uplot();
  const box = h("div", { class: "plot-box" });
  const figure = h("figure", { class: "plot", role: "group", "aria-label": title }, h("figcaption", {}, title), box);
  parent.append(figure);
  const dark = matchMedia("(prefers-color-scheme: dark)");
  let plot = null;
  let curves = [];
  let names = "";

  function build() {
    plot?.destroy();
    plot = null;
    const style = getComputedStyle(figure);
    const ink = style.getPropertyValue("--faint").trim();
    const line = style.getPropertyValue("--line").trim();
    const axis = {
      stroke: ink,
      grid: { stroke: line, width: 1 },
      ticks: { stroke: line, width: 1 },
      font: "12px system-ui",
    };
    const seen = new Map();
    const series = curves.map((curve, i) => {
      const group = curve.group ?? i;
      const nth = seen.get(group) ?? 0;
      seen.set(group, nth + 1);
      return {
        label: curve.name,
        stroke: style.getPropertyValue(`--c${group % 6}`).trim(),
        dash: DASHES[group % DASHES.length],
        width: nth ? 2.8 : 1.4,
        spanGaps: true,
        points: { show: curve.x.length < 2 },
        value: (_, value) => (value === null || value === undefined ? "-" : number(value)),
      };
    });
    plot = new UPlot(
      {
        width: Math.max(200, box.clientWidth || parent.clientWidth),
        height,
        scales: { x: { time: false }, y: { ...(range ? { range } : {}), ...(log ? { distr: 3 } : {}) } },
        axes: [
          { ...axis, ...labelled(x) },
          {
            ...axis,
            ...labelled(y),
            size: 56,
            values: (_, ticks) => ticks.map((tick) => (tick === null ? "" : number(tick))),
          },
        ],
        series: [{ label: x, value: (_, value) => (value === null ? "-" : String(value)) }, ...series],
        cursor: { drag: { x: true, y: false } },
        legend: {
          markers: {
            dash: (_, i) =>
              ["solid", "dashed", "dotted"][Math.min(DASHES.indexOf(series[i - 1]?.dash), 2)] ?? "solid",
            width: (_, i) => series[i - 1]?.width ?? 0,
          },
        },
      },
      joined(UPlot),
      box,
    );
  }

  function joined(UPlot) {
    if (!curves.length) return [[], []].slice(0, 1);
    const tables = curves.map((curve) => [
      curve.x,
      log ? curve.y.map((value) => (value > 0 ? value : null)) : curve.y,
    ]);
    return tables.length > 1 ? UPlot.join(tables) : tables[0];
  }

  const resized = new ResizeObserver(() => {
    if (plot && box.clientWidth && box.clientWidth !== plot.width) plot.setSize({ width: box.clientWidth, height });
  });
  resized.observe(figure);
  dark.addEventListener("change", build);
  build();

  return {
    element: figure,
    update(next) {
      curves = next;
      const now = JSON.stringify(next.map(({ name, group }) => [name, group]));
      if (now === names && plot) plot.setData(joined(UPlot));
      else build();
      names = now;
    },
    destroy() {
      resized.disconnect();
      dark.removeEventListener("change", build);
      plot?.destroy();
      figure.remove();
    },
  };
}
