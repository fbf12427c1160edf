// Networks side by side: the same figures of each, measured by the first.
import { CallError, latest, post } from "../../lib/call.js";
import { h, labelled, settled } from "../../lib/dom.js";

const MOST = 12;
const USUAL = ["memo", "INPUT(28x28x1) -> [CONV(16) -> RELU -> POOL]*2 -> FC(10)"];
const MARKS = { smallest: "▾", largest: "▴" };

// The lines are n1, n2, ... of the state; where there are none, the line that another view was about comes first.
export function makeNetworks(app, style) {
  const sheet = new CSSStyleSheet();
  sheet.replaceSync(style);
  document.adoptedStyleSheets = [...document.adoptedStyleSheets, sheet];
  const ask = latest((body, options) => post("/api/compare/networks", body, options));

  const lines = h("ol", { class: "lines" });
  const answer = h("div", {});
  const problem = h("p", { class: "error", "aria-live": "polite" });
  const batch = h("input", {
    type: "number",
    min: 1,
    class: "short",
    value: app.state.get("batch") ?? 1,
    oninput: () => changed(),
  });
  const add = h("button", { type: "button", onclick: () => append("", true) }, "Add a network");

  function append(text, focus = false) {
    const error = h("p", { class: "error", "aria-live": "polite" });
    const field = h("textarea", {
      rows: 1,
      spellcheck: "false",
      autocapitalize: "off",
      value: text,
      oninput: () => (fit(field), changed()),
    });
    const item = h(
      "li",
      {},
      field,
      h(
        "button",
        {
          type: "button",
          onclick() {
            item.remove();
            rename();
            changed();
          },
        },
        "Remove",
      ),
      error,
    );
    lines.append(item);
    rename();
    fit(field);
    if (focus) field.focus();
  }

  function rename() {
    [...lines.children].forEach((item, i) => {
      item.querySelector("textarea").setAttribute("aria-label", `Network ${i + 1}: a line, or a name of the zoo`);
      item.querySelector("button").setAttribute("aria-label", `Remove network ${i + 1}`);
    });
    add.disabled = lines.children.length >= MOST;
  }

  function texts() {
    return [...lines.querySelectorAll("textarea")].map((field) => field.value);
  }

  const keep = settled(() => {
    const gone = [...app.state.keys()].filter((key) => /^n\d+$/.test(key));
    app.set({
      ...Object.fromEntries(gone.map((key) => [key, null])),
      ...Object.fromEntries(texts().map((text, i) => [`n${i + 1}`, text])),
      batch: batch.value,
    });
  }, 200);

  async function changed() {
    keep();
    const asked = texts();
    const written = asked.map((text, i) => [text, i]).filter(([text]) => text.trim());
    const bindings = Object.fromEntries(
      [...app.state].filter(([key]) => key.startsWith("b.")).map(([key, value]) => [key.slice(2), value]),
    );
    let found;
    try {
      found = await ask({
        lines: written.map(([text]) => ({ text, bindings })),
        batch: Math.trunc(Number(batch.value)) || 0,
        width: 560,
      });
    } catch (error) {
      if (!(error instanceof CallError)) throw error;
      problem.textContent = error.error.text;
      return;
    }
    if (!found) return;
    problem.textContent = "";
    const errors = new Map(written.map(([, i], at) => [i, found.errors[at]]));
    [...lines.children].forEach((item, i) => {
      item.querySelector(".error").textContent = errors.get(i)?.text ?? "";
    });
    show(found);
    answer.dataset.lines = JSON.stringify(asked);
  }

  function show({ names, rows, words, drawings }) {
    if (!names.length) return answer.replaceChildren();
    return answer.replaceChildren(
      h(
        "div",
        { class: "scroll", tabindex: "0", role: "group", "aria-label": "Figures of the networks" },
        h(
          "table",
          { class: "numbers side-by-side" },
          h("thead", {}, h("tr", {}, h("td", {}), ...names.map((name) => h("th", { scope: "col" }, name)))),
          h(
            "tbody",
            {},
            ...rows.map(({ label, is_cost, cells }) => h("tr", { class: is_cost ? "cost" : null }, h("th", { scope: "row" }, label), ...cells.map(cell))),
          ),
        ),
      ),
      h(
        "p",
        { class: "small" },
        `▾ smallest, ▴ largest; x: times ${names[0]}; the memories are those of a step of this batch, float32.`,
      ),
      h("ul", { class: "words" }, ...words.map((sentence) => h("li", {}, sentence))),
      h("div", { class: "columns" }, ...drawings.map((drawing, i) => picture(names[i], drawing))),
    );
  }

  function fit(field) {
    field.style.height = "auto";
    if (field.scrollHeight) field.style.height = `${field.scrollHeight + 2}px`;
  }

  const given = [...app.state].filter(([key]) => /^n\d+$/.test(key)).sort(([a], [b]) => a.slice(1) - b.slice(1));
  const first = app.state.has("net") && app.state.get("net") !== USUAL[0] ? [app.state.get("net"), USUAL[0]] : USUAL;
  for (const text of given.length ? given.map(([, value]) => value) : first) append(text);

  return {
    element: h(
      "section",
      {},
      h("h2", {}, "Networks"),
      lines,
      h("div", { class: "row" }, add, labelled("Batch", batch)),
      problem,
      answer,
    ),
    start() {
      lines.querySelectorAll("textarea").forEach(fit);
      changed();
    },
    destroy() {
      keep.cancel();
      document.adoptedStyleSheets = document.adoptedStyleSheets.filter((each) => each !== sheet);
    },
  };
}

function cell({ text, ratio, extreme }) {
  return h(
    "td",
    { class: extreme || null },
    `${text} `,
    h("span", { "aria-label": extreme || null, role: extreme ? "img" : null }, MARKS[extreme] ?? "\u2007"),
    h("small", {}, ratio),
  );
}

function picture(name, drawing) {
  const svg = document.importNode(new DOMParser().parseFromString(drawing, "image/svg+xml").documentElement, true);
  const [, , wide] = svg.getAttribute("viewBox").split(" ").map(Number);
  svg.style.width = "100%";
  svg.style.height = "auto";
  svg.style.maxWidth = `${wide}px`;
  return h("figure", { class: "plot" }, h("figcaption", {}, name), svg);
}
