// Sliders for the free names of the line and for every number in it. A slider that is being dragged is left alone.
import { h } from "../../lib/dom.js";

const MOST = 80; // numbers with sliders; a text with more is not tuned by hand

// `bind(name, value)`, `rewrite(number, text)` and `show(span | null)` are told what the user does.
export function makeSliders({ bind, rewrite, show }) {
  const free = h("div", { class: "sliders" });
  const numbers = h("div", { class: "sliders" });
  const more = h("p", { class: "small" });
  const element = h("section", { "aria-label": "Sliders" }, free, numbers, more);
  let places = []; // of the numbers, as they stand in the text now

  function update(answer) {
    each(free, answer.free, freeKey, (item) => freeSlider(item, bind), updateFree);
    places = answer.numbers.slice(0, MOST);
    each(
      numbers,
      places,
      (_, i) => `number ${i}`,
      (_, i) => numberSlider(i),
      updateNumber,
    );
    more.textContent =
      answer.numbers.length > MOST ? `${answer.numbers.length - MOST} more numbers without a slider` : "";
  }

  function numberSlider(i) {
    const mark = () => show(places[i]);
    const field = h("input", {
      type: "range",
      onfocus: mark,
      onpointerenter: mark,
      onblur: () => show(null),
      onpointerleave: () => document.activeElement !== field && show(null),
      oninput() {
        const { start, end } = places[i];
        const text = String(Number(Number(field.value).toPrecision(6)));
        // What stands behind moves along until the answer says where all numbers are.
        const by = text.length - (end - start);
        places = places.map((place, j) =>
          j === i
            ? { ...place, end: place.end + by }
            : j > i
              ? { ...place, start: place.start + by, end: place.end + by }
              : place,
        );
        field.nextElementSibling.textContent = text;
        rewrite({ start, end }, text, places[i]);
      },
    });
    return slider(field);
  }

  return { element, update };
}

function freeKey({ name, choices }) {
  return `${name} ${choices.join("|")}`;
}

function freeSlider({ name, choices }, bind) {
  if (choices.length) {
    const field = h(
      "select",
      { onchange: () => bind(name, field.value) },
      ...choices.map((choice) => h("option", { value: choice }, choice)),
    );
    return slider(field);
  }
  const field = h("input", {
    type: "range",
    oninput() {
      field.nextElementSibling.textContent = field.value;
      bind(name, field.value);
    },
  });
  return slider(field);
}

function slider(field) {
  return h("label", { class: "slider" }, h("span", {}), field, h("output", {}));
}

function updateFree(element, { name, value, choices, counts }) {
  const [label, field, output] = element.children;
  label.textContent = choices.length === 2 && choices[0] === "yes" ? `${name}?` : name;
  field.setAttribute("aria-label", label.textContent); // the number beside it is no part of its name
  output.hidden = choices.length > 0;
  if (choices.length) {
    field.value = value;
    return;
  }
  const number = Number(value);
  field.disabled = !Number.isFinite(number); // a list, from the address, is no number
  if (Number.isFinite(number)) setRange(field, counts ? 0 : 1, Math.max(counts ? 6 : 128, 2 * number), 1, number);
  output.textContent = value;
}

function updateNumber(element, { label, low, high, step, value }) {
  const [name, field, output] = element.children;
  name.textContent = label;
  field.setAttribute("aria-label", label);
  setRange(field, low, high, step, value);
  output.textContent = String(value);
}

function setRange(field, low, high, step, value) {
  // Under the hand that drags it a slider keeps its ends.
  if (document.activeElement === field && value >= Number(field.min) && value <= Number(field.max)) high = field.max;
  field.min = Math.min(low, value);
  field.max = high;
  field.step = step;
  field.value = value;
}

// One element for each item, kept as long as its key stays.
function each(parent, items, key, make, update) {
  const known = new Map([...parent.children].map((element) => [element.dataset.key, element]));
  items.forEach((item, i) => {
    const name = key(item, i);
    const element = known.get(name) ?? make(item, i);
    known.delete(name);
    element.dataset.key = name;
    if (parent.children[i] !== element) parent.insertBefore(element, parent.children[i] ?? null);
    update(element, item);
  });
  for (const element of known.values()) element.remove();
}
