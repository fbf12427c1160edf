// Convolution: one layer opened up. The window slides over what really comes in, and every number says how it came about.
import { CallError, latest, post } from "../lib/call.js";
import { h, settled, stylesheet } from "../lib/dom.js";
import { CellMap } from "./convolution/cells.js";
import { makeChoice, makeMover, makeSizes, makeSource } from "./convolution/controls.js";
import { MODES, pointed } from "./convolution/modes.js";
import { Opened, pairs } from "./convolution/opened.js";
import { makePlayer } from "./convolution/player.js";
import { written } from "./convolution/sums.js";

const SETTING = "s."; // s.stride=2 in the address: a size other than the network's
const CHOSEN = { y: "y", dx: "x", dw: "w" }; // what keeps the cell that is chosen in each mode
const REST = 200; // milliseconds without another cell: then the address follows

export async function mount(root, app) {
  await stylesheet(import.meta.url);
  const askNetwork = latest((body, options) => post("/api/convolution/network", body, options));
  const askLayer = latest((body, options) => post("/api/convolution/layer", body, options));

  let answered = null;
  let opened = null;
  let maps = new Map(); // by key
  let cell = [0, 0]; // that is chosen, of what is shown
  let done = null; // terms that have been added, null: all
  let hovered = ""; // the map and cell that is pointed at
  let wanted = new Set(); // settings that were asked for last

  const source = makeSource(app, (values) => change(values, true));
  const sizes = makeSizes((values) => change(Object.fromEntries(Object.entries(values).map(([name, text]) => [SETTING + name, text]))));
  const choice = makeChoice((values) => change(values));
  const mover = makeMover((values) => change(values));
  const player = makePlayer(app, { step, restart: () => choose(cells()[0]), stopped: () => refresh() });
  const modes = h("div", { class: "modes", role: "group", "aria-label": "What is looked at" });
  const error = h("p", { class: "error", role: "alert" });
  const notes = h("ul", { class: "small notes" });
  const stage = h("div", { class: "stage" });
  const told = h("p", { class: "told", "aria-live": "polite" });
  const sum = h("div", { class: "sum panel" });
  root.append(
    h("h1", {}, "Convolution"),
    source.element,
    sizes.element,
    error,
    h("div", { class: "row" }, modes, ...choice.element),
    player.element,
    mover.element,
    h("div", { class: "opened" }, stage, h("section", { "aria-label": "How the number comes about" }, told, sum)),
    notes,
  );

  const keep = settled(() => app.set({}), REST);
  const mode = () => MODES[app.state.get("mode")] ?? MODES.y;
  const cells = () => {
    const map = maps.get(mode().chosen);
    return pairs(map.size).filter(([i, j]) => !map.padding?.(i, j));
  };

  // --- asking ---

  function question() {
    const bindings = [...app.state].filter(([key]) => key.startsWith("b.")).map(([key, value]) => [key.slice(2), value]);
    const text = app.state.get("net");
    return {
      ...(text ? { text } : {}),
      bindings: Object.fromEntries(bindings),
      input: app.state.get("input") ?? "",
      classes: whole(app.state.get("classes")) || null,
      run: app.state.get("run") ?? "",
      data: app.state.get("run") ? "" : (app.state.get("data") ?? ""),
    };
  }

  function request() {
    const settings = [...app.state].filter(([key]) => key.startsWith(SETTING)).map(([key, value]) => [key.slice(SETTING.length), value]);
    wanted = new Set(settings.map(([name]) => name));
    return {
      ...question(),
      layer: app.state.get("layer") ?? "",
      sample: whole(app.state.get("sample")),
      settings: Object.fromEntries(settings),
      filter: whole(app.state.get("filter")),
      channel: whole(app.state.get("channel")),
      first: numbers(app.state.get("first")),
      gradient: app.state.get("gradient") ?? "score",
      cell: numbers(app.state.get("y")),
    };
  }

  function change(values, isNetwork = false) {
    const { layer, net, run } = values;
    if (layer !== undefined || net !== undefined || run !== undefined) forget();
    app.set(values);
    player.stop();
    return load(isNetwork);
  }

  // What belongs to one layer: its changed sizes, the part that is shown, the cells that are chosen.
  function forget() {
    const own = ["layer", "first", "filter", "channel", ...Object.values(CHOSEN)];
    const sizes = [...app.state.keys()].filter((key) => key.startsWith(SETTING));
    app.set(Object.fromEntries([...own, ...sizes].map((key) => [key, null])));
  }

  async function load(isNetwork) {
    try {
      if (isNetwork) {
        const network = await askNetwork(question());
        if (!network) return;
        source.update(network);
        // What was chosen in another network means nothing in this one.
        const layer = app.state.get("layer");
        if (layer && network.layers.every(({ name }) => name !== layer)) forget();
      }
      const answer = await askLayer(request());
      if (!answer) return;
      error.textContent = "";
      root.classList.remove("outdated");
      show(answer);
    } catch (caught) {
      if (!(caught instanceof CallError)) throw caught;
      error.textContent = caught.error.text;
      root.classList.add("outdated");
      sizes.refuse(wanted);
    }
  }

  // --- showing ---

  function show(answer) {
    answered = answer;
    opened = new Opened(answer);
    if (!opened.isConv && app.state.get("mode") === "dw") app.set({ mode: null });
    source.opened(answer);
    sizes.update(answer);
    mover.update(answer);
    const said = mode() === MODES.y ? answer.notes : [answer.gradient.text, ...answer.notes];
    notes.replaceChildren(...said.map((note) => h("li", {}, note)));
    showMode(answer);
    root.dataset.opened = answer.layer;
  }

  function showMode(answer) {
    const now = mode();
    choice.update(answer, app.state.get("mode") ?? "y");
    modes.replaceChildren(
      ...Object.entries(MODES)
        .filter(([key]) => opened.isConv || key !== "dw")
        .map(([key, { name }]) => h("button", { type: "button", "aria-pressed": String(MODES[key] === now), onclick: () => enter(key) }, name)),
    );
    const specs = now.maps(opened);
    const kind = `${answer.gradient.kind} ${specs.map(({ key }) => key)}`;
    if (stage.dataset.kind !== kind) {
      stage.dataset.kind = kind;
      maps = new Map(specs.map(({ key }) => [key, new CellMap(key, acts(key, now.chosen))]));
      stage.replaceChildren(...[...maps.values()].map((map) => map.element));
    }
    stage.classList.toggle("signals", opened.isSignal);
    for (const spec of specs) maps.get(spec.key).show(spec, opened.isSignal);
    choose(remembered() ?? cells()[0]);
  }

  function enter(key) {
    app.set({ mode: key === "y" ? null : key });
    player.stop();
    show(answered);
    modes.querySelector("[aria-pressed=true]").focus();
  }

  function acts(key, chosen) {
    const point = (at) => {
      const name = at ? `${key} ${at}` : "";
      if (name === hovered) return;
      hovered = name;
      const found = at ? pointed(opened, key, at) : { text: pointed(opened, mode().chosen, cell).text, marks: {} };
      told.textContent = found.text;
      for (const [other, map] of maps) map.point(found.marks[other]);
    };
    if (key === chosen) return { point, choose: (at) => (player.stop(), choose(at)) };
    // The one output that is 1 can be moved.
    if (key === "dy" && opened.gradient.kind === "cell") {
      return { point, choose: ([o, p]) => change({ y: opened.named([o, p], "first").replaceAll(" ", "") }) };
    }
    return { point };
  }

  // The state keeps whole numbers of the layer, not of the part that is shown.
  function begin(axis) {
    return { y: opened.axes[axis].first, dx: opened.axes[axis].start, dw: 0 }[mode().chosen];
  }

  function remembered() {
    const at = numbers(app.state.get(CHOSEN[mode().chosen]));
    if (at.length !== opened.axes.length - opened.isSignal) return null;
    const size = maps.get(mode().chosen).size;
    const found = (opened.isSignal ? [0, ...at] : at).map((value, axis) => value - begin(axis));
    return found.every((value, axis) => value >= 0 && value < size[axis]) ? found : null;
  }

  function choose(at, terms = null) {
    cell = at;
    done = terms;
    const whole = at.map((value, axis) => value + begin(axis));
    root.dataset.cell = (opened.isSignal ? whole.slice(1) : whole).join(",");
    app.state.set(CHOSEN[mode().chosen], root.dataset.cell);
    keep();
    refresh();
  }

  function refresh() {
    const now = mode();
    const how = now.sum(opened, cell);
    const marks = now.marks(opened, cell);
    // While terms are added one by one, the one that comes last is told apart from the window around it.
    if (done) {
      const key = { y: "x", dx: "dy", dw: "x" }[now.chosen];
      const term = how.terms[done - 1];
      marks[key] = [...(marks[key] ?? []), { cells: [term.at], kind: "chosen" }];
      if (now.chosen === "y" && marks.x && opened.isConv) marks.w = [{ cells: [term.place], kind: "chosen" }];
      if (now.chosen === "dw") marks.dy = [{ cells: [term.place], kind: "chosen" }];
    }
    for (const [key, map] of maps) map.mark(marks[key]);
    told.setAttribute("aria-live", player.isPlaying ? "off" : "polite");
    if (!hovered) told.textContent = pointed(opened, now.chosen, cell).text;
    sum.replaceChildren(...written(how, opened, done).filter(Boolean));
  }

  function step(direction, by) {
    const terms = by === "term" ? mode().sum(opened, cell).terms.length : 0;
    if (terms) {
      const next = (done ?? (direction > 0 ? 0 : terms)) + direction;
      if (next >= 1 && next <= terms) {
        choose(cell, next);
        return true;
      }
    }
    const all = cells();
    const next = all[all.findIndex(([i, j]) => i === cell[0] && j === cell[1]) + direction];
    if (!next) return false;
    choose(next, terms && direction > 0 ? 1 : null);
    return true;
  }

  const redraw = () => maps.forEach((map) => map.draw());
  const resized = new ResizeObserver(redraw);
  resized.observe(stage);
  const scheme = matchMedia("(prefers-color-scheme: dark)");
  scheme.addEventListener("change", redraw);

  await load(true);
  return {
    destroy() {
      player.stop();
      keep.cancel();
      resized.disconnect();
      scheme.removeEventListener("change", redraw);
    },
  };
}

const whole = (text) => Math.trunc(Number(text ?? 0)) || 0;
const numbers = (text) => (text ? text.split(",").map(whole) : []);
