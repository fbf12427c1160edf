// A place in the history: at its end it follows the training; played from the start it is the training again.
import { h, labelled } from "../../lib/dom.js";

const PER_SECOND = 10; // events within an epoch are told every 0.1 s
const SPEEDS = [1, 2, 5, 10, 20, 50, 100];

// `moved(length)` is called when the events to be shown are the first `length`.
export function makeReplay(moved) {
  let total = 0;
  let place = null; // null: at the end, whatever comes
  let playing = null;
  let owed = 0;
  const slider = h("input", {
    type: "range", min: 0, max: 0, value: 0, step: 1,
    oninput() {
      pause();
      go(Number(slider.value));
    },
  });
  const speed = h("input", { type: "range", min: 0, max: SPEEDS.length - 1, value: 3, step: 1, oninput: sayPace });
  const pace = h("output", { class: "small" });
  const play = h("button", { type: "button", onclick: () => (playing ? pause() : start()) }, "Replay");
  const end = h("button", { type: "button", onclick: () => { pause(); go(null); } }, "To the end");

  function sayPace() {
    pace.textContent = `${SPEEDS[speed.value]} times`;
    speed.setAttribute("aria-valuetext", pace.textContent);
  }

  function go(length) {
    place = length === null || length >= total ? null : length;
    show();
    moved(place ?? total);
  }

  function show() {
    slider.max = total;
    slider.value = place ?? total;
    slider.setAttribute("aria-valuetext", `event ${place ?? total} of ${total}`);
    slider.disabled = end.disabled = play.disabled = !total;
    end.disabled = place === null;
  }

  function start() {
    if (place === null) place = 0;
    let before = performance.now();
    play.textContent = "Pause replay";
    const tick = (now) => {
      owed += ((now - before) / 1000) * PER_SECOND * SPEEDS[speed.value];
      before = now;
      const events = Math.floor(owed);
      owed -= events;
      if (events) go((place ?? total) + events);
      if (place === null) pause();
      else playing = requestAnimationFrame(tick);
    };
    playing = requestAnimationFrame(tick);
    go(place);
  }

  function pause() {
    if (playing) cancelAnimationFrame(playing);
    playing = null;
    play.textContent = "Replay";
  }

  sayPace();
  show();
  return {
    element: h("section", { class: "replay row", "aria-label": "Replay" },
      play, end, labelled("Place", slider, { class: "field place" }), labelled("Speed", speed), pace),
    // There are `length` events now.
    update(length) {
      total = length;
      if (place !== null && place > total) place = null;
      show();
      if (place === null) moved(total);
    },
    reset() {
      pause();
      place = null;
      owed = 0;
    },
    destroy: pause,
  };
}
