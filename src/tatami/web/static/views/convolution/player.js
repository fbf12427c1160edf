// Play, step and speed. `step(by)` moves by one cell or term and returns whether there was one left.
import { h, labelled } from "../../lib/dom.js";

const SLOWEST = 1; // steps a second
const FASTEST = 30;

export function makePlayer(app, { step, restart, stopped }) {
  let timer = null;
  const pace = h("input", {
    type: "range",
    min: SLOWEST,
    max: FASTEST,
    value: app.state.get("speed") ?? 4,
    "aria-valuetext": "",
    oninput: () => {
      app.set({ speed: pace.value });
      said();
      if (timer !== null) start();
    },
  });
  const said = () => pace.setAttribute("aria-valuetext", `${pace.value} steps a second`);
  said();
  const play = h("button", { type: "button", class: "primary", onclick: () => (timer === null ? start(true) : stop()) }, "Play");
  const by = h(
    "select",
    { value: app.state.get("by") ?? "cell", onchange: () => app.set({ by: by.value }) },
    h("option", { value: "cell" }, "cell by cell"),
    h("option", { value: "term" }, "term by term"),
  );
  const once = (direction) => () => {
    stop();
    step(direction, by.value);
  };
  const element = h(
    "div",
    { class: "row player", role: "group", "aria-label": "Player" },
    play,
    h("button", { type: "button", onclick: once(-1) }, "Step back"),
    h("button", { type: "button", onclick: once(1) }, "Step"),
    labelled("How", by),
    labelled("Speed", pace, { class: "field speed" }),
  );

  function start(isFresh = false) {
    clearInterval(timer);
    if (isFresh && !step(1, by.value)) restart();
    play.textContent = "Pause";
    timer = setInterval(() => step(1, by.value) || stop(), 1000 / Number(pace.value));
  }

  function stop() {
    if (timer === null) return;
    clearInterval(timer);
    timer = null;
    play.textContent = "Play";
    stopped();
  }

  return { element, stop, get isPlaying() { return timer !== null; } };
}
