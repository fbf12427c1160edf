// The curves of a training over its steps.
import { h } from "../../lib/dom.js";
import { makePlot } from "../../lib/plot.js";

const STEPS = ["step", "paused"];

export async function makeCurves() {
  const element = h("div", { class: "curves" });
  const make = (title, options = {}) => makePlot(element, { title, height: 190, ...options });
  const [loss, accuracy, rate, speed] = await Promise.all([
    make("Loss"), make("Accuracy"), make("Learning rate"), make("Samples a second"),
  ]);
  return {
    element,
    update(history, length) {
      loss.update([
        history.curve("training", STEPS, (event) => event.loss, length),
        history.curve("validation", ["epoch"], (event) => event.validation_loss, length),
      ]);
      const isRegression = history.last("started", length)?.classes.length === 0;
      accuracy.element.hidden = isRegression;
      if (!isRegression) {
        accuracy.update([
          history.curve("training, of some samples", ["insight"], (event) => event.accuracy, length),
          history.curve("validation", ["epoch"], (event) => event.validation_accuracy, length),
        ]);
      }
      rate.update([history.curve("learning rate", STEPS, (event) => event.lr, length)]);
      speed.update([history.curve("samples a second", ["step"], (event) => event.samples_per_second, length)]);
    },
    destroy() {
      for (const plot of [loss, accuracy, rate, speed]) plot.destroy();
    },
  };
}
