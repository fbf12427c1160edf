// What is looked at: a drawing, a sample of the run's test, or a file.
import { unpacked } from "../../lib/arrays.js";
import { CallError, postBytes } from "../../lib/call.js";
import { h, labelled } from "../../lib/dom.js";
import { awaited } from "./background.js";
import { PicturePad } from "./picture_pad.js";
import { WavePad } from "./wave_pad.js";

const MOST_KEPT = 1100; // values of a drawing that the address can hold

export class Input {
  // `onchange(isDone)` is called when the sample has changed, with true when a stroke or a choice is complete.
  constructor(network, app, onchange) {
    Object.assign(this, { network, app, onchange });
    this.controller = new AbortController();
    this.count = null;
    this.row = null;
    const changed = (isDone) => {
      this.row = null;
      this.changed(isDone);
    };
    this.isPicture = network.kind === "image";
    this.pad = this.isPicture
      ? new PicturePad(network.shape, changed)
      : new WavePad(network.shape, network.mean, network.std, changed);
    if (this.isPicture && !network.is_uint8) this.pad.canDraw = false; // nobody knows the values of its black and white
    this.element = this.build();
  }

  get path() {
    return `/api/look/${encodeURIComponent(this.network.id)}`;
  }

  build() {
    const { network } = this;
    this.note = h("p", { class: "small", role: "status" });
    this.number = h("input", {
      type: "number",
      min: "0",
      step: "1",
      value: "0",
      onchange: () => this.take(Number(this.number.value)),
    });
    const step = (by) => () => this.take((this.row ?? Number(this.number.value)) + by);
    this.centred = h("input", { type: "checkbox", checked: network.centring.on, onchange: () => this.changed(true) });
    const drop = (event) => {
      event.preventDefault();
      if (event.dataTransfer?.files.length) this.file(event.dataTransfer.files[0]);
    };
    const file = h("input", {
      type: "file",
      accept: this.isPicture ? "image/*" : ".wav,audio/wav",
      onchange: () => file.files.length && this.file(file.files[0]),
    });
    const kind = this.isPicture ? "picture" : "sound (WAV)";
    return h(
      "section",
      { class: "panel look-input", "aria-label": "Input", ondragover: (event) => event.preventDefault(), ondrop: drop },
      this.pad.canvas,
      h(
        "div",
        { class: "row" },
        h("button", { type: "button", onclick: () => this.clear() }, "Clear"),
        this.isPicture &&
          network.is_uint8 &&
          h("button", { type: "button", onclick: () => this.pad.invert() }, "Invert"),
        this.colourField(),
        this.channelField(),
      ),
      h(
        "div",
        { class: "row" },
        labelled("Sample of the test", this.number),
        h("button", { type: "button", "aria-label": "The sample before", onclick: step(-1) }, "‹"),
        h("button", { type: "button", "aria-label": "The next sample", onclick: step(1) }, "›"),
      ),
      labelled(`Or a ${kind}: choose it, or drop it here`, file),
      network.centring.offered &&
        h("label", { class: "look-check" }, this.centred, " Centre drawings and files as MNIST's digits were"),
      this.note,
    );
  }

  colourField() {
    if (!this.isPicture || this.network.shape[2] !== 3) return null;
    const choose = h("input", { type: "color", value: "#ffffff", oninput: () => (this.pad.colour = choose.value) });
    return labelled("Pen", choose);
  }

  channelField() {
    const channels = this.network.shape[this.network.shape.length - 1];
    if (this.isPicture || channels === 1) return null;
    const choose = h(
      "select",
      { onchange: () => (this.pad.channel = Number(choose.value)) },
      Array.from({ length: channels }, (_, c) => h("option", { value: String(c) }, `channel ${c}`)),
    );
    return labelled("Draw", choose);
  }

  // The sample to send, and whether it is to be centred: samples as they are were prepared already.
  sample() {
    const sample = this.pad.sample();
    return { ...sample, centred: Boolean(sample.drawn) && this.network.centring.offered && this.centred.checked };
  }

  changed(isDone) {
    if (isDone) this.keep();
    this.onchange(isDone);
  }

  clear() {
    this.pad.clear();
    this.row = null;
    this.note.textContent = "";
    this.changed(true);
  }

  // --- samples and files ---

  async take(row) {
    const wanted = Math.max(0, Math.min(row, (this.count ?? Infinity) - 1)) || 0;
    try {
      const told = () => (this.note.textContent = "Reading the samples of the test ...");
      const found = await awaited(`${this.path}/samples/${wanted}`, told, this.controller.signal);
      if (!found) return false;
      this.count = found.count;
      this.number.max = String(found.count - 1);
      this.number.value = String(found.row);
      this.pad.load(unpacked(found.sample));
      this.row = found.row;
      this.note.textContent = `${found.name} of ${found.count}${found.true === null ? "" : `, a ${found.true}`}`;
      this.changed(true);
      return true;
    } catch (error) {
      this.fail(error);
      return false;
    }
  }

  async file(file) {
    try {
      if (file.size > 2e6) throw new CallError({ text: `${file.name}: larger than 2 MB` });
      const query = new URLSearchParams({ name: file.name });
      const answer = await (await postBytes(`${this.path}/file?${query}`, file)).json();
      this.pad.load(unpacked(answer.sample), true);
      this.row = null;
      const tone = answer.tone ? `: ${answer.tone} than those of the training; perhaps it is to be inverted` : "";
      this.note.textContent = `${file.name}${tone}`;
      this.changed(true);
    } catch (error) {
      this.fail(error);
    }
  }

  fail(error) {
    this.note.textContent = error.message;
    this.app.say(error.message);
  }

  destroy() {
    this.controller.abort();
  }

  // --- the address ---

  keep() {
    if (this.row !== null) return this.app.set({ sample: this.row, drawn: null, ink: null });
    const values = this.pad.small();
    const isKept = values.length <= MOST_KEPT && this.network.is_uint8 === (this.network.kind === "image");
    const drawn = isKept ? written(values) : null;
    return this.app.set({ sample: null, drawn, ink: drawn && this.pad.drawn ? 1 : null });
  }

  async restore() {
    const row = this.app.state.get("sample");
    const drawn = this.app.state.get("drawn");
    const size = this.network.shape.reduce((a, b) => a * b, 1);
    const values = drawn && readBack(drawn, size);
    if (values) {
      const shape = this.network.shape;
      this.pad.load({ shape, values: this.isPicture ? values : this.pad.scaled(values) }, this.app.state.has("ink"));
      this.changed(true);
    } else if (!(await this.take(Number(row) || 0))) this.onchange(true); // without samples: the empty drawing
  }
}

// Bytes as text for an address; and back, or null where it is not of this size.
function written(values) {
  const text = btoa(String.fromCharCode(...values));
  return text.replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
}

function readBack(text, size) {
  try {
    const bytes = atob(text.replaceAll("-", "+").replaceAll("_", "/"));
    return bytes.length === size ? Uint8Array.from(bytes, (byte) => byte.charCodeAt(0)) : null;
  } catch {
    return null;
  }
}
