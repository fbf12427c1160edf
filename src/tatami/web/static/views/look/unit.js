// One unit, opened: its map, what it sees of the input, its filter, what excites it; and what the score depends on.
import { packed, unpacked } from "../../lib/arrays.js";
import { CallError, latest, post } from "../../lib/call.js";
import { number } from "../../lib/draw.js";
import { h, labelled, settled } from "../../lib/dom.js";
import { filterStages } from "./filter.js";
import { awaited, progressText } from "./background.js";
import { stage } from "./stage.js";
import { tiles } from "./tiles.js";

export class UnitPanel {
  // `sample()` gives the sample shown; `onopen(row)` takes a sample of the test.
  constructor(network, app, sample, onopen) {
    Object.assign(this, { network, app, sample, onopen });
    this.layer = null;
    this.unit = null;
    this.position = null;
    this.askUnit = latest((body, options) => post("/api/look/unit", body, options));
    this.askWhy = latest((body, options) => post("/api/look/explain", body, options));
    this.refresh = settled(() => this.load(), 120);
    this.title = h("h2", { tabindex: "-1" });
    this.facts = h("p", { class: "small" });
    this.place = h("div", { class: "row look-place" });
    this.maps = h("div", { class: "look-unit-views" });
    this.patches = h("div");
    this.why = h("div", { class: "look-unit-views" });
    this.error = h("p", { class: "error", role: "alert" });
    this.element = h("section", { class: "panel look-unit", "aria-label": "Unit" });
    this.method = h(
      "select",
      { onchange: () => this.set({ method: this.method.value }) },
      network.methods.map(({ key, title }) => h("option", { value: key }, title)),
    );
    this.method.value = network.methods.some(({ key }) => key === app.state.get("method"))
      ? app.state.get("method")
      : "grad_cam";
    const names = network.classes.length ? network.classes : network.targets;
    this.target = h(
      "select",
      { onchange: () => this.set({ target: this.target.value }) },
      h("option", { value: "" }, network.classes.length ? "the predicted class" : "the largest output"),
      names.map((name, i) => h("option", { value: String(i) }, name)),
    );
    this.target.value = names[Number(app.state.get("target"))] === undefined ? "" : (app.state.get("target") ?? "");
    this.element.append(
      this.title,
      this.facts,
      this.error,
      this.place,
      this.maps,
      h(
        "div",
        { class: "look-unit-parts" },
        this.patches,
        h(
          "div",
          {},
          h("h3", {}, "What the score depends on"),
          h("div", { class: "row" }, labelled("Method", this.method), labelled("For", this.target)),
          this.why,
        ),
      ),
    );
    this.begin();
  }

  begin() {
    const { state } = this.app;
    const layer = this.network.layers.find((each) => each.name === state.get("layer"));
    const unit = Number(state.get("unit"));
    if (layer && Number.isInteger(unit) && unit >= 0 && unit < layer.shape[layer.shape.length - 1]) {
      const position = (state.get("position") ?? "").split(",").filter(Boolean).map(Number);
      Object.assign(this, { layer, unit, position: position.length === layer.shape.length - 1 ? position : null });
      this.arrangePlace();
      this.loadPatches();
    } else {
      this.title.textContent = "A unit";
      this.facts.textContent =
        "Choose one of the maps below: click it, or move to it by the arrow keys and press Enter.";
    }
  }

  set(values) {
    this.app.set(values);
    this.load();
  }

  // Open a unit of a layer; without a position, where it answers most.
  open(layer, unit, position) {
    const isOther = layer !== this.layer || unit !== this.unit;
    Object.assign(this, { layer, unit, position });
    this.app.set({ layer: layer.name, unit, position: position?.join(",") ?? null });
    this.load();
    if (!isOther) return;
    this.arrangePlace();
    this.loadPatches();
    this.title.focus();
  }

  // Fields for the position in the map: what a click on it does, too.
  arrangePlace() {
    const axes = this.layer.shape.slice(0, -1);
    const names = axes.length === 1 ? ["position"] : ["row", "column"];
    this.fields = axes.map((size) =>
      h("input", {
        type: "number",
        min: "0",
        max: String(size - 1),
        onchange: () => {
          const chosen = this.fields.map((field, axis) =>
            Math.max(0, Math.min(axes[axis] - 1, Math.round(Number(field.value)))),
          );
          this.open(this.layer, this.unit, chosen);
        },
      }),
    );
    const strongest = h(
      "button",
      { type: "button", onclick: () => this.open(this.layer, this.unit, null) },
      "Where it is strongest",
    );
    this.place.replaceChildren(
      ...(axes.length ? [...this.fields.map((field, i) => labelled(names[i], field)), strongest] : []),
    );
  }

