// What a line costs: facts, the drawing to scale, the layers; the one and the other point at each other.
import { h, settled } from "../../lib/dom.js";

const AT_ONCE = 48; // layers whose table is made with every key; a longer one is made when the line comes to rest
const REST = 120; // milliseconds

export function makePlan(style) {
  // The drawing's own style, as a sheet that the page makes: a <style> element would be refused.
  const sheet = new CSSStyleSheet();
  sheet.replaceSync(style);
  document.adoptedStyleSheets = [...document.adoptedStyleSheets, sheet];

  const facts = h("dl", { class: "facts", "aria-live": "polite", "aria-label": "Totals" });
  const drawing = h("div", {
    class: "drawing scroll",
    tabindex: "0",
    role: "group",
    "aria-label": "The network to scale",
  });
  const head = h("tr", {});
  const body = h("tbody", {});
  const notes = h("ul", { class: "notes small" });
  const table = h(
    "div",
    { class: "scroll layers", tabindex: "0", role: "group", "aria-label": "Layers" },
    h(
      "table",
      { class: "numbers" },
      h("caption", { class: "visually-hidden" }, "Layers"),
      h("thead", {}, head),
      body,
    ),
  );
  const more = h("p", { class: "small" });
  const outdated = h("p", { class: "outdated", hidden: true }, "Figures of the last line that was a network:");
  let blocks = new Map(); // layer's name -> its block in the drawing
  let rows = new Map();
  const later = settled((answer) => detail(answer), REST);

  function update(answer) {
    facts.replaceChildren(
      ...answer.facts.map(([name, value]) => h("div", {}, h("dt", {}, name), h("dd", {}, value))),
    );
    if (answer.layers.length <= AT_ONCE) {
      later.cancel();
      detail(answer);
    } else later(answer);
  }

  function detail(answer) {
    draw(answer.drawing);
    head.replaceChildren(...answer.headings.map((heading) => h("th", { scope: "col" }, heading)));
    rows = new Map();
    body.replaceChildren(
      ...answer.layers.map(({ name, row }) => {
        const [first, ...rest] = row;
        const element = h(
          "tr",
          { onpointerenter: () => point(name), onpointerleave: () => point(null) },
          h("th", { scope: "row" }, first),
          ...rest.map((cell) => h("td", {}, cell)),
        );
        rows.set(name, element);
        return element;
      }),
    );
    more.textContent = answer.more ? `and ${answer.more.toLocaleString("en")} more layers` : "";
    notes.replaceChildren(
      ...answer.layers.flatMap(({ name, notes }) => notes.map((note) => h("li", {}, `${name}: ${note}`))),
    );
  }

  function draw(text) {
    const svg = document.importNode(new DOMParser().parseFromString(text, "image/svg+xml").documentElement, true);
    const [, , wide] = svg.getAttribute("viewBox").split(" ").map(Number);
    svg.style.width = "100%";
    svg.style.height = "auto";
    svg.style.minWidth = `${Math.min(wide, 560)}px`;
    svg.style.maxWidth = `${1.15 * wide}px`;
    blocks = new Map();
    for (const block of svg.querySelectorAll(".tn-block, .tn-joined")) {
      const names = [...(block.querySelector("title")?.textContent ?? "").matchAll(/^([\w.]+): /gm)].map(
        (match) => match[1],
      );
      for (const name of names) blocks.set(name, block);
      block.addEventListener("pointerenter", () => point(names[0]));
      block.addEventListener("pointerleave", () => point(null));
      block.addEventListener("click", () => rows.get(names[0])?.scrollIntoView({ block: "center" }));
    }
    drawing.replaceChildren(svg);
  }

  function point(name) {
    for (const element of [...drawing.querySelectorAll(".here"), ...body.querySelectorAll(".here")]) {
      element.classList.remove("here");
    }
    if (name) {
      blocks.get(name)?.classList.add("here");
      rows.get(name)?.classList.add("here");
    }
  }

  return {
    facts,
    drawing,
    table: h("section", {}, h("h2", {}, "Layers"), notes, table, more),
    update,
    outdated,
    // The figures of an earlier line are still there, and said to be.
    mark(is) {
      outdated.hidden = !is || !facts.childElementCount;
      drawing.classList.toggle("faded", is);
    },
    destroy() {
      later.cancel();
      document.adoptedStyleSheets = document.adoptedStyleSheets.filter((each) => each !== sheet);
    },
  };
}
