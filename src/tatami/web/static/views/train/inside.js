// The network's inside at a moment: layers as histograms, the first filters, and examples with what is said of them.
import { channel, unpacked } from "../../lib/arrays.js";
import { h } from "../../lib/dom.js";
import { drawCurves, drawMap, drawPicture, legend, number } from "../../lib/draw.js";

export function makeInside() {
  const when = h("p", { class: "small" });
  const layers = h("tbody");
  const filters = h("div", { class: "filters" });
  const about = h("p", { class: "small" });
  const strip = h("ul", { class: "strip" });
  const element = h("div", { class: "inside", hidden: true },
    h("section", { "aria-labelledby": "train-examples" }, h("h2", { id: "train-examples" }, "Examples"), when, strip),
    h("div", { class: "columns" },
      h("section", { "aria-labelledby": "train-layers" },
        h("h2", { id: "train-layers" }, "Activations and gradients"),
        h("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": "Histograms of the layers" },
          h("table", {}, h("thead", {}, h("tr", {}, ["Layer", "Activations", "Gradient of the weights"].map((text) => h("th", { scope: "col" }, text)))), layers))),
      h("section", { "aria-labelledby": "train-filters" }, h("h2", { id: "train-filters" }, "First filters"), about, filters)));
  let shown = null;
  let shownExamples = null;
  let cards = [];

  return {
    element,
    update(history, length) {
      const insight = history.last("insight", length);
      const examples = history.last("examples", length);
      element.hidden = !insight;
      if (!insight || (insight === shown && examples === shownExamples)) return;
      if (examples !== shownExamples) cards = examples ? cardsOf(examples, strip) : [];
      shown = insight;
      shownExamples = examples;
      const started = history.last("started", length);
      when.textContent = `After ${insight.step.toLocaleString("en")} steps, of samples that are not trained on where there are some.`;
      showLayers(layers, insight.layers);
      showFilters(filters, about, insight.filters);
      cards.forEach((card, i) => card.show(insight.outputs[i], started));
    },
    // Draw again what depends on colours of the page.
    redraw() {
      shown = null;
    },
  };
}

function showLayers(body, layers) {
  const names = layers.map((layer) => layer.name).join();
  if (body.dataset.names !== names) {
    const cell = () => h("td", {}, h("canvas", { class: "histogram", role: "img" }), h("span", { class: "small" }));
    body.replaceChildren(...layers.map((layer) => h("tr", {}, h("th", { scope: "row" }, layer.name), cell(), cell())));
    body.dataset.names = names;
  }
  layers.forEach((layer, i) => {
    const [, first, second] = body.rows[i].cells;
    showHistogram(first, layer.activations, `activations of ${layer.name}`);
    showHistogram(second, layer.gradients, `gradient of the weights of ${layer.name}`);
  });
}

// Counts as areas under the root of their height: a peak at 0 leaves the rest to be seen.
function showHistogram(cell, histogram, name) {
  const [canvas, text] = cell.children;
  canvas.hidden = !histogram;
  text.textContent = histogram ? said(histogram) : "";
  if (!histogram) return;
  canvas.setAttribute("aria-label", `${name}: ${text.textContent}`);
  const ratio = window.devicePixelRatio || 1;
  const [wide, high] = [canvas.clientWidth || 150, canvas.clientHeight || 40];
  canvas.width = Math.round(wide * ratio);
  canvas.height = Math.round(high * ratio);
  const pen = canvas.getContext("2d");
  const style = getComputedStyle(canvas);
  const most = Math.max(...histogram.counts);
  const width = canvas.width / histogram.counts.length;
  pen.fillStyle = style.getPropertyValue("--c0");
  histogram.counts.forEach((count, i) => {
    const height = Math.sqrt(count / most) * (canvas.height - 1);
    pen.fillRect(i * width, canvas.height - height, Math.max(width - 1, 1), height);
  });
  if (histogram.low < 0 && histogram.high > 0) {
    pen.fillStyle = style.getPropertyValue("--edge");
    pen.fillRect((-histogram.low / (histogram.high - histogram.low)) * canvas.width, 0, ratio, canvas.height);
  }
}

function said({ low, high, std, zero }) {
  const zeros = zero >= 0.005 ? `, ${Math.round(100 * zero)} % zero` : "";
  return `${number(low)} to ${number(high)}, sd ${number(std)}${zeros}`;
}