  body() {
    const { shape, values, centred } = this.sample();
    return { run: this.network.id, sample: { ...packed(values, shape), centred } };
  }

  async load() {
    try {
      await Promise.all([this.loadUnit(), this.loadWhy()]);
      this.error.textContent = "";
    } catch (error) {
      if (!(error instanceof CallError)) throw error;
      this.error.textContent = error.message;
    }
  }

  async loadUnit() {
    if (!this.layer) return;
    const { layer, unit, position } = this;
    const found = await this.askUnit({ ...this.body(), layer: layer.name, unit, position });
    if (!found) return;
    this.title.textContent = `${layer.name}, unit ${unit}`;
    found.position.forEach((place, axis) => (this.fields[axis].value = String(place)));
    const at = found.position.length ? ` at ${found.position.join(", ")}${position ? "" : ", its strongest"}` : "";
    const seen = found.field.map(([start, stop]) => `${start} to ${stop - 1}`).join(" by ");
    const sizes = found.reach.map(([start, stop]) => stop - start).join("x");
    const beyond = found.reach.some(
      ([start, stop], axis) => start < found.field[axis][0] || stop > found.field[axis][1],
    );
    this.facts.textContent =
      `${number(found.value)}${at}. It sees ${seen || "all"} of the input` +
      (beyond && found.position.length ? `, of a field of ${sizes} that reaches into the padding.` : ".");
    this.maps.replaceChildren(
      this.inputStage(found),
      ...(found.position.length ? [this.mapStage(found)] : []),
      ...filterStages(found.filter),
    );
  }

  inputStage(found) {
    const box = found.field.length ? found.field : null;
    return stage(unpacked(found.input), "the input as the network has it, and what the unit sees of it", {
      picture: true,
      box,
    });
  }

  mapStage(found) {
    const map = unpacked(found.map);
    const scale = map.values.some((value) => value < 0) ? "diverging" : "heat";
    const between = scale === "heat" ? [0, map.values.reduce((a, b) => Math.max(a, b), 0)] : null;
    return stage(map, `${found.layer}, unit ${found.unit}: click for another position`, {
      scale,
      between,
      box: found.position.map((place) => [place, place + 1]),
      onpick: (position) => this.open(this.layer, this.unit, position),
    });
  }

  async loadWhy() {
    const method = this.method.value;
    const isMap = this.layer && this.layer.shape.length > 1;
    const body = {
      ...this.body(),
      method,
      target: this.target.value === "" ? null : Number(this.target.value),
      layer: method === "grad_cam" && isMap ? this.layer.name : null,
    };
    const found = await this.askWhy(body);
    if (!found) return;
    const names = this.network.classes.length ? this.network.classes : this.network.targets;
    const of = found.layer ? ` of ${found.layer}` : "";
    const { title, about } = this.network.methods.find(({ key }) => key === method);
    const caption = `${title}${of} for ${names[found.target]}, whose score is ${number(found.score)}`;
    const map = unpacked(found.map);
    const scale = map.values.some((value) => value < 0) ? "diverging" : "heat";
    this.why.replaceChildren(
      stage(map, caption, { scale }),
      h("p", { class: "small look-about" }, `It shows ${about}.`),
    );
  }

  async loadPatches() {
    this.controller?.abort();
    this.controller = new AbortController();
    const { signal } = this.controller;
    const query = new URLSearchParams({ layer: this.layer.name, unit: String(this.unit) });
    const path = `/api/look/${encodeURIComponent(this.network.id)}/patches?${query}`;
    const note = h("p", { class: "small", role: "status" });
    const title = h("h3", {}, "What excites it most in the test");
    this.patches.replaceChildren(title, note);
    try {
      const found = await awaited(
        path,
        (done, total) => (note.textContent = progressText("Searching the test", done, total)),
        signal,
      );
      if (!found) return;
      note.textContent = found.patches.length
        ? "Each with the unit's answer; open one to look at its sample."
        : "Nothing does.";
      this.patches.append(tiles(found.patches, (patch) => this.onopen(patch.row)));
    } catch (error) {
      note.textContent = error.message;
    }
  }

  destroy() {
    this.refresh.cancel();
    this.controller?.abort();
  }
}
