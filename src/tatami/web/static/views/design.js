// Design: the line in an editor; beside it what it looks like and costs.
import { CallError, get, latest, newest, post } from "../lib/call.js";
import { h, labelled, settled, stylesheet } from "../lib/dom.js";
import { makeEditor } from "./design/editor.js";
import { makeMemory } from "./design/memory.js";
import { makeMisfit } from "./design/misfit.js";
import { makePlan } from "./design/plan.js";
import { makeSliders } from "./design/sliders.js";

const REST = 180; // milliseconds without a key: then the memory is asked for, and the address follows

export async function mount(root, app) {
  const [words] = await Promise.all([get("/api/design/words"), stylesheet(import.meta.url)]);
  const askPlan = newest((body) => post("/api/design/plan", body));
  const askMisfit = latest((body, options) => post("/api/design/misfit", body, options));
  const askMemory = latest((body, options) => post("/api/design/memory", body, options));

  const editor = makeEditor(words, () => changed());
  const sliders = makeSliders({
    bind(name, value) {
      bindings.set(name, value);
      changed();
    },
    rewrite({ start, end }, text, place) {
      editor.write(editor.text.slice(0, start) + text + editor.text.slice(end), place);
      changed();
    },
    show: (span) => editor.show(span),
  });
  const plan = makePlan(words.style);
  const misfit = makeMisfit(write);
  const memory = makeMemory(words, app, () => refreshMemory());
  const zoo = h("p", { class: "small zoo" });
  let gone = false;

  // The state, from the address: b.N is the value of a free name N.
  const bindings = new Map();
  for (const [key, value] of app.state) if (key.startsWith("b.")) bindings.set(key.slice(2), value);
  const input = h("input", {
    type: "text",
    class: "short",
    placeholder: "32x32x3",
    value: app.state.get("input") ?? "",
  });
  const classes = h("input", { type: "number", min: 1, class: "short", value: app.state.get("classes") ?? "" });
  for (const field of [input, classes]) field.addEventListener("input", () => changed());

  function line() {
    return {
      text: editor.text,
      bindings: Object.fromEntries(bindings),
      input: input.value,
      classes: Math.trunc(Number(classes.value)) || null,
    };
  }

  function write(text) {
    editor.write(text);
    changed();
    editor.field.focus();
  }

  const keep = settled((free) => {
    const gone = [...app.state.keys()].filter((key) => key.startsWith("b."));
    const bound = free.map(({ name, value }) => [`b.${name}`, value]);
    app.set({
      ...Object.fromEntries(gone.map((key) => [key, null])),
      ...Object.fromEntries(bound),
      net: editor.text,
      input: input.value,
      classes: classes.value,
    });
  }, REST);

  const refreshMisfit = settled(async () => {
    const answer = await askMisfit(line()).catch(() => null); // a line that is none is the plan's to refuse
    if (answer) misfit.update(answer.misfit);
  }, REST);

  const refreshMemory = settled(async () => {
    try {
      const answer = await askMemory({ ...line(), ...memory.asked() });
      if (answer) memory.update(answer);
    } catch (error) {
      if (!(error instanceof CallError)) throw error;
      memory.refuse(error.error);
    }
  }, REST);

  async function changed() {
    const text = editor.text;
    let answer;
    try {
      answer = await askPlan({ ...line(), width: plan.drawing.clientWidth || 900 });
    } catch (error) {
      if (!(error instanceof CallError)) throw error;
      editor.refuse(error.error);
      return;
    }
    if (!answer || gone) return; // a later line is asked for instead
    if (text === editor.text) {
      // Places in the text are of use for this very text only.
      editor.refuse(answer.error);
      sliders.update(answer);
      plan.mark(Boolean(answer.error));
      keep(answer.free);
    }
    if (answer.error) {
      // What is still to be asked would be asked of this line, and be refused once more.
      refreshMisfit.cancel();
      refreshMemory.cancel();
      return;
    }
    plan.update(answer);
    refreshMisfit();
    showZoo(answer.zoo);
    refreshMemory();
    root.dataset.line = text; // the figures are those of this line
  }

  function showZoo(entry) {
    zoo.replaceChildren();
    if (!entry) return;
    zoo.append(
      `${entry.title}. ${entry.source}. `,
      h("button", { type: "button", onclick: () => write(entry.text) }, "Write it out"),
    );
  }

  const examples = h(
    "div",
    { class: "examples", role: "group", "aria-label": "Examples" },
    ...words.examples.map(({ name, text }) => h("button", { type: "button", onclick: () => write(text) }, name)),
    h(
      "select",
      {
        "aria-label": "Networks of the zoo",
        onchange(event) {
          if (event.target.value) write(event.target.value);
          event.target.value = "";
        },
      },
      h("option", { value: "" }, "the zoo…"),
      ...words.zoo.map(({ name, says }) => h("option", { value: name }, says ? `${name}: ${says}` : name)),
    ),
  );

  root.append(
    h("h1", {}, "Design"),
    h(
      "div",
      { class: "design" },
      h(
        "div",
        { class: "writing" },
        editor.element,
        zoo,
        examples,
        h(
          "p",
          { class: "small", id: "line-help" },
          "Names are completed as you type: arrows choose, Enter takes, Escape leaves. Ctrl-Space asks.",
        ),
        sliders.element,
        h(
          "details",
          { open: Boolean(input.value || classes.value) },
          h("summary", {}, "Data that the line leaves open"),
          h("div", { class: "row" }, labelled("Input", input), labelled("Classes", classes)),
        ),
      ),
      h("div", { class: "result" }, plan.outdated, plan.facts, plan.drawing, misfit.element, memory.element),
    ),
    plan.table,
  );
  editor.write(app.state.get("net") ?? words.examples[0].text);
  requestAnimationFrame(() => changed());

  return {
    destroy() {
      gone = true;
      keep.cancel();
      refreshMemory.cancel();
      refreshMisfit.cancel();
      editor.destroy();
      plan.destroy();
    },
  };
}
