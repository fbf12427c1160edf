// The curves of a training over its steps.
import { h } from "../../lib/dom.js";
import { makePlot } from "../../lib/plot.js";

const STEPS = ["step", "paused"];
const MOST_LAYERS = 12;

export async function makeCurves() {
  const element = h("div", { class: "curves" });
  const make = (title, options = {}) => makePlot(element, { title, height: 190, ...options });
  const plots = await Promise.all([
    make("Loss"), make("Accuracy"), make("Learning rate"), make("Samples a second"),
    make("Gradients of the layers' weights, standard deviation", { log: true }), make("Activations of the layers, standard deviation"),
  ]);
  const [loss, accuracy, rate, speed, gradients, activations] = plots;

  // A curve for each layer with weights: where they part from one another, gradients vanish or explode.
  function layers(history, length, what) {
    const known = history.last("insight", length)?.layers.filter((layer) => layer.gradients).slice(0, MOST_LAYERS) ?? [];
    return known.map(({ name }) =>
      history.curve(name, ["insight"], (event) => event.layers.find((layer) => layer.name === name)?.[what]?.std, length));
  }

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
      gradients.element.hidden = activations.element.hidden = !history.last("insight", length);
      if (!gradients.element.hidden) {
        gradients.update(layers(history, length, "gradients"));
        activations.update(layers(history, length, "activations"));
      }
    },
    destroy() {
      for (const plot of plots) plot.destroy();
    },
  };
}
