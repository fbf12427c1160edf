// Maps and curves on canvases, and legends that say what a colour is worth.
import { h } from "./dom.js";
import { range } from "./arrays.js";

// Colours at equal distances from the lowest value to the highest. Readable with every kind of colour vision: lightness
// alone orders grey and heat; of diverging, both ends are dark and differ in hue, the middle is white.
const SCALES = {
  grey: ["#000000", "#ffffff"],
  heat: ["#0b0724", "#51127c", "#b63679", "#fb8761", "#fcfdbf"],
  diverging: ["#2b5f95", "#9fc0df", "#f7f5ef", "#e3a58f", "#a33a1f"],
};
const STEPS = 256;
const tables = new Map();

// RGB of 256 steps of a scale, one after another.
function table(scale) {
  if (!tables.has(scale)) {
    const stops = SCALES[scale].map((text) => [1, 3, 5].map((at) => parseInt(text.slice(at, at + 2), 16)));
    const colours = new Uint8ClampedArray(3 * STEPS);
    for (let i = 0; i < STEPS; i++) {
      const at = (i / (STEPS - 1)) * (stops.length - 1);
      const left = Math.min(Math.floor(at), stops.length - 2);
      for (let c = 0; c < 3; c++) {
        colours[3 * i + c] = stops[left][c] + (at - left) * (stops[left + 1][c] - stops[left][c]);
      }
    }
    tables.set(scale, colours);
  }
  return tables.get(scale);
}

// The range of values that the colours cover: symmetric about 0 for the diverging scale.
export function limits(values, scale = "grey") {
  const [low, high] = range(values);
  if (scale !== "diverging") return [low, high];
  const most = Math.max(Math.abs(low), Math.abs(high));
  return [-most, most];
}

// CSS colour of a value.
export function colour(value, [low, high], scale = "grey") {
  const colours = table(scale);
  const at = 3 * step(value, low, high, scale);
  return `rgb(${colours[at]} ${colours[at + 1]} ${colours[at + 2]})`;
}

function step(value, low, high, scale) {
  if (!(high > low)) return scale === "diverging" ? STEPS >> 1 : 0; // nothing stands out
  return Math.max(0, Math.min(STEPS - 1, Math.round(((value - low) / (high - low)) * (STEPS - 1)))) || 0;
}

// Draw a map (height, width) with one canvas pixel a value; CSS makes it larger (class "pixels" keeps its squares).
export function drawMap(canvas, { shape, values }, { scale = "grey", between = null } = {}) {
  const [height, width] = shape;
  const [low, high] = between ?? limits(values, scale);
  const colours = table(scale);
  const image = new ImageData(width, height);
  for (let i = 0; i < values.length; i++) {
    const at = 3 * step(values[i], low, high, scale);
    image.data[4 * i] = colours[at];
    image.data[4 * i + 1] = colours[at + 1];
    image.data[4 * i + 2] = colours[at + 2];
    image.data[4 * i + 3] = 255;
  }
  put(canvas, image);
}

// Draw a picture (height, width, 1 or 3) of values between `between`, 0 and 255 unless given.
export function drawPicture(canvas, { shape, values }, { between = [0, 255] } = {}) {
  const [height, width, depth] = shape;
  const [low, high] = between;
  const image = new ImageData(width, height);
  for (let i = 0; i < height * width; i++) {
    for (let c = 0; c < 3; c++) {
      image.data[4 * i + c] = (255 * (values[i * depth + (depth === 3 ? c : 0)] - low)) / (high - low || 1);
    }
    image.data[4 * i + 3] = 255;
  }
  put(canvas, image);
}

function put(canvas, image) {
  if (canvas.width !== image.width || canvas.height !== image.height) {
    canvas.width = image.width;
    canvas.height = image.height;
  }
  canvas.getContext("2d").putImageData(image, 0, 0);
}

// Draw signals: `curves` is an array of arrays of values on one scale. The canvas keeps its CSS size.
export function drawCurves(canvas, curves, { between = null, colours = null, width = 1.5 } = {}) {
  const style = getComputedStyle(canvas);
  const ratio = window.devicePixelRatio || 1;
  const [wide, high] = [canvas.clientWidth || 160, canvas.clientHeight || 64];
  canvas.width = Math.round(wide * ratio);
  canvas.height = Math.round(high * ratio);
  const pen = canvas.getContext("2d");
  pen.scale(ratio, ratio);
  pen.clearRect(0, 0, wide, high);
  const ends = between ?? curves.map(range).reduce(([a, b], [c, d]) => [Math.min(a, c), Math.max(b, d)]);
  const level = (value) => 2 + (high - 4) * (1 - (ends[1] > ends[0] ? (value - ends[0]) / (ends[1] - ends[0]) : 0.5));
  if (ends[0] < 0 && ends[1] > 0) {
    pen.strokeStyle = style.getPropertyValue("--line") || "#999";
    pen.lineWidth = 1;
    pen.beginPath();
    pen.moveTo(0, level(0));
    pen.lineTo(wide, level(0));
    pen.stroke();
  }
  curves.forEach((curve, i) => {
    pen.strokeStyle = colours?.[i] ?? (style.getPropertyValue(`--c${i % 6}`) || style.color);
    pen.lineWidth = width;
    pen.beginPath();
    for (let x = 0; x < curve.length; x++) {
      pen.lineTo(curve.length > 1 ? (x / (curve.length - 1)) * wide : wide / 2, level(curve[x]));
    }
    pen.stroke();
  });
}

// A bar with the colours of a scale and the values at its ends.
export function legend([low, high], scale = "grey", unit = "") {
  const bar = h("canvas", { class: "legend-bar", width: STEPS, height: 1, "aria-hidden": "true" });
  const steps = { shape: [1, STEPS], values: Float32Array.from({ length: STEPS }, (_, i) => i) };
  drawMap(bar, steps, { scale, between: [0, STEPS - 1] });
  return h("span", { class: "legend" }, h("span", {}, number(low)), bar, h("span", {}, `${number(high)}${unit}`));
}

// A value in a few characters.
export function number(value) {
  if (!Number.isFinite(value)) return "-";
  if (value === 0 || (Math.abs(value) >= 0.01 && Math.abs(value) < 10000))
    return String(Number(value.toPrecision(3)));
  return value.toExponential(1);
}
