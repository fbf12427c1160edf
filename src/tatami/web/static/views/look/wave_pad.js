// A canvas to draw signals on: the curve follows mouse or finger, samples are moved by the arrow keys.
import { drawCurves } from "../../lib/draw.js";
import { Pad } from "./pad.js";

const STEP = 1 / 20; // of the height, for one key

// `shape` is the network's (L, C); `mean` and `std` those of the training samples, a number a channel.
export class WavePad extends Pad {
  constructor(shape, mean, std, onchange) {
    super(onchange, {
      class: "look-wave",
      "aria-label": "The signal: draw here, or take a sample and move it by the arrow keys",
    });
    [this.length, this.depth] = shape;
    this.middle = mean;
    this.channel = 0;
    const reach = mean.map((m, c) => [m - 3 * std[c], m + 3 * std[c]]);
    this.usual = [Math.min(...reach.map(([low]) => low)), Math.max(...reach.map(([, high]) => high))];
    this.clear();
  }

  clear() {
    this.drawn = true;
    this.values = Float32Array.from({ length: this.length * this.depth }, (_, i) => this.middle[i % this.depth]);
    this.between = this.usual;
    this.paint();
  }

  load(sample, drawn = false) {
    this.values = Float32Array.from(sample.values);
    this.drawn = drawn;
    const low = this.values.reduce((a, b) => Math.min(a, b), Infinity);
    const high = this.values.reduce((a, b) => Math.max(a, b), -Infinity);
    this.between = [Math.min(low, this.usual[0]), Math.max(high, this.usual[1])];
    this.paint();
  }

  sample() {
    return { shape: [this.length, this.depth], values: this.values, drawn: this.drawn };
  }

  small() {
    const [low, high] = this.usual;
    return Uint8Array.from(this.values, (value) => Math.max(0, Math.min(255, (255 * (value - low)) / (high - low))));
  }

  // Back from the steps of small(), over the range that signals usually have.
  scaled(steps) {
    const [low, high] = this.usual;
    return Float32Array.from(steps, (step) => low + (step / 255) * (high - low));
  }

  paint() {
    const lines = Array.from({ length: this.depth }, (_, c) =>
      Array.from({ length: this.length }, (_, i) => this.values[i * this.depth + c]),
    );
    drawCurves(this.canvas, lines, { between: this.between });
  }

  place(event) {
    const box = this.canvas.getBoundingClientRect();
    const [low, high] = this.between;
    const x = ((event.clientX - box.left) / box.width) * (this.length - 1);
    const share = Math.max(0, Math.min(1, (event.clientY - box.top) / box.height));
    return [Math.max(0, Math.min(this.length - 1, x)), high - share * (high - low)];
  }

  // Every step between two places takes the value on the line between them.
  line([x0, y0], [x1, y1]) {
    this.drawn = true;
    const [from, to] = [Math.round(Math.min(x0, x1)), Math.round(Math.max(x0, x1))];
    for (let x = from; x <= to; x++) {
      const share = x1 === x0 ? 1 : Math.max(0, Math.min(1, (x - x0) / (x1 - x0)));
      this.values[x * this.depth + this.channel] = y0 + share * (y1 - y0);
    }
    this.paint();
    this.onchange(false);
  }

  // Move the signal by steps in time, its ends held, and by shares of the height.
  shift(steps, down) {
    const lift = -down * STEP * (this.between[1] - this.between[0]);
    const before = this.values;
    this.values = Float32Array.from(before, (_, i) => {
      const step = Math.max(0, Math.min(this.length - 1, Math.floor(i / this.depth) - steps));
      return before[step * this.depth + (i % this.depth)] + lift;
    });
    this.paint();
  }
}
