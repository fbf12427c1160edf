// The maps of every layer: all units of a layer on one canvas, pictures as pixels, signals as curves.
import { drawMap, number } from "../../lib/draw.js";
import { h } from "../../lib/dom.js";

const STEPS = 256;
const LARGE = 64; // pixels of a map: wider ones are drawn smaller than they are
const CURVE = { width: 96, height: 26 }; // CSS pixels of one unit of a signal

// 256 colours of a scale as 32-bit pixels, read back from a canvas: what ImageData takes, whatever the byte order.
const tables = new Map();
function table(scale) {
  if (!tables.has(scale)) {
    const canvas = h("canvas", { width: STEPS, height: 1 });
    const steps = { shape: [1, STEPS], values: Float32Array.from({ length: STEPS }, (_, i) => i) };
    drawMap(canvas, steps, { scale, between: [0, STEPS - 1] });
    const pixels = canvas.getContext("2d").getImageData(0, 0, STEPS, 1).data;
    tables.set(scale, new Uint32Array(pixels.buffer.slice(0)));
  }
  return tables.get(scale);
}

// The colours of 256 steps between low and high: light for much where nothing is below 0, else blue, white, red.
function colours(low, high, out) {
  const diverging = low < 0;
  const source = table(diverging ? "diverging" : "heat");
  const most = diverging ? Math.max(-low, high) : high;
  const bottom = diverging ? -most : 0;
  const scale = most > bottom ? (STEPS - 1) / (most - bottom) : 0;
  for (let q = 0; q < STEPS; q++) {
    const value = low + (q / (STEPS - 1)) * (high - low);
    out[q] = source[Math.max(0, Math.min(STEPS - 1, Math.round((value - bottom) * scale)))];
  }
  return out;
}

// One layer on the page. `layer` is { name, type, shape, field }; `onopen(layer, unit, position)` opens a unit, its
// position null where none is meant.
export class LayerView {
  constructor(layer, onopen) {
    this.layer = layer;
    this.onopen = onopen;
    this.units = layer.shape[layer.shape.length - 1];
    this.spatial = layer.shape.slice(0, -1);
    this.chosen = 0;
    this.lut = new Uint32Array(STEPS);
    this.canvas = h("canvas", {
      class: "pixels look-maps",
      tabindex: "0",
      role: "slider",
      "aria-label": `Units of ${layer.name}`,
      "aria-valuemin": "0",
      "aria-valuemax": String(this.units - 1),
      onkeydown: (event) => this.key(event),
      onclick: (event) => this.click(event),
      onpointermove: (event) => this.hover(event),
      onpointerleave: () => this.hover(null),
    });
    this.marker = h("div", { class: "look-marker", hidden: true });
    this.note = h("span", { class: "small look-note" });
    const field = layer.field ? `, field ${layer.field.join("x")}` : "";
    this.element = h(
      "section",
      { class: "look-layer", "aria-label": layer.name },
      h(
        "h3",
        {},
        layer.name,
        h("span", { class: "small" }, ` ${layer.type} ${layer.shape.join("x")}${field}: `),
        this.note,
      ),
      h("div", { class: "look-frame" }, this.canvas, this.marker),
    );
    this.arrange(600);
    this.canvas.addEventListener("focus", () => this.mark(this.chosen));
    this.canvas.addEventListener("blur", () => this.mark(null));
    this.tell();
  }

  // Where the units lie: `columns` beside one another, each `wide` by `tall` canvas pixels and a gap.
  arrange(room) {
    if (this.spatial.length === 1) {
      this.wide = CURVE.width;
      this.tall = CURVE.height;
      this.scale = 1;
    } else {
      [this.tall, this.wide] = this.spatial.length === 2 ? this.spatial : [1, 1];
      const goal = this.spatial.length === 2 ? 44 : 9; // CSS pixels of one unit
      this.scale = this.wide > LARGE ? LARGE / this.wide : Math.max(1, Math.round(goal / this.wide));
      this.canvas.classList.toggle("pixels", this.scale >= 1);
    }
    this.gap = this.spatial.length === 1 ? 4 : 1;
    const step = (this.wide + this.gap) * this.scale;
    this.columns = Math.max(1, Math.min(this.units, Math.floor((room + this.gap) / step)));
    const rows = Math.ceil(this.units / this.columns);
    const width = this.columns * (this.wide + this.gap) - this.gap;
    const height = rows * (this.tall + this.gap) - this.gap;
    const ratio = this.spatial.length === 1 ? window.devicePixelRatio || 1 : 1;
    this.canvas.width = width * ratio;
    this.canvas.height = height * ratio;
    this.canvas.style.width = `${width * this.scale}px`;
    this.canvas.style.height = `${height * this.scale}px`;
    this.pen = this.canvas.getContext("2d");
    this.pen.setTransform(ratio, 0, 0, ratio, 0, 0);
    this.image = this.spatial.length === 1 ? null : new ImageData(width, height);
    this.pixels = this.image && new Uint32Array(this.image.data.buffer);
    if (this.values) this.draw(this.values, this.low, this.high);
  }

