// The line in an editor: what is wrong is underlined where it stands, and names are completed.
import { h } from "../../lib/dom.js";
import { suggestions } from "./complete.js";

// `words` as the server gives them; `changed(text)` is called for every change by hand.
export function makeEditor(words, changed) {
  const under = h("pre", { class: "editor-under", "aria-hidden": "true" });
  const list = h("ul", {
    class: "completion",
    role: "listbox",
    id: "completion",
    "aria-label": "Completions",
    hidden: true,
  });
  const field = h("textarea", {
    id: "line",
    rows: 2,
    spellcheck: "false",
    autocomplete: "off",
    autocapitalize: "off",
    autocorrect: "off",
    "aria-autocomplete": "list",
    "aria-controls": "completion",
    "aria-describedby": "line-error line-help",
  });
  const problem = h("p", { class: "problem", id: "line-error", "aria-live": "polite" });
  let wrong = null; // {start, end} of what is underlined
  let shown = null; // {start, end} of a number that a slider is about
  let found = null; // what is offered: {start, end, items}
  let active = 0;

  function paint() {
    const text = field.value;
    const marks = [
      ...(wrong ? [{ ...wrong, kind: "wrong" }] : []),
      ...(shown ? [{ ...shown, kind: "shown" }] : []),
    ].sort((a, b) => a.start - b.start);
    const parts = [];
    let at = 0;
    for (const { start, end, kind } of marks) {
      if (start < at) continue;
      parts.push(text.slice(at, start));
      // At the end of the text there is nothing to underline: a blank stands for what is missing.
      parts.push(h("mark", { class: kind }, text.slice(start, end).trim() ? text.slice(start, end) : "\u00a0"));
      at = end;
    }
    under.replaceChildren(...parts, text.slice(at), "\n");
    field.style.height = "auto";
    field.style.height = `${field.scrollHeight + 2}px`;
  }

  function offer() {
    found =
      field.selectionStart === field.selectionEnd ? suggestions(words, field.value, field.selectionStart) : null;
    list.hidden = !found;
    if (!found) {
      hide();
      return;
    }
    active = found.start < field.selectionStart ? 0 : -1; // before a letter is typed nothing is chosen
    place();
    list.replaceChildren(
      ...found.items.map((item, i) =>
        h(
          "li",
          {
            role: "option",
            id: `completion-${i}`,
            // The field keeps the focus: a press would take it.
            onpointerdown: (event) => {
              event.preventDefault();
              take(i);
            },
          },
          h("b", {}, item.name),
          h("span", {}, item.says),
        ),
      ),
    );
    point();
  }

  function place() {
    const mark = h("span", {});
    const text = field.value;
    under.replaceChildren(text.slice(0, found.start), mark, text.slice(found.start), "\n");
    const [box, spot] = [under.parentElement.getBoundingClientRect(), mark.getBoundingClientRect()];
    paint();
    list.style.left = `${Math.max(0, Math.min(spot.left - box.left, box.width - 288))}px`;
    list.style.top = `${spot.top - box.top + 26}px`;
  }

  function point() {
    [...list.children].forEach((option, i) => option.setAttribute("aria-selected", String(i === active)));
    if (active < 0) return;
    field.setAttribute("aria-activedescendant", `completion-${active}`);
    list.children[active].scrollIntoView({ block: "nearest" });
  }

  function hide() {
    found = null;
    list.hidden = true;
    list.replaceChildren();
    field.removeAttribute("aria-activedescendant");
  }

  function take(i) {
    const { start, end, items } = found;
    hide();
    // As if it were typed: the browser can undo it.
    field.setSelectionRange(start, end);
    if (!document.execCommand("insertText", false, items[i].insert)) {
      field.setRangeText(items[i].insert, start, end, "end");
      typed();
    }
  }

  function typed() {
    wrong = null;
    shown = null;
    paint();
    offer();
    changed(field.value);
  }

  field.addEventListener("input", typed);
  field.addEventListener("blur", hide);
  field.addEventListener("keydown", (event) => {
    if (event.key === " " && event.ctrlKey) {
      event.preventDefault();
      offer();
    } else if (found && (event.key === "ArrowDown" || event.key === "ArrowUp")) {
      event.preventDefault();
      const count = found.items.length;
      active = event.key === "ArrowDown" ? (active + 1) % count : (Math.max(active, 0) + count - 1) % count;
      point();
    } else if (found && active >= 0 && (event.key === "Enter" || event.key === "Tab") && !event.shiftKey) {
      event.preventDefault();
      take(active);
    } else if (found && event.key === "Escape") {
      event.preventDefault();
      hide();
    }
  });
  field.addEventListener("keyup", (event) => {
    if (found && ["ArrowLeft", "ArrowRight", "Home", "End"].includes(event.key)) hide();
  });

  const resized = new ResizeObserver(paint);
  resized.observe(under.appendChild(document.createElement("span")).parentElement);

  return {
    element: h(
      "div",
      {},
      h("label", { for: "line", class: "visually-hidden" }, "The network in one line, or a name of the zoo"),
      h("div", { class: "editor" }, under, field, list),
      problem,
    ),
    field,
    get text() {
      return field.value;
    },
    // Change the text by program: as by a slider.
    write(text, mark = null) {
      field.value = text;
      wrong = null;
      shown = mark;
      hide();
      paint();
    },
    // Mark the number that a slider is about.
    show(span) {
      shown = span;
      paint();
    },
    // Show what is wrong, or that nothing is (null).
    refuse(error) {
      wrong =
        error && error.start !== null && error.start !== undefined ? { start: error.start, end: error.end } : null;
      field.setAttribute("aria-invalid", String(Boolean(error)));
      problem.replaceChildren(...sentence(error));
      paint();
    },
    destroy() {
      resized.disconnect();
    },
  };
}

function sentence(error) {
  if (!error) return [];
  const parts = [h("b", {}, error.where ? `${error.where}: ${error.problem}` : error.problem)];
  if (error.got) parts.push(`; got ${error.got}`);
  if (error.expected) parts.push(`; expected ${error.expected}`);
  if (error.hint) parts.push(h("span", { class: "hint" }, error.hint));
  return parts;
}
