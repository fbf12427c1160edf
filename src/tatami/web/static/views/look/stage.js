// A map or a signal drawn large: its exact values under the pointer, and a box that marks a part of it.
import { drawCurves, drawMap, drawPicture, legend, limits, number } from "../../lib/draw.js";
import { h } from "../../lib/dom.js";

const SIDE = 196; // CSS pixels of the longer side of a picture
const CURVE = { width: 260, height: 110 };

// What colours, or without a scale heights, are worth.
function worthOf([low, high], scale) {
  if (low === high) return h("span", {}, `${number(low)} everywhere`);
  return scale ? legend([low, high], scale) : h("span", {}, `${number(low)} to ${number(high)} `);
}

// `array` is { shape: (H, W) or (L,) , values }, or with `picture` (H, W, C) or (L, C). Returns a <figure>; `box` is
// spans, ((start, stop), ...), along the axes, in the array's own positions.
export function stage(
  array,
  caption,
  { scale = "heat", picture = false, box = null, onpick = null, between = null } = {},
) {
  const axes = array.shape.slice(0, picture ? -1 : undefined);
  const note = h("span", { class: "look-note" });
  const canvas = h("canvas", { class: "pixels", role: "img", "aria-label": caption });
  const holder = h("div", { class: "look-stage" }, canvas, box && frameOf(box, axes));
  const ends = between ?? limits(array.values, scale);
  if (axes.length === 2) {
    const size = SIDE / Math.max(...axes);
    canvas.style.width = `${axes[1] * size}px`;
    canvas.style.aspectRatio = `${axes[1]} / ${axes[0]}`;
    canvas.style.maxWidth = "100%";
    if (picture) drawPicture(canvas, array, { between: between ?? limits(array.values) });
    else drawMap(canvas, array, { scale, between: ends });
  } else {
    canvas.style.width = `${CURVE.width}px`;
    canvas.style.height = `${CURVE.height}px`;
    canvas.style.maxWidth = "100%";
    const depth = picture ? array.shape[array.shape.length - 1] : 1;
    const lines = Array.from({ length: depth }, (_, c) =>
      Array.from({ length: axes[0] }, (_, i) => array.values[i * depth + c]),
    );
    // A canvas has its size once it is on the page.
    requestAnimationFrame(() => canvas.isConnected && drawCurves(canvas, lines));
  }
  canvas.addEventListener("pointermove", (event) => {
    const place = placeAt(event, canvas, axes);
    const depth = picture ? array.shape[array.shape.length - 1] : 1;
    const at = place.reduce((sum, step, axis) => sum * axes[axis] + step, 0) * depth;
    const values = Array.from(array.values.slice(at, at + depth), exact).join(", ");
    note.textContent = `${place.join(", ")}: ${values}`;
  });
  canvas.addEventListener("pointerleave", () => (note.textContent = ""));
  if (onpick) {
    canvas.style.cursor = "crosshair";
    canvas.addEventListener("click", (event) => onpick(placeAt(event, canvas, axes)));
  }
  const worth = worthOf(ends, picture || axes.length !== 2 ? null : scale);
  const width = axes.length === 2 ? SIDE : CURVE.width; // so that a caption is no wider than what it speaks of
  return h(
    "figure",
    { style: { width: `${width}px` } },
    holder,
    h("figcaption", {}, h("div", {}, caption), worth, " ", note),
  );
}

// All digits that a 32-bit number has.
function exact(value) {
  return String(Number(value.toPrecision(7)));
}

function placeAt(event, canvas, axes) {
  const bounds = canvas.getBoundingClientRect();
  const shares = [(event.clientY - bounds.top) / bounds.height, (event.clientX - bounds.left) / bounds.width];
  const along = axes.length === 2 ? shares : [shares[1]];
  return along.map((share, axis) => Math.max(0, Math.min(axes[axis] - 1, Math.floor(share * axes[axis]))));
}

// The box around spans of the axes, as shares of the canvas's size.
function frameOf(spans, axes) {
  const percent = (value, axis) => `${(100 * value) / axes[axis]}%`;
  const across = axes.length === 2 ? 1 : 0;
  const [left, right] = spans[across];
  const [top, bottom] = axes.length === 2 ? spans[0] : [0, 1];
  const tall = axes.length === 2 ? percent(bottom - top, 0) : "100%";
  return h("div", {
    class: "look-box",
    style: {
      left: percent(left, across),
      width: percent(right - left, across),
      top: axes.length === 2 ? percent(top, 0) : "0",
      height: tall,
    },
  });
}
