// What the training does, and the buttons that tell it what to do.
import { h, labelled } from "../../lib/dom.js";
import { number } from "../../lib/draw.js";

const SAYS = {
  starting: "making ready", training: "training", paused: "paused", testing: "testing", stopping: "stopping",
  finished: "finished", early: "finished early: no better for a while", interrupted: "stopped", failed: "failed",
  idle: "not being trained", elsewhere: "trained by another process",
};

function duration(seconds) {
  if (seconds === null || !Number.isFinite(seconds)) return "-";
  const whole = Math.round(seconds);
  if (whole < 60) return `${whole} s`;
  const minutes = Math.floor(whole / 60);
  return minutes < 60 ? `${minutes} min ${whole % 60} s` : `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}

// `tell(command)` passes a command on, `rewind(epoch)` asks for a run that begins behind an epoch.
export function makeControls(tell, rewind) {
  const button = (command, text) => h("button", { type: "button", "data-command": command, onclick: () => tell(command) }, text);
  const buttons = { pause: button("pause", "Pause"), go: button("go", "Go on"), step: button("step", "One step"), stop: button("stop", "Stop") };
  const says = h("strong", { class: "doing", role: "status" });
  const bar = h("progress", { max: 1, value: 0, "aria-label": "Steps done" });
  const facts = h("dl", { class: "facts" });
  const epoch = h("select", { onchange: () => (chosen = epoch.value) });
  const back = h("button", { type: "button", onclick: () => rewind(Number(epoch.value)) }, "Rewind");
  const behind = labelled("Behind epoch", epoch);
  let kept = "";
  let chosen = null; // by hand; the latest otherwise

  function show(rows) {
    if (facts.childElementCount !== rows.length) facts.replaceChildren(...rows.map(() => h("div", {}, h("dt"), h("dd"))));
    rows.forEach((row, i) => row.forEach((text, j) => {
      const cell = facts.children[i].children[j];
      if (cell.textContent !== text) cell.textContent = text;
    }));
  }

  return {
    element: h("section", { class: "controls", "aria-label": "The training" },
      h("div", { class: "row" }, Object.values(buttons), h("span", { class: "rewind row" }, behind, back), says), bar, facts),
    // `doing` is what the run does now, `state` what the server says of it.
    update(doing, state) {
      const text = SAYS[doing] ?? doing;
      if (says.textContent !== text) says.textContent = text;
      const isLive = state.active && !state.stopping;
      buttons.pause.disabled = !(isLive && doing !== "paused" && doing !== "testing");
      const canResume = !state.active && ["idle", "interrupted", "failed"].includes(doing);
      buttons.go.disabled = !(isLive ? doing === "paused" : canResume);
      buttons.step.disabled = !(isLive ? doing !== "testing" : !buttons.go.disabled);
      buttons.stop.disabled = !isLive;
      const now = state.kept.join();
      if (now !== kept) {
        epoch.replaceChildren(...state.kept.map((at) => h("option", { value: at }, String(at))));
        epoch.value = state.kept.map(String).includes(chosen) ? chosen : String(state.kept.at(-1) ?? "");
        kept = now;
      }
      epoch.disabled = !state.kept.length;
      back.disabled = !state.kept.length || (state.active && state.stopping);
    },
    // The figures at a place of the history.
    figures(history, length) {
      const { step, steps, epoch: done, epochs } = history.progress(length);
      const last = history.last("epoch", length);
      const loss = history.lastOf(["step", "paused"], length)?.loss;
      const speed = history.last("step", length)?.samples_per_second;
      const isOver = ["finished", "early", "interrupted", "failed"].includes(history.doing(length));
      const result = history.lastOf(["tested", "measured"], length);
      bar.max = steps || 1;
      bar.value = step;
      show([
        ["Step", `${step.toLocaleString("en")} of ${steps.toLocaleString("en")}`],
        ["Epochs done", `${done} of ${epochs}`],
        ["Loss", loss === undefined || loss === null ? "-" : number(loss)],
        ["Validation", validation(last)],
        ["Learning rate", number(history.lastOf(["step", "paused"], length)?.lr ?? NaN)],
        ["Samples a second", speed ? Math.round(speed).toLocaleString("en") : "-"],
        isOver ? ["Result", outcome(result)] : ["Time left", duration(history.left(length))],
      ]);
    },
  };
}

function validation(epoch) {
  if (!epoch || epoch.validation_loss === null) return "-";
  const right = epoch.validation_accuracy === null ? "" : `, ${(100 * epoch.validation_accuracy).toFixed(1)} %`;
  return number(epoch.validation_loss) + right;
}

function outcome(result) {
  if (!result) return "-";
  if (result.event === "measured") return `${result.split} R² ${result.r2.toFixed(4)}, RMSE ${number(result.rmse)}`;
  return `${result.split} accuracy ${result.accuracy.toFixed(4)} (${result.correct} of ${result.total})`;
}
