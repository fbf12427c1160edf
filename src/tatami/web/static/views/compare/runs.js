// Runs side by side: their curves overlaid, their results and what differs in their settings. Runs that go on are read
// again and again: whoever trains them need not know.
import { CallError, get, newest } from "../../lib/call.js";
import { h } from "../../lib/dom.js";
import { makePlot } from "../../lib/plot.js";

const EVERY = 1500; // milliseconds between two looks at runs that have not ended
const COLUMNS = [
  ["network", "network"],
  ["data", "data"],
  ["params", "parameters"],
  ["epochs", "epochs"],
  ["loss", "best validation loss"],
  ["accuracy", "best validation accuracy"],
  ["state", "state"],
];
const PARTED = "/"; // no name of a folder has it

export function makeRuns(app) {
  const chosen = new Set((app.state.get("runs") ?? app.state.get("run") ?? "").split(PARTED).filter(Boolean));
  const known = new Map(); // run -> the latest answer
  let listed = [];
  let timer = null;
  let gone = false;
  let plots = null;

  const head = h(
    "tr",
    {},
    h("th", { scope: "col" }, "run"),
    ...COLUMNS.map(([, text]) => h("th", { scope: "col" }, text)),
  );
  const body = h("tbody", {});
  const table = h(
    "div",
    { class: "scroll runs", tabindex: "0", role: "group", "aria-label": "Runs" },
    h("table", {}, h("caption", { class: "visually-hidden" }, "Runs"), h("thead", {}, head), body),
  );
  const none = h("p", { class: "small" }, "There is no run yet: Train makes one.");
  const problem = h("p", { class: "error", "aria-live": "polite" });
  const charts = h("div", { class: "columns charts" });
  const beside = h("div", {});
  const element = h("section", {}, h("h2", {}, "Runs"), none, table, problem, charts, beside);

  const look = newest(async () => {
    clearTimeout(timer);
    try {
      listed = (await get("/api/compare/runs")).runs;
      for (const name of chosen) if (!listed.some(({ id }) => id === name)) chosen.delete(name);
      for (const name of chosen) {
        const stamp = known.get(name)?.stamp;
        const answer = await get(`/api/compare/run/${encodeURIComponent(name)}${stamp ? `?stamp=${stamp}` : ""}`);
        if (answer.curves) known.set(name, answer);
      }
      problem.textContent = "";
    } catch (error) {
      if (!(error instanceof CallError)) throw error;
      problem.textContent = error.error.text;
    }
    if (gone) return;
    showList();
    await showChosen();
    if (!gone) timer = setTimeout(look, EVERY);
  });

  function showList() {
    none.hidden = listed.length > 0;
    table.hidden = listed.length === 0;
    // The box that has the focus stays the same element.
    const rows = new Map([...body.children].map((row) => [row.dataset.run, row]));
    for (const run of listed) {
      const row = rows.get(run.id) ?? makeRow(run.id);
      rows.delete(run.id);
      body.append(...(row.parentElement ? [] : [row]));
      const cells = run.error
        ? [h("td", { colspan: COLUMNS.length, class: "error" }, run.error)]
        : COLUMNS.map(([key]) => h("td", {}, run[key]));
      row.querySelector("input").checked = chosen.has(run.id);
      row.replaceChildren(row.firstElementChild, ...cells);
    }
    for (const row of rows.values()) row.remove();
  }

  function makeRow(name) {
    const box = h("input", {
      type: "checkbox",
      onchange() {
        if (box.checked) chosen.add(name);
        else chosen.delete(name);
        app.set({ runs: [...chosen].join(PARTED) });
        look();
      },
    });
    return h("tr", { "data-run": name }, h("th", { scope: "row" }, h("label", { class: "choice" }, box, name)));
  }

  async function showChosen() {
    const runs = [...chosen].map((name) => [name, known.get(name)]).filter(([, run]) => run);
    charts.hidden = beside.hidden = runs.length === 0;
    if (!runs.length) return;
    plots ??= await Promise.all([
      makePlot(charts, { title: "Loss", log: true }),
      makePlot(charts, { title: "Validation accuracy" }),
      makePlot(charts, { title: "Learning rate" }),
    ]);
    if (gone) return;
    const curves = (key, says) =>
      runs
        .map(([name, { curves }], i) => ({ name: says ? `${name} ${says}` : name, group: i, ...curves[key] }))
        .filter(({ x }) => x.length);
    const losses = [curves("training", "training"), curves("validation", "validation")];
    plots[0].update(losses[0].flatMap((curve) => [curve, ...losses[1].filter(({ group }) => group === curve.group)]));
    plots[1].update(curves("accuracy"));
    plots[2].update(curves("rate"));
    charts.dataset.runs = runs.map(([name, { stamp }]) => `${name}@${stamp}`).join(PARTED);
    const settings = differing(runs.map(([, run]) => new Map(run.settings)));
    const facts = rowsOf(runs.map(([, run]) => new Map(run.facts)));
    beside.replaceChildren(
      sideBySide("Results", runs, facts),
      settings.length
        ? sideBySide("Settings that differ", runs, settings)
        : h("p", { class: "small" }, runs.length > 1 ? "All settings are the same." : ""),
      ...runs.map(([name, run]) =>
        h("details", {}, h("summary", {}, `The network of ${name}`), h("pre", {}, run.notation.trim())),
      ),
    );
  }

  return {
    element,
    start: look,
    destroy() {
      gone = true;
      clearTimeout(timer);
      plots?.forEach((plot) => plot.destroy());
    },
  };
}

// [[name, value of each run]], in the order in which the names first come.
function rowsOf(maps) {
  const names = new Set(maps.flatMap((map) => [...map.keys()]));
  return [...names].map((name) => [name, maps.map((map) => map.get(name) ?? "-")]);
}

function differing(maps) {
  return rowsOf(maps).filter(([, values]) => new Set(values).size > 1);
}

function sideBySide(title, runs, rows) {
  return h(
    "div",
    { class: "scroll", tabindex: "0", role: "group", "aria-label": title },
    h(
      "table",
      {},
      h("caption", {}, title),
      h("thead", {}, h("tr", {}, h("td", {}), ...runs.map(([name]) => h("th", { scope: "col" }, name)))),
      h(
        "tbody",
        {},
        ...rows.map(([name, values]) =>
          h("tr", {}, h("th", { scope: "row" }, name), ...values.map((value) => h("td", {}, value))),
        ),
      ),
    ),
  );
}
