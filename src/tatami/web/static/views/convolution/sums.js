// How one number comes about, written out: the terms, where the window is small in its own shape, and what they sum to.
import { h } from "../../lib/dom.js";
import { exact } from "./modes.js";
import { range } from "./opened.js";

const WIDEST = 12; // places of a window that is shown in its own shape
const MOST = 60; // terms written one by one
const MOST_OTHERS = 12;

// A number as it is shown, and as it is.
const value = (number, attributes = {}) => h("span", { class: "value", "data-value": number, ...attributes }, exact(number));
const signed = (number, digits) => (number < 0 ? `(${exact(number, digits)})` : exact(number, digits));

// `done` is how many terms have been added so far, null for all. `opened` tells which cell is padding.
export function written(sum, opened, done) {
  const isPart = done !== null && done < sum.terms.length;
  const inShape = sum.grid && sum.grid[0] <= WIDEST && sum.grid[1] <= WIDEST;
  return [
    h("p", { class: "formula" }, h("code", {}, sum.formula)),
    sum.terms.length ? (inShape ? table(sum, opened, done) : list(sum, done)) : null,
    isPart ? partial(sum, done) : h("ul", { class: "adding" }, ...parts(sum)),
    sum.rule ? h("p", { class: "small" }, sum.rule, sum.bias === null || sum.bias === undefined ? null : [" = ", value(sum.bias, { id: "bias-gradient" })]) : null,
  ];
}

function parts(sum) {
  const items = [];
  if (sum.first && sum.others.length) items.push(h("li", {}, `${sum.first}, ${sum.terms.length} terms: `, value(added(sum.terms), { "data-part": "own" })));
  const channels = sum.others.filter((other) => !other.isBias);
  for (const other of channels.slice(0, MOST_OTHERS)) items.push(h("li", {}, `+ ${other.text}: `, value(other.value, { "data-part": "other" })));
  const rest = channels.slice(MOST_OTHERS);
  if (rest.length) items.push(h("li", {}, `+ ${rest.length} more: `, value(added(rest), { "data-part": "rest" })));
  for (const bias of sum.others.filter((other) => other.isBias)) items.push(h("li", {}, `+ ${bias.text}: `, value(bias.value, { "data-part": "bias" })));
  items.push(h("li", { class: "total" }, `= ${sum.name} = `, value(sum.total, { id: "total" })));
  return items;
}

function partial(sum, done) {
  const some = sum.terms.slice(0, done);
  if (sum.terms[0].isWinner !== undefined && sum.terms[0].right === undefined) {
    const real = some.filter((term) => !term.isPadding).map((term) => term.value);
    return h("p", { class: "adding" }, `the largest of the first ${done}: `, real.length ? value(Math.max(...real), { id: "partial" }) : "none yet");
  }
  return h("p", { class: "adding" }, `the first ${done} of ${sum.terms.length} terms: `, value(added(some), { id: "partial" }));
}

const added = (terms) => terms.reduce((sum, term) => sum + term.value, 0);

function table(sum, opened, done) {
  const [rows, columns] = opened.isSignal ? [sum.grid[1], 1] : sum.grid; // a signal's places stand below one another
  const digits = columns > 3 ? 3 : 4;
  const cell = (row, column) => {
    const at = row * columns + column;
    const term = sum.terms[at];
    const isPadding = opened.isPadding(...term.at);
    const marks = [isPadding && "padding", term.isWinner && "winner", done !== null && at === done - 1 && "now", done !== null && at >= done && "later"];
    const isAlone = term.right === undefined;
    return h(
      "td",
      { class: marks.filter(Boolean).join(" ") || null, "data-place": term.place.join(",") },
      isAlone
        ? isPadding && sum.terms.some((other) => other.isWinner) ? "padding" : value(term.value, { "data-part": "term" })
        : [
            h("span", { class: "factors" }, h("span", {}, isPadding ? "0" : exact(term.left, digits)), h("span", {}, ` × ${signed(term.right, digits)}`)),
            value(term.value, { "data-part": "term" }),
          ],
      term.isWinner ? h("span", { class: "small" }, "★ largest") : null,
      !isAlone && isPadding ? h("span", { class: "small" }, "padding") : null,
    );
  };
  const caption = sum.first ? `X × W at every place of the window, ${sum.first}` : "X at every place of the window";
  return h(
    "div",
    { class: "scroll", tabindex: 0, role: "region", "aria-label": "Terms" },
    h(
      "table",
      { class: opened.isSignal ? "terms column" : columns > 3 ? "terms narrow" : "terms" },
      h("caption", {}, caption),
      h("tbody", {}, ...range(rows).map((row) => h("tr", {}, ...range(columns).map((column) => cell(row, column))))),
    ),
  );
}

function list(sum, done) {
  const from = Math.max(0, Math.min((done ?? 0) - MOST, sum.terms.length - MOST));
  const some = sum.terms.slice(from, from + MOST);
  const items = some.map((term, at) => {
    const marks = [term.isWinner === false && "later", done !== null && from + at === done - 1 && "now", done !== null && from + at >= done && "later"];
    const factors = term.divisor !== undefined ? `${exact(term.left)} / ${term.divisor}` : term.right === undefined ? null : `${exact(term.left)} × ${signed(term.right)}`;
    return h(
      "li",
      { class: marks.filter(Boolean).join(" ") || null },
      term.text ? h("span", { class: "small" }, `${term.text}: `) : null,
      factors ? `${factors} = ` : null,
      value(term.value, { "data-part": "term" }),
    );
  });
  const left = sum.terms.length - some.length;
  return h(
    "div",
    { class: "scroll list", tabindex: 0, role: "region", "aria-label": "Terms" },
    h("ol", { class: "terms", start: from + 1 }, ...items),
    left ? h("p", { class: "small" }, `and ${left} more terms`) : null,
  );
}
