// What the network says of the sample: its scores as bars.
import { h, settled } from "../../lib/dom.js";
import { number } from "../../lib/draw.js";

const MOST = 12; // classes that are shown; of more, the likeliest

export class Prediction {
  constructor(network) {
    this.names = network.classes.length ? network.classes : network.targets;
    this.isClasses = network.classes.length > 0;
    this.likeliest = null;
    this.word = h("p", { class: "look-word" });
    this.rate = h("p", { class: "small" });
    this.rows = Array.from({ length: Math.min(MOST, this.names.length) }, () => {
      const [name, bar, value] = [h("span"), h("div", { class: "bar" }), h("span", { class: "look-value" })];
      return { name, bar, value, element: h("li", {}, name, h("div", {}, bar), value) };
    });
    // Not every frame is read out: the word that stays for a moment is.
    this.aloud = h("p", { class: "visually-hidden", role: "status", "aria-live": "polite" });
    this.tell = settled((text) => (this.aloud.textContent = text), 700);
    this.element = h(
      "section",
      { class: "panel look-prediction", "aria-label": "Prediction" },
      this.word,
      this.aloud,
      h(
        "ul",
        { class: "look-bars" },
        this.rows.map((row) => row.element),
      ),
      this.rate,
    );
  }

  show({ scores, probabilities }, rate) {
    const values = this.isClasses ? probabilities : scores;
    let order = values.map((_, i) => i);
    if (this.isClasses) {
      const best = values.indexOf(Math.max(...values));
      this.likeliest = best;
      const text = `${this.names[best]} (${values[best].toFixed(2)})`;
      if (this.word.textContent !== text) {
        this.word.textContent = text;
        this.tell(`Prediction: ${text}`);
      }
      if (values.length > MOST) order = order.sort((a, b) => values[b] - values[a]);
    }
    const most = this.isClasses ? 1 : Math.max(...values.map(Math.abs)) || 1;
    this.rows.forEach((row, i) => {
      const at = order[i];
      row.name.textContent = this.names[at];
      row.bar.style.width = `${(100 * Math.abs(values[at])) / most}%`;
      row.value.textContent = this.isClasses ? values[at].toFixed(3) : number(values[at]);
      row.element.classList.toggle("look-best", this.isClasses && at === this.likeliest);
    });
    this.rate.textContent = rate ? `${Math.round(rate)} frames a second` : "";
  }

  destroy() {
    this.tell.cancel();
  }
}
