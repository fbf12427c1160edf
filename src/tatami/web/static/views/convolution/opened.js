// A layer as the server answered it, in two axes: a signal is one row. Indices are those of what is shown: `i, j` of the
// input with its padding, `o, p` of the output, `a, b` of the place within the window.
import { unpacked } from "../../lib/arrays.js";

const ROW = { length: 1, size: 1, stride: 1, dilation: 1, before: 0, after: 0, output: 1, first: 0, stop: 1, start: 0, end: 1 };

export class Opened {
  constructor(answer) {
    Object.assign(this, answer);
    this.isSignal = answer.axes.length === 1;
    this.axes = this.isSignal ? [ROW, ...answer.axes] : answer.axes;
    const [rows, columns] = this.axes;
    this.in = [rows.end - rows.start, columns.end - columns.start];
    this.out = [rows.stop - rows.first, columns.stop - columns.first];
    this.window = [rows.size, columns.size];
    const { part } = answer;
    this.arrays = {};
    for (const name of ["x", "y", "dy", "dx", "weight", "reach", "d_weight", "winner", "count"]) {
      this.arrays[name] = part[name] ? unpacked(part[name]).values : null;
    }
    this.isConv = answer.kind === "conv";
    this.channels = part.x.shape.at(-1); // that the filter sees
    this.seers = part.dy.shape.at(-1); // filters that see the channel
    this.c = answer.channel - part.channels;
    this.k = answer.filter - part.filters;
  }

  x(i, j, c = this.c) {
    return this.arrays.x[(i * this.in[1] + j) * this.channels + c];
  }
  y(o, p) {
    return this.arrays.y[o * this.out[1] + p];
  }
  dy(o, p, k = this.k) {
    return this.arrays.dy[(o * this.out[1] + p) * this.seers + k];
  }
  dx(i, j) {
    return this.arrays.dx[i * this.in[1] + j];
  }
  w(a, b, c = this.c) {
    return this.arrays.weight[(a * this.window[1] + b) * this.channels + c];
  }
  // The weight of another filter for the chosen channel.
  wOf(a, b, k) {
    return this.arrays.reach[(a * this.window[1] + b) * this.seers + k];
  }
  dw(a, b, c = this.c) {
    return this.arrays.d_weight[(a * this.window[1] + b) * this.channels + c];
  }
  winner(o, p) {
    const place = this.arrays.winner[o * this.out[1] + p];
    return [Math.floor(place / this.window[1]), place % this.window[1]];
  }
  count(o, p) {
    return this.arrays.count[o * this.out[1] + p];
  }

  isPadding(i, j) {
    return [i, j].some((at, axis) => {
      const { start, before, length } = this.axes[axis];
      return start + at < before || start + at >= before + length;
    });
  }
  // Where the window over the output position looks, at one place within it.
  seen(o, p, a, b) {
    const [rows, columns] = this.axes;
    return [o * rows.stride + a * rows.dilation, p * columns.stride + b * columns.dilation];
  }
  // Everybody who sees an input position: [{ out: [o, p], place: [a, b] }], in the order of the outputs.
  seenBy(i, j) {
    const along = [i, j].map((at, axis) => {
      const { stride, dilation, size } = this.axes[axis];
      const found = [];
      for (let a = size - 1; a >= 0; a--) {
        const start = at - a * dilation;
        if (start >= 0 && start % stride === 0 && start / stride < this.out[axis]) found.push([start / stride, a]);
      }
      return found;
    });
    return along[0].flatMap(([o, a]) => along[1].map(([p, b]) => ({ out: [o, p], place: [a, b] })));
  }
  places() {
    return pairs(this.window);
  }
  outputs() {
    return pairs(this.out);
  }

  // Indices as the formulas have them: of the whole layer, a signal's without its row.
  named(cell, axisStart) {
    const whole = cell.map((at, axis) => at + (axisStart ? this.axes[axis][axisStart] : 0));
    return (this.isSignal ? whole.slice(1) : whole).join(", ");
  }
  xName([i, j], c = this.channel) {
    return `X[${this.named([i, j], "start")}, ${c}]`;
  }
  yName([o, p], k = this.filter, letter = "Y") {
    return `${letter}[${this.named([o, p], "first")}, ${k}]`;
  }
  wName([a, b], c = this.channel, k = this.filter, letter = "W") {
    return `${letter}[${this.named([a, b], null)}, ${c - this.part.channels}, ${k}]`;
  }
  // What a window takes out of X: X[2:5, 3:6, :].
  slice([o, p], last = ":") {
    const along = [o, p].map((at, axis) => {
      const { start, stride, dilation, size } = this.axes[axis];
      const first = start + at * stride;
      return `${first}:${first + (size - 1) * dilation + 1}${dilation > 1 ? `:${dilation}` : ""}`;
    });
    return `X[${(this.isSignal ? along.slice(1) : along).join(", ")}, ${last}]`;
  }
}

export function pairs([height, width]) {
  return Array.from({ length: height * width }, (_, at) => [Math.floor(at / width), at % width]);
}

export function range(count) {
  return Array.from({ length: count }, (_, at) => at);
}
