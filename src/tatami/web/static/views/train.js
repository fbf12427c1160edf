// Train: start a training, watch it, tell it what to do; or watch one that is over, again.
import { CallError, get, post } from "../lib/call.js";
import { h, labelled, stylesheet } from "../lib/dom.js";
import { makeControls } from "./train/controls.js";
import { makeCurves } from "./train/curves.js";
import { makeForm } from "./train/form.js";
import { History } from "./train/history.js";
import { makeInside } from "./train/inside.js";
import { makeReplay } from "./train/replay.js";
import { follow } from "./train/stream.js";

const REST = 200; // milliseconds between two drawings
const FRESH = 6000; // milliseconds in which a run that somebody trains has told something
const OVER = ["finished", "early", "interrupted", "failed"];

export async function mount(root, app) {
  const [setup, curves] = await Promise.all([get("/api/train/setup"), makeCurves(), stylesheet(import.meta.url)]);
  let history = new History();
  let state = { active: false, stopping: false, failure: null, kept: [] };
  let following = null;
  let length = 0;
  let drawing = null;
  let anyActive = false;
  let news = -FRESH; // when the run told something new

  const problem = h("p", { class: "error", role: "alert" });
  const runs = h("select", { onchange: () => open(runs.value) });
  const form = makeForm(setup, app, start);
  const controls = makeControls(tell, rewind);
  const inside = makeInside();
  const replay = makeReplay((now) => {
    length = now;
    draw();
  });
  // Insights cost time, so a training that nobody watches does without.
  const plain = h("p", { class: "small", hidden: true },
    "Examples, histograms and filters are kept by trainings that this page starts or goes on with.");
  const notes = h("ul", { class: "small notes" });
  const watching = h("div", { hidden: true }, controls.element, replay.element, curves.element, plain, inside.element,
    h("details", {}, h("summary", {}, "Notes"), notes));
  const look = h("button", { type: "button", onclick: () => app.go("look", { run: app.state.get("run") }) }, "Look inside");
  root.append(
    h("h1", {}, "Train"),
    form.element,
    problem,
    h("div", { class: "row chosen" }, labelled("Run", runs), look),
    watching,
  );

  // --- what the page asks ---

  async function asking(call) {
    problem.textContent = "";
    try {
      return await call();
    } catch (error) {
      if (!(error instanceof CallError)) throw error;
      problem.textContent = error.message;
      return { error: error.error };
    }
  }

  async function start(line, settings) {
    form.hold(true);
    const answer = await asking(() => post("/api/train/start", { line, settings }));
    if (answer.error) {
      // Another page may have begun one meanwhile: it can then be chosen here.
      await list().catch(() => form.hold(anyActive));
      form.point(answer.error);
      return;
    }
    await open(answer.run);
    await list();
  }

  async function tell(command) {
    const run = app.state.get("run");
    if (command === "stop") state = { ...state, stopping: true };
    const answer = await asking(() => post("/api/train/command", { run, command }));
    if (answer.error) return;
    following?.now();
    list();
  }

  async function rewind(epoch) {
    app.say("rewinding");
    const answer = await asking(() => post("/api/train/rewind", { run: app.state.get("run"), epoch }));
    app.say("");
    if (answer.error) return;
    await open(answer.run);
    await list();
  }

  async function list() {
    const { runs: known } = await get("/api/train/runs");
    anyActive = known.some((run) => run.active);
    form.hold(anyActive);
    const chosen = app.state.get("run");
    runs.replaceChildren(
      h("option", { value: "" }, known.length ? "choose a run" : "none yet"),
      ...known.map((run) => h("option", { value: run.name }, `${run.name}${run.data ? ` (${run.data})` : ""}${run.active ? ", being trained" : ""}`)),
    );
    runs.value = known.some((run) => run.name === chosen) ? chosen : "";
    return known;
  }

  // --- what it shows ---

  async function open(run) {
    following?.stop();
    following = null;
    problem.textContent = "";
    history = new History();
    state = { active: false, stopping: false, failure: null, kept: [] };
    length = 0;
    news = -FRESH;
    clearTimeout(drawing);
    drawing = null;
    replay.reset();
    app.set({ run });
    watching.hidden = !run;
    look.disabled = !run;
    root.dataset.run = run ?? "";
    delete root.dataset.doing;
    if (!run) return;
    following = follow(
      run,
      (events, now, again) => {
        if (again) history = new History();
        if (events.length && history.length) news = performance.now();
        for (const event of events) history.push(event);
        const hasEnded = state.active && !now.active;
        const hasFailed = now.failure && now.failure.text !== state.failure?.text;
        state = now;
        if (hasFailed) {
          problem.textContent = now.failure.text;
          form.point(now.failure);
        }
        if (hasEnded) form.hold(false);
        if (hasEnded || (now.active && !anyActive)) list();
        if (events.length || again || hasEnded) replay.update(history.length);
        draw();
      },
      (text) => {
        problem.textContent = text;
      },
      (error) => {
        problem.textContent = error.message;
        watching.hidden = true;
      },
    );
  }

  // What the run does: what its events say, as far as that can still be so.
  function doing() {
    const told = history.doing();
    if (state.active) return state.stopping ? "stopping" : OVER.includes(told) ? "starting" : told;
    if (state.failure) return "failed";
    if (OVER.includes(told)) return told;
    return performance.now() - news < FRESH ? "elsewhere" : "idle";
  }

  function draw() {
    drawing ??= setTimeout(() => {
      drawing = null;
      const now = doing();
      controls.update(now, state);
      controls.figures(history, length);
      curves.update(history, length);
      inside.update(history, length);
      plain.hidden = !history.last("started") || Boolean(history.last("insight")) || state.active;
      look.disabled = !history.last("epoch");
      const told = history.all("started").concat(history.all("resumed"), history.all("ended")).flatMap((event) => event.notes);
      if (notes.childElementCount !== told.length) notes.replaceChildren(...told.map((note) => h("li", {}, note)));
      root.dataset.doing = now;
      root.dataset.step = history.progress(length).step;
      root.dataset.events = history.length;
    }, REST);
  }

  const known = await list();
  const wanted = app.state.get("run");
  const active = known.find((run) => run.active)?.name;
  const isThere = known.some((run) => run.name === wanted);
  await open(isThere ? wanted : active ?? null);
  if (wanted && !isThere) problem.textContent = `The run ${wanted} is not among these.`;
  runs.value = app.state.get("run") ?? "";
  const dark = matchMedia("(prefers-color-scheme: dark)");
  const recolour = () => {
    inside.redraw();
    draw();
  };
  dark.addEventListener("change", recolour);
  return {
    destroy() {
      following?.stop();
      clearTimeout(drawing);
      dark.removeEventListener("change", recolour);
      replay.destroy();
      curves.destroy();
    },
  };
}
