// A canvas to draw pictures on: pen by mouse or touch, samples moved by the arrow keys.
import { h } from "../../lib/dom.js";
import { Pad } from "./pad.js";

const LARGEST = 256; // pixels of the drawing along its longer side, at least those of the network's input

// `shape` is the network's (H, W, C). `onchange()` is called when the picture has changed.
export class PicturePad extends Pad {
  constructor(shape, onchange) {
    const [height, width, depth] = shape;
    const fine = Math.max(1, Math.min(4, Math.floor(LARGEST / Math.max(height, width))));
    super(onchange, {
      class: "look-pad",
      width: width * fine,
      height: height * fine,
      "aria-label": "The picture: draw here, or take a sample and move it by the arrow keys",
    });
    Object.assign(this, { height, width, depth, fine });
    this.canDraw = depth === 1 || depth === 3;
    this.pen = this.canvas.getContext("2d", { willReadFrequently: true });
    this.colour = "#ffffff";
    this.clear();
  }

  clear() {
    this.raw = null; // the sample as it is, until something is drawn on it
    this.drawn = true;
    this.pen.fillStyle = "#000000";
    this.pen.fillRect(0, 0, this.canvas.width, this.canvas.height);
  }

  // Take a sample: { shape: (H, W, C), values }.
  load(sample, drawn = false) {
    this.clear();
    this.raw = sample;
    this.drawn = drawn;
    this.paint();
  }

  paint() {
    const { values } = this.raw;
    let [low, high] = [0, 255];
    if (values instanceof Float32Array) {
      low = values.reduce((a, b) => Math.min(a, b), Infinity);
      high = values.reduce((a, b) => Math.max(a, b), -Infinity);
    }
    const image = new ImageData(this.width, this.height);
    for (let i = 0; i < this.width * this.height; i++) {
      for (let c = 0; c < 3; c++) {
        const value = values[i * this.depth + (this.depth === 3 ? c : 0)];
        image.data[4 * i + c] = (255 * (value - low)) / (high - low || 1);
      }
      image.data[4 * i + 3] = 255;
    }
    const small = h("canvas", { width: this.width, height: this.height });
    small.getContext("2d").putImageData(image, 0, 0);
    this.pen.imageSmoothingEnabled = false;
    this.pen.drawImage(small, 0, 0, this.canvas.width, this.canvas.height);
  }

  // The sample to send: as it was taken, or the drawing, finer than the network's input.
  sample() {
    if (this.raw) return { ...this.raw, drawn: this.drawn };
    const { width, height } = this.canvas;
    return { shape: [height, width, this.depth], values: this.pixels(width, height), drawn: true };
  }

  pixels(width, height) {
    const data = this.pen.getImageData(0, 0, width, height).data;
    const values = new Uint8Array(width * height * this.depth);
    for (let i = 0; i < width * height; i++) {
      for (let c = 0; c < this.depth; c++) values[i * this.depth + c] = data[4 * i + c];
    }
    return values;
  }

  // The picture in the network's own size, as to be kept in the address.
  small() {
    if (this.raw) return this.raw.values;
    const small = h("canvas", { width: this.width, height: this.height });
    const pen = small.getContext("2d");
    pen.imageSmoothingQuality = "high";
    pen.drawImage(this.canvas, 0, 0, this.width, this.height);
    const data = pen.getImageData(0, 0, this.width, this.height).data;
    return Uint8Array.from({ length: this.width * this.height * this.depth }, (_, i) => {
      return data[4 * Math.floor(i / this.depth) + (i % this.depth)];
    });
  }

  // Black for white: the negative.
  invert() {
    if (this.raw) {
      this.raw = { ...this.raw, values: this.raw.values.map((value) => 255 - value) };
      this.paint();
    } else {
      this.pen.globalCompositeOperation = "difference";
      this.pen.fillStyle = "#ffffff";
      this.pen.fillRect(0, 0, this.canvas.width, this.canvas.height);
      this.pen.globalCompositeOperation = "source-over";
    }
    this.onchange(true);
  }

  // --- pen ---

  place(event) {
    const box = this.canvas.getBoundingClientRect();
    return [
      ((event.clientX - box.left) / box.width) * this.canvas.width,
      ((event.clientY - box.top) / box.height) * this.canvas.height,
    ];
  }

  line(from, to) {
    this.raw = null;
    Object.assign(this.pen, {
      lineWidth: this.canvas.width / 12,
      lineCap: "round",
      lineJoin: "round",
      strokeStyle: this.colour,
    });
    this.pen.beginPath();
    this.pen.moveTo(...from);
    this.pen.lineTo(...to);
    this.pen.stroke();
    this.onchange(false);
  }

  // Move the picture by pixels of the network's input; what comes in is black.
  shift(right, down) {
    if (!this.raw) {
      const { width, height } = this.canvas;
      const before = this.pen.getImageData(0, 0, width, height);
      this.clear();
      this.pen.putImageData(before, right * this.fine, down * this.fine);
      return;
    }
    const { shape, values } = this.raw;
    const moved = new values.constructor(values.length);
    for (let y = 0; y < this.height; y++) {
      for (let x = 0; x < this.width; x++) {
        const [fromY, fromX] = [y - down, x - right];
        if (fromY < 0 || fromX < 0 || fromY >= this.height || fromX >= this.width) continue;
        for (let c = 0; c < this.depth; c++) {
          moved[(y * this.width + x) * this.depth + c] = values[(fromY * this.width + fromX) * this.depth + c];
        }
      }
    }
    this.raw = { shape, values: moved };
    this.paint();
  }
}