  draw(values, low, high) {
    Object.assign(this, { values, low, high });
    this.note.textContent = `${number(low)} to ${number(high)}`;
    if (this.spatial.length === 1) this.drawCurves();
    else this.drawPixels();
  }

  drawPixels() {
    const { wide, tall, gap, columns, values, pixels } = this;
    const lut = colours(this.low, this.high, this.lut);
    const width = this.image.width;
    let from = 0;
    for (let unit = 0; unit < this.units; unit++) {
      let to = Math.floor(unit / columns) * (tall + gap) * width + (unit % columns) * (wide + gap);
      for (let row = 0; row < tall; row++, to += width) {
        for (let x = 0; x < wide; x++) pixels[to + x] = lut[values[from++]];
      }
    }
    this.pen.putImageData(this.image, 0, 0);
  }

  drawCurves() {
    const { pen, wide, tall, gap, columns, values } = this;
    const length = this.spatial[0];
    const style = getComputedStyle(this.canvas);
    pen.clearRect(0, 0, this.canvas.width, this.canvas.height);
    pen.beginPath();
    for (let unit = 0; unit < this.units; unit++) {
      const left = (unit % columns) * (wide + gap);
      const bottom = Math.floor(unit / columns) * (tall + gap) + tall - 1;
      for (let i = 0, at = unit * length; i < length; i++, at++) {
        const x = left + (length > 1 ? (i / (length - 1)) * wide : wide / 2);
        const y = bottom - (values[at] / 255) * (tall - 2);
        if (i) pen.lineTo(x, y);
        else pen.moveTo(x, y);
      }
    }
    pen.strokeStyle = style.getPropertyValue("--c0") || style.color;
    pen.lineWidth = 1;
    pen.stroke();
  }

  // The unit under a point of the page, and the position in its map; null in a gap.
  at(event) {
    const box = this.canvas.getBoundingClientRect();
    const x = ((event.clientX - box.left) / box.width) * (this.columns * (this.wide + this.gap) - this.gap);
    const y =
      ((event.clientY - box.top) / box.height) * (this.canvas.height / (this.image ? 1 : window.devicePixelRatio || 1));
    const column = Math.floor(x / (this.wide + this.gap));
    const row = Math.floor(y / (this.tall + this.gap));
    const unit = row * this.columns + column;
    const inside = [Math.floor(y - row * (this.tall + this.gap)), Math.floor(x - column * (this.wide + this.gap))];
    if (column < 0 || column >= this.columns || unit < 0 || unit >= this.units) return null;
    if (inside[0] >= this.tall || inside[1] >= this.wide) return null;
    if (this.spatial.length === 2) return { unit, position: inside };
    if (this.spatial.length === 0) return { unit, position: [] };
    return { unit, position: [Math.min(this.spatial[0] - 1, Math.floor((inside[1] / this.wide) * this.spatial[0]))] };
  }

  value(unit, position) {
    const size = this.values.length / this.units;
    const offset = position.reduce((sum, at, axis) => sum * this.spatial[axis] + at, 0);
    return this.low + (this.values[unit * size + offset] / 255) * (this.high - this.low);
  }

  hover(event) {
    const found = event && this.values ? this.at(event) : null;
    if (found) {
      const place = found.position.length ? ` at ${found.position.join(", ")}` : "";
      this.note.textContent = `unit ${found.unit}${place}: about ${number(this.value(found.unit, found.position))}`;
    } else if (this.values) this.note.textContent = `${number(this.low)} to ${number(this.high)}`;
  }

  click(event) {
    const found = this.at(event);
    if (!found) return;
    this.choose(found.unit);
    this.onopen(this.layer, found.unit, found.position.length ? found.position : null);
  }

  key(event) {
    const last = this.units - 1;
    const next = {
      ArrowRight: this.chosen + 1,
      ArrowLeft: this.chosen - 1,
      ArrowDown: this.chosen + this.columns,
      ArrowUp: this.chosen - this.columns,
      Home: 0,
      End: last,
    }[event.key];
    if (next !== undefined) this.choose(Math.max(0, Math.min(last, next)));
    else if (event.key === "Enter" || event.key === " ") this.onopen(this.layer, this.chosen, null);
    else return;
    event.preventDefault();
  }

  choose(unit) {
    this.chosen = unit;
    this.mark(unit);
    this.tell();
  }

  tell() {
    this.canvas.setAttribute("aria-valuenow", String(this.chosen));
    this.canvas.setAttribute("aria-valuetext", `unit ${this.chosen} of ${this.units}, Enter opens it`);
  }

  mark(unit) {
    this.marker.hidden = unit === null;
    if (unit === null) return;
    const step = [(this.wide + this.gap) * this.scale, (this.tall + this.gap) * this.scale];
    Object.assign(this.marker.style, {
      left: `${(unit % this.columns) * step[0]}px`,
      top: `${Math.floor(unit / this.columns) * step[1]}px`,
      width: `${this.wide * this.scale}px`,
      height: `${this.tall * this.scale}px`,
    });
  }
}
