// The samples of the test as points of a plane: those that look alike to the last hidden layer lie near one another.
import { unpacked } from "../../lib/arrays.js";
import { h, labelled, svg } from "../../lib/dom.js";
import { awaited, progressText } from "./background.js";

const [WIDTH, HEIGHT, EDGE] = [640, 440, 14];
const MARK = 4; // half a marker's size

// Classes are told by marker and, in words, by the list: colours only help. Each is a path around (0, 0).
const MARKERS = [
  (r) => `M${-r} 0a${r} ${r} 0 1 0 ${2 * r} 0a${r} ${r} 0 1 0 ${-2 * r} 0z`, // circle
  (r) => `M${-r} ${-r}h${2 * r}v${2 * r}h${-2 * r}z`, // square
  (r) => `M0 ${-1.3 * r}L${1.2 * r} ${r}H${-1.2 * r}z`, // triangle
  (r) => `M0 ${-1.4 * r}L${1.4 * r} 0L0 ${1.4 * r}L${-1.4 * r} 0z`, // diamond
  (r) => `M0 ${1.3 * r}L${1.2 * r} ${-r}H${-1.2 * r}z`, // triangle down
  (r) => `M${-r} ${-r}L${r} ${r}M${-r} ${r}L${r} ${-r}`, // cross
  (r) => `M0 ${-1.3 * r}V${1.3 * r}M${-1.3 * r} 0H${1.3 * r}`, // plus
  (r) => `M${-1.3 * r} ${-r * 0.5}H${1.3 * r}V${r * 0.5}H${-1.3 * r}z`, // bar
  (r) => `M${-r * 0.5} ${-1.3 * r}H${r * 0.5}V${1.3 * r}H${-r * 0.5}z`, // upright bar
  (r) => [-r, 0.4 * r].map((y) => `M${-1.4 * r} ${y}h${2.8 * r}v${0.6 * r}h${-2.8 * r}z`).join(""), // two bars
];

export class MapOfTest {
  constructor(network, app, onopen) {
    Object.assign(this, { network, app, onopen });
    this.body = h("div");
    this.note = h("p", { class: "small", role: "status" });
    this.method = h(
      "select",
      { onchange: () => this.load() },
      h("option", { value: "pca" }, "PCA"),
      h("option", { value: "tsne" }, "t-SNE (takes a while)"),
    );
    this.show = h("button", { type: "button", onclick: () => this.load() }, "Show it");
    this.element = h(
      "section",
      {},
      h("h2", {}, "How alike the samples of the test are to it"),
      h("div", { class: "row" }, labelled("Method", this.method), this.show),
      this.note,
      this.body,
    );
    if (["pca", "tsne"].includes(app.state.get("map"))) {
      this.method.value = app.state.get("map");
      this.load();
    }
  }

  async load() {
    const method = this.method.value;
    this.app.set({ map: method });
    this.controller?.abort();
    this.controller = new AbortController();
    const path = `/api/look/${encodeURIComponent(this.network.id)}/embedding?method=${method}`;
    try {
      const told = (done, total) => (this.note.textContent = progressText("Looking through the test", done, total));
      const found = await awaited(path, told, this.controller.signal);
      if (found) this.draw(found);
    } catch (error) {
      this.note.textContent = error.message;
    }
  }

  draw({ points, rows, count, true: labels, predicted }) {
    const { values } = unpacked(points);
    const { classes } = this.network;
    const ends = [0, 1].map((axis) => {
      const all = rows.map((_, i) => values[2 * i + axis]);
      return [Math.min(...all), Math.max(...all)];
    });
    const place = (i, axis, size) => {
      const [low, high] = ends[axis];
      return EDGE + ((size - 2 * EDGE) * (values[2 * i + axis] - low)) / (high - low || 1);
    };
    const words = (i) => {
      if (!labels) return `sample ${rows[i]}`;
      const wrong = predicted[i] !== labels[i] ? `, taken for ${classes[predicted[i]]}` : "";
      return `sample ${rows[i]}: ${classes[labels[i]]}${wrong}`;
    };
    const marks = rows.map((row, i) => {
      const label = labels ? labels[i] : 0;
      const isWrong = labels && predicted[i] !== labels[i];
      return svg(
        "path",
        {
          d: MARKERS[label % MARKERS.length](isWrong ? 1.6 * MARK : MARK),
          transform: `translate(${place(i, 0, WIDTH).toFixed(1)} ${(HEIGHT - place(i, 1, HEIGHT)).toFixed(1)})`,
          fill: isWrong ? "none" : `var(--c${label % 6})`,
          stroke: isWrong ? "var(--bad)" : `var(--c${label % 6})`,
          "stroke-width": isWrong ? 2 : 1,
          "fill-opacity": 0.6,
          "data-row": row,
          onclick: () => this.open(row),
        },
        svg("title", {}, words(i)),
      );
    });
    this.marks = new Map(rows.map((row, i) => [row, marks[i]]));
    const part = rows.length < count ? `${rows.length} of the ${count}` : `All ${count}`;
    this.note.textContent = `${part} samples of the test. Large and hollow: taken for another class.`;
    this.show.hidden = true;
    this.body.replaceChildren(
      h(
        "div",
        { class: "columns" },
        svg(
          "svg",
          {
            viewBox: `0 0 ${WIDTH} ${HEIGHT}`,
            class: "look-plot",
            role: "img",
            "aria-label": "The samples of the test as points",
          },
          marks,
        ),
        h("div", {}, labels && this.legend(), this.list(rows, words)),
      ),
    );
  }

  legend() {
    return h(
      "ul",
      { class: "look-legend", "aria-label": "Markers of the classes" },
      this.network.classes.slice(0, 60).map((name, label) =>
        h(
          "li",
          {},
          svg(
            "svg",
            { viewBox: "-8 -8 16 16", width: 16, height: 16, "aria-hidden": "true" },
            svg("path", {
              d: MARKERS[label % MARKERS.length](MARK),
              fill: `var(--c${label % 6})`,
              stroke: `var(--c${label % 6})`,
            }),
          ),
          ` ${name}`,
        ),
      ),
    );
  }

  // The same points for the keyboard and for screen readers: the plot's samples by name.
  list(rows, words) {
    this.choice = h(
      "select",
      { size: "8", onchange: () => this.mark(Number(this.choice.value)) },
      rows.map((row, i) => h("option", { value: String(row) }, words(i))),
    );
    this.choice.addEventListener("keydown", (event) => event.key === "Enter" && this.open(Number(this.choice.value)));
    return h(
      "div",
      { class: "row" },
      labelled("The points as a list", this.choice),
      h(
        "button",
        { type: "button", onclick: () => this.choice.value && this.open(Number(this.choice.value)) },
        "Look at it",
      ),
    );
  }

  mark(row) {
    for (const [each, mark] of this.marks) mark.classList.toggle("look-here", each === row);
    const mark = this.marks.get(row);
    mark?.parentNode.append(mark); // above the others
  }

  open(row) {
    this.choice.value = String(row);
    this.mark(row);
    this.onopen(row);
  }

  destroy() {
    this.controller?.abort();
  }
}