function showFilters(box, about, filters) {
  if (!filters) {
    box.replaceChildren();
    about.textContent = "The first layer has no filters.";
    return;
  }
  const array = unpacked(filters);
  const [count, ...shape] = array.shape;
  const size = array.values.length / count;
  const depth = shape[shape.length - 1];
  const isSignal = shape.length === 2;
  if (box.childElementCount !== count || box.dataset.layer !== filters.layer) {
    box.replaceChildren(...Array.from({ length: count }, (_, i) =>
      h("canvas", { class: isSignal ? "filter wave" : "filter pixels", role: "img", "aria-label": `filter ${i + 1} of ${filters.layer}` })));
    box.dataset.layer = filters.layer;
    about.replaceChildren(
      `${filters.layer}: ${count < filters.of ? `${count} of ` : ""}${filters.of} filters of ${shape.join("x")} `, h("span"));
  }
  [...box.children].forEach((canvas, i) => {
    const values = Float32Array.from(array.values.subarray(i * size, (i + 1) * size), (step) => filters.low + (step * (filters.high - filters.low)) / 255);
    const filter = { shape, values };
    const ends = [filters.low, filters.high];
    if (isSignal) drawCurves(canvas, channels(filter, depth), { between: ends });
    else if (depth === 3) drawPicture(canvas, filter, { between: ends });
    else drawMap(canvas, mean(filter, depth), { scale: "diverging", between: ends });
  });
  const ends = [filters.low, filters.high];
  about.lastElementChild.replaceWith(isSignal ? h("span", {}, `from ${ends.map(number).join(" to ")}`) : legend(ends, depth === 3 ? "grey" : "diverging"));
}

function channels(array, depth) {
  return Array.from({ length: depth }, (_, c) => channel(array, c).values);
}

function mean(array, depth) {
  const all = channels(array, depth);
  return { shape: array.shape.slice(0, -1), values: all[0].map((_, i) => all.reduce((sum, one) => sum + one[i], 0) / depth) };
}

// One card an example; returns what changes their bars.
function cardsOf(examples, strip) {
  const array = unpacked(examples.samples);
  const [count, ...shape] = array.shape;
  const size = array.values.length / count;
  const cards = Array.from({ length: count }, (_, i) => {
    const values = array.values.subarray(i * size, (i + 1) * size);
    const canvas = h("canvas", { class: shape.length === 2 ? "sample wave" : "sample pixels", role: "img" });
    const right = h("span", { class: "right" });
    const rows = h("div", { class: "bars" });
    return {
      canvas, values, label: examples.labels[i],
      element: h("li", {}, h("div", {}, canvas, right), rows),
      show(outputs, started) {
        const classes = started?.classes ?? [];
        if (classes.length) showShares(this, right, rows, outputs, classes);
        else showValues(this, right, rows, outputs, started?.targets ?? []);
      },
    };
  });
  strip.replaceChildren(...cards.map((card) => card.element));
  for (const { canvas, values } of cards) {
    if (shape.length === 2) drawCurves(canvas, channels({ shape, values }, shape[1]));
    else if (shape[2] === 3 || shape[2] === 1) drawPicture(canvas, { shape, values }, { between: array.values instanceof Uint8Array ? [0, 255] : ends(values) });
    else drawMap(canvas, channel({ shape, values }, 0));
  }
  return cards;
}

function ends(values) {
  return [Math.min(...values), Math.max(...values)];
}

const MOST_BARS = 3;

function showShares(card, right, rows, outputs, classes) {
  const order = outputs.map((share, i) => [share ?? 0, i]).sort((a, b) => b[0] - a[0]).slice(0, MOST_BARS);
  const isRight = order[0][1] === card.label;
  right.textContent = `${isRight ? "✓" : "✗"} ${classes[card.label]}`;
  card.element.classList.toggle("wrong", !isRight);
  card.canvas.setAttribute("aria-label", `an example of ${classes[card.label]}, ${isRight ? "recognised" : `taken for ${classes[order[0][1]]}`}`);
  fill(rows, order.map(([share, i]) => [classes[i], share, `${Math.round(100 * share)} %`]));
}

function showValues(card, right, rows, outputs, targets) {
  const labels = [card.label].flat();
  right.textContent = "";
  card.canvas.setAttribute("aria-label", "an example");
  fill(rows, targets.slice(0, MOST_BARS).map((name, i) => [name, null, `${number(outputs[i] ?? NaN)} for ${number(labels[i])}`]));
}

function fill(box, bars) {
  while (box.childElementCount > bars.length) box.lastElementChild.remove();
  while (box.childElementCount < bars.length) {
    box.append(h("div", { class: "share" }, h("span"), h("span", { class: "track" }, h("span", { class: "bar" })), h("span")));
  }
  bars.forEach(([name, share, text], i) => {
    const [label, track, value] = box.children[i].children;
    label.textContent = name;
    track.hidden = share === null;
    track.firstElementChild.style.width = `${100 * (share ?? 0)}%`;
    value.textContent = text;
  });
}
