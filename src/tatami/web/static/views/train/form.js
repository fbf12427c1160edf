// What is trained, and how: the fields of a new training. Their values are those of the address.
import { h, labelled } from "../../lib/dom.js";

const TEXT = "INPUT -> [[CONV -> RELU]*2 -> POOL]*2 -> [FC -> RELU]*1 -> FC";

// `setup` says what there is to choose from, `start(line, settings)` begins.
export function makeForm(setup, app, start) {
  const state = app.state;
  const keep = (name) => (event) => app.set({ [name]: event.target.value });
  const choice = (name, values, usual) =>
    h("select", { onchange: keep(name), value: values.includes(state.get(name)) ? state.get(name) : usual },
      values.map((value) => h("option", { value }, value)));
  const count = (name, attributes) =>
    h("input", { type: "number", class: "short", placeholder: "auto", value: state.get(name) ?? "", oninput: keep(name), ...attributes });

  const net = h("textarea", {
    class: "line", rows: 2, spellcheck: "false", autocapitalize: "off", value: state.get("net") || TEXT,
    oninput: keep("net"),
  });
  const data = choice("data", setup.data, setup.data[0]);
  const epochs = count("epochs", { min: 1, step: 1 });
  const batch = count("batch", { min: 1, step: 1 });
  const lr = count("lr", { min: 0, step: "any" });
  const optimizer = choice("optimizer", setup.optimizers, "adamw");
  const schedule = choice("schedule", setup.schedules, "onecycle");
  const augment = choice("augment", setup.augment, "auto");
  const begin = h("button", { type: "submit", class: "primary" }, "Start");
  const first = h("button", { type: "button", onclick: () => send(true) }, "Start paused");

  const whole = (field) => (field.value.trim() ? Math.trunc(Number(field.value)) : null);
  function send(pauses) {
    const bindings = {};
    for (const [key, value] of app.state) if (key.startsWith("b.")) bindings[key.slice(2)] = value;
    start(
      { text: net.value, bindings },
      {
        data: data.value, epochs: whole(epochs), batch: whole(batch), lr: lr.value.trim() ? Number(lr.value) : null,
        optimizer: optimizer.value, schedule: schedule.value, augment: augment.value, pauses,
      },
    );
  }

  const element = h(
    "form",
    {
      class: "panel settings", "aria-label": "A new training",
      onsubmit(event) {
        event.preventDefault();
        send(false);
      },
    },
    labelled("Network", net, { class: "field wide" }),
    h("div", { class: "row" },
      labelled("Data", data), labelled("Epochs", epochs), labelled("Batch", batch), labelled("Learning rate", lr),
      labelled("Optimizer", optimizer), labelled("Schedule", schedule), labelled("Augmentation", augment)),
    h("div", { class: "row" }, begin, first,
      h("button", { type: "button", onclick: () => app.go("design", { net: net.value }) }, "Edit in Design")),
  );
  return {
    element,
    // Nothing can be started while something is trained.
    hold(isHeld) {
      begin.disabled = isHeld;
      first.disabled = isHeld;
    },
    // The text of the line, underlined where an error points.
    point({ start: from, end }) {
      if (from === null || from === undefined) return;
      net.focus();
      net.setSelectionRange(from, Math.max(end, from));
    },
  };
}
