// Elements, written as calls: h("button", { type: "button", onclick: f }, "Start").

const SVG = "http://www.w3.org/2000/svg";

// Attributes: `onNAME` are listeners, `style` is an object, true and false make an attribute stand or not; `value`,
// `checked` and other properties of fields are set as such. Children: nodes, texts, arrays; null and false are left
// out.
export function h(tag, attributes = {}, ...children) {
  return filled(document.createElement(tag), attributes, children);
}

export function svg(tag, attributes = {}, ...children) {
  return filled(document.createElementNS(SVG, tag), attributes, children);
}

const PROPERTIES = new Set(["value", "checked", "selected", "disabled", "hidden", "open", "indeterminate"]);

function filled(element, attributes, children) {
  for (const [name, value] of Object.entries(attributes ?? {})) {
    if (value === null || value === undefined) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (name === "style") {
      for (const [key, said] of Object.entries(value)) {
        if (key.startsWith("--")) element.style.setProperty(key, said);
        else element.style[key] = said;
      }
    } else if (PROPERTIES.has(name) && name in element) element[name] = value;
    else if (value === true) element.setAttribute(name, "");
    else if (value !== false) element.setAttribute(name, value);
  }
  element.append(
    ...children.flat(Infinity).filter((child) => child !== null && child !== undefined && child !== false),
  );
  // A <select> takes its value only once its options are there.
  if (element instanceof HTMLSelectElement && attributes?.value !== undefined) element.value = attributes.value;
  return element;
}

let count = 0;

// A field with its label: labelled("Batch", h("input", ...)).
export function labelled(text, field, attributes = {}) {
  if (!field.id) field.id = `field-${++count}`;
  return h("div", { class: "field", ...attributes }, h("label", { for: field.id }, text), field);
}

// Call `act` once, `wait` milliseconds after the last of several calls.
export function settled(act, wait) {
  let timer = null;
  const call = (...values) => {
    clearTimeout(timer);
    timer = setTimeout(() => act(...values), wait);
  };
  call.cancel = () => clearTimeout(timer);
  return call;
}

// Add the style sheet of a view, once: `await stylesheet(import.meta.url)` takes NAME.css beside NAME.js.
const sheets = new Map();

export function stylesheet(url) {
  const href = new URL(url, location.href).pathname.replace(/\.js$/, ".css");
  if (!sheets.has(href)) {
    sheets.set(
      href,
      new Promise((done) => {
        // Without its style a view is still of use: an error is no reason not to show it.
        document.head.append(h("link", { rel: "stylesheet", href, onload: done, onerror: done }));
      }),
    );
  }
  return sheets.get(href);
}
