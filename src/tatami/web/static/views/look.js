// Look: draw, and see what every layer answers; open units, the run's mistakes, and how it sees the test as a whole.
import { CallError, get } from "../lib/call.js";
import { h, labelled, settled, stylesheet } from "../lib/dom.js";
import { Frames } from "./look/frames.js";
import { Input } from "./look/input.js";
import { LayerView } from "./look/layers.js";
import { MapOfTest } from "./look/map_of_test.js";
import { Mistakes } from "./look/mistakes.js";
import { Prediction } from "./look/prediction.js";
import { UnitPanel } from "./look/unit.js";

export async function mount(root, app) {
  const [{ runs }] = await Promise.all([get("/api/look/runs"), stylesheet(import.meta.url)]);
  const heading = h("h1", {}, "Look");
  if (!runs.length) {
    root.append(
      heading,
      h(
        "p",
        {},
        "There is no trained run here yet. ",
        h("a", { href: "#/train" }, "Train one"),
        ": a minute is enough.",
      ),
    );
    return { destroy() {} };
  }
  const stage = h("div");
  const missing = h("p", { class: "error", role: "alert" });
  let shown = null;
  const choose = h(
    "select",
    {
      onchange() {
        missing.textContent = "";
        open(choose.value);
      },
    },
    runs.map((run) => {
      const accuracy = run.accuracy === null ? "" : `, ${(100 * run.accuracy).toFixed(1)} %`;
      return h("option", { value: run.id }, `${run.id} (${run.data}${accuracy})`);
    }),
  );

  let visit = 0;

  async function open(run) {
    const now = ++visit;
    const isOther = app.state.get("run") !== run;
    app.set({ run });
    // What belongs to another run's network means nothing to this one.
    if (isOther) app.set({ sample: null, drawn: null, ink: null, layer: null, unit: null, position: null, cell: null });
    shown?.destroy();
    shown = null;
    stage.replaceChildren();
    try {
      const network = await get(`/api/look/${encodeURIComponent(run)}/network`);
      if (now !== visit) return; // somebody has chosen another run, or left
      shown = new Looking(network, app);
      stage.replaceChildren(shown.element);
      await shown.begin();
    } catch (error) {
      if (!(error instanceof CallError)) throw error;
      if (now !== visit) return;
      stage.replaceChildren(h("p", { class: "error", role: "alert" }, error.message));
    }
  }

  const wanted = app.state.get("run");
  const first = runs.some((run) => run.id === wanted) ? wanted : runs[0].id;
  if (wanted === undefined) app.set({ run: first });
  else if (wanted !== first) missing.textContent = `${wanted} is no run here that has weights: this is ${first}.`;
  choose.value = first;
  root.append(h("div", { class: "row" }, heading, labelled("Run", choose)), missing, stage);
  // Canvases have a size once they are on the page.
  const start = requestAnimationFrame(() => open(first));
  return {
    destroy() {
      visit++;
      cancelAnimationFrame(start);
      shown?.destroy();
    },
  };
}

// One run on the page.
class Looking {
  constructor(network, app) {
    Object.assign(this, { network, app });
    this.error = h("p", { class: "error", role: "alert" });
    this.input = new Input(network, app, () => this.frames.show(() => this.input.sample()));
    this.prediction = new Prediction(network);
    const take = (row) => this.take(row);
    this.unit = new UnitPanel(network, app, () => this.input.sample(), take);
    this.mistakes = new Mistakes(network, app, take);
    this.map = new MapOfTest(network, app, take);
    this.views = network.layers.map((layer) => new LayerView(layer, (...unit) => this.unit.open(...unit)));
    const sizes = network.layers.map((layer) => layer.shape.reduce((a, b) => a * b, 1));
    this.frames = new Frames(
      network.id,
      sizes,
      (frame) => this.show(frame),
      (error) => this.fail(error),
    );
    this.layers = h(
      "div",
      {},
      this.views.map((view) => view.element),
    );
    this.element = h(
      "div",
      { class: "look-page" },
      h("div", { class: "look-side" }, this.input.element, this.prediction.element),
      h(
        "div",
        { class: "look-main" },
        this.error,
        this.unit.element,
        h("h2", {}, "What every layer answers"),
        this.layers,
        this.mistakes.element,
        this.map.element,
      ),
    );
    this.resized = settled(() => this.arrange(), 100);
    window.addEventListener("resize", this.resized);
    this.scheme = matchMedia("(prefers-color-scheme: dark)");
    this.scheme.addEventListener("change", this.resized); // curves take their colours when they are drawn
  }

  async begin() {
    this.arrange();
    await this.input.restore();
  }

  arrange() {
    const room = this.layers.clientWidth - 8;
    for (const view of this.views) view.arrange(room);
    if (this.network.kind === "signal") {
      this.input.pad.paint();
      this.unit.refresh();
    }
  }

  show(frame) {
    this.error.textContent = "";
    this.views.forEach((view, i) => view.draw(frame.maps[i], frame.low[i], frame.high[i]));
    this.prediction.show(frame, this.frames.rate());
    this.unit.refresh();
  }

  // A sample of the test takes the place of what was looked at.
  async take(row) {
    await this.input.take(row);
    this.input.element.scrollIntoView({ block: "nearest" });
    this.input.pad.canvas.focus({ preventScroll: true });
  }

  fail(error) {
    this.error.textContent = error.message;
  }

  destroy() {
    this.frames.stop();
    for (const part of [this.input, this.prediction, this.unit, this.mistakes, this.map]) part.destroy();
    this.resized.cancel();
    window.removeEventListener("resize", this.resized);
    this.scheme.removeEventListener("change", this.resized);
  }
}
