// The confusion matrix of the run; a cell opens the samples behind it.
import { get } from "../../lib/call.js";
import { h } from "../../lib/dom.js";
import { awaited, progressText } from "./background.js";
import { tiles } from "./tiles.js";

export class Mistakes {
  // `onopen(row)` takes a sample of the test.
  constructor(network, app, onopen) {
    Object.assign(this, { network, app, onopen });
    this.path = `/api/look/${encodeURIComponent(network.id)}`;
    this.table = h("div", { class: "scroll" });
    this.samples = h("div", { "aria-live": "polite" });
    this.element = h("section", {}, h("h2", {}, "What it takes for what"), this.table, this.samples);
    this.load();
  }

  async load() {
    let matrix;
    try {
      matrix = await get(`${this.path}/confusion`);
    } catch (error) {
      this.table.replaceChildren(h("p", { class: "small" }, error.message));
      return;
    }
    const most = Math.max(1, ...matrix.rows.flatMap((row, i) => row.filter((_, j) => j !== i)));
    this.buttons = new Map();
    const cell = (i, j) => {
      const count = matrix.rows[i][j];
      const [true_, taken] = [matrix.names[i], matrix.names[j]];
      const text = i === j ? `${true_}, seen as such: ${count}` : `${true_}, taken for ${taken}: ${count}`;
      if (!count) return h("td", { class: "look-zero" }, "0");
      const button = h(
        "button",
        {
          type: "button",
          title: text,
          "aria-label": text,
          "aria-pressed": "false",
          onclick: () => this.open(matrix, i, j),
        },
        String(count),
      );
      // A colour for the share of mistakes, beside the number that says it.
      if (i !== j) button.style.setProperty("--share", `${Math.round((100 * count) / most)}%`);
      this.buttons.set(`${i},${j}`, button);
      return h("td", {}, button);
    };
    const others = matrix.others.length ? h("th", { scope: "col" }, "others") : null;
    this.table.replaceChildren(
      h(
        "p",
        { class: "small" },
        `Of the ${matrix.total} samples of the ${matrix.split}, `,
        `${(100 * matrix.accuracy).toFixed(1)} % are seen as what they are. `,
        `Rows: what they are; columns: what they are taken for. ${matrix.note}`,
      ),
      h(
        "table",
        { class: "look-matrix" },
        h(
          "thead",
          {},
          h(
            "tr",
            {},
            h("td", {}),
            matrix.names.map((name) => h("th", { scope: "col" }, name)),
            others,
          ),
        ),
        h(
          "tbody",
          {},
          matrix.names.map((name, i) =>
            h(
              "tr",
              {},
              h("th", { scope: "row" }, name),
              matrix.names.map((_, j) => cell(i, j)),
              others && h("td", { class: "look-zero" }, String(matrix.others[i])),
            ),
          ),
        ),
      ),
    );
    const [i, j] = (this.app.state.get("cell") ?? "").split(",").map(Number);
    if (matrix.rows[i]?.[j]) this.open(matrix, i, j);
  }

  async open(matrix, i, j, from = 0) {
    for (const [key, button] of this.buttons) button.setAttribute("aria-pressed", String(key === `${i},${j}`));
    this.app.set({ cell: `${i},${j}` });
    this.controller?.abort();
    this.controller = new AbortController();
    const { signal } = this.controller;
    const [true_, taken] = [matrix.names[i], matrix.names[j]];
    const note = h("p", { class: "small", role: "status" });
    const title = h("h3", {}, i === j ? `${true_}, seen as such` : `${true_}, taken for ${taken}`);
    this.samples.replaceChildren(title, note);
    const query = new URLSearchParams({ true: matrix.labels[i], predicted: matrix.labels[j], from: String(from) });
    try {
      const told = (done, total) => (note.textContent = progressText("Predicting the test", done, total));
      const found = await awaited(`${this.path}/cell?${query}`, told, signal);
      if (!found) return;
      const last = from + found.samples.length;
      note.textContent =
        found.count > found.samples.length
          ? `${from + 1} to ${last} of ${found.count}, the surest first`
          : `${found.count}, the surest first; with the probability of ${taken}`;
      const more =
        last < found.count &&
        h("button", { type: "button", onclick: () => this.open(matrix, i, j, last) }, "The next ones");
      this.samples.replaceChildren(
        title,
        note,
        tiles(found.samples, (sample) => this.onopen(sample.row)),
        more || "",
      );
    } catch (error) {
      note.textContent = error.message;
    }
  }

  destroy() {
    this.controller?.abort();
  }
}
