// The memory of a step, and the largest batch for a card or an amount of memory.
import { h, labelled } from "../../lib/dom.js";

// `app.state` holds the fields; `changed()` is called when one of them has changed.
export function makeMemory(words, app, changed) {
  const answer = h("div", { "aria-live": "polite" });

  function keep(key) {
    return (event) => {
      app.set({ [key]: event.target.value });
      changed();
    };
  }

  const select = (key, options, usual) =>
    h(
      "select",
      { value: app.state.get(key) ?? usual, onchange: keep(key) },
      ...options.map(([value, text]) => h("option", { value }, text)),
    );

  const fields = h(
    "div",
    { class: "row" },
    labelled(
      "Batch",
      h("input", {
        type: "number",
        min: 1,
        step: 1,
        value: app.state.get("batch") ?? 32,
        class: "short",
        oninput: keep("batch"),
      }),
    ),
    labelled(
      "Step of",
      select(
        "step",
        [
          ["training", "training"],
          ["inference", "inference"],
        ],
        "training",
      ),
    ),
    labelled(
      "Optimizer",
      select(
        "optimizer",
        words.optimizers.map((name) => [name, name]),
        "adamw",
      ),
    ),
    labelled(
      "Card",
      select(
        "card",
        [["", "this machine"], ...words.cards.map(({ name, memory }) => [name, `${name}, ${memory}`])],
        "",
      ),
    ),
    labelled(
      "Dtype",
      select(
        "dtype",
        ["float32", "tf32", "bf16"].map((name) => [name, name]),
        "float32",
      ),
    ),
    labelled(
      "Memory",
      h("input", {
        type: "text",
        class: "short",
        placeholder: "as 24GB",
        value: app.state.get("memory") ?? "",
        oninput: keep("memory"),
      }),
    ),
  );

  return {
    element: h(
      "section",
      { class: "memory" },
      h("h2", {}, "Memory of a step, and the largest batch"),
      fields,
      answer,
    ),
    // What to ask the server.
    asked() {
      const value = (key, usual) => app.state.get(key) ?? usual;
      return {
        batch: Math.trunc(Number(value("batch", 32))) || 0,
        training: value("step", "training") === "training",
        optimizer: value("optimizer", "adamw"),
        card: value("card", ""),
        dtype: value("dtype", "float32"),
        memory: value("memory", ""),
      };
    },
    update(found) {
      answer.replaceChildren(...[bar(found.kinds), keys(found.kinds), facts(found)]);
    },
    refuse(error) {
      answer.replaceChildren(h("p", { class: "error" }, error.text));
    },
  };
}

function bar(kinds) {
  return h(
    "div",
    { class: "kinds", "aria-hidden": "true" },
    ...kinds.map(({ name, bytes, text }) =>
      h("i", { class: `kind-${name}`, title: `${name} ${text}`, style: { flex: `${bytes} 0 0` } }),
    ),
  );
}

function keys(kinds) {
  return h(
    "ul",
    { class: "keys" },
    ...kinds.map(({ name, text }) =>
      h("li", {}, h("i", { class: `kind-${name}`, "aria-hidden": "true" }), `${name} ${text}`),
    ),
  );
}

function facts({ peak, peak_at, textbook, largest }) {
  const rows = [
    ["peak", `${peak}, ${peak_at}`],
    ["every map once, 4 bytes a value", textbook],
  ];
  if (largest) {
    const { batch, limit, per_sample, binds, bf16 } = largest;
    rows.unshift([
      "largest batch",
      batch ? `${batch.toLocaleString("en")} in ${limit}` : `none: one sample is too much for ${limit}`,
    ]);
    rows.push(["a sample more takes", per_sample], ["what binds", binds]);
    if (bf16 !== null) rows.push(["largest batch in bf16", bf16.toLocaleString("en")]);
  }
  return h(
    "dl",
    { class: "facts" },
    ...rows.map(([name, value]) =>
      h("div", { class: name === "largest batch" ? "first" : null }, h("dt", {}, name), h("dd", {}, value)),
    ),
  );
}
