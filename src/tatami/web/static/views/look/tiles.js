// Samples as small pictures or curves, each a button that opens it.
import { h, svg } from "../../lib/dom.js";
import { number } from "../../lib/draw.js";

// A picture of a sample: its address, or its curves.
function thumbnail(sample, size = 48) {
  if (sample.picture) {
    return h("img", { src: sample.picture, alt: "", width: size, height: size, class: "look-thumb" });
  }
  return curves(sample.curves, 2 * size, size);
}

// Curves on one scale, as a drawing of `width` by `height`.
export function curves(lines, width, height) {
  const all = lines.flat();
  const [low, high] = [Math.min(...all), Math.max(...all)];
  const level = (value) => 1 + (height - 2) * (high > low ? 1 - (value - low) / (high - low) : 0.5);
  return svg(
    "svg",
    { viewBox: `0 0 ${width} ${height}`, width, height, "aria-hidden": "true", class: "look-curves" },
    lines.map((line, i) =>
      svg("polyline", {
        points: line
          .map((v, x) => `${((x / Math.max(1, line.length - 1)) * width).toFixed(1)},${level(v).toFixed(1)}`)
          .join(" "),
        fill: "none",
        stroke: `var(--c${i % 6})`,
        "stroke-width": 1.3,
      }),
    ),
  );
}

// What is said of a sample: "row 17: 4, taken for 9 (0.83)".
export function words(sample) {
  const sure = sample.probability === undefined ? "" : ` (${sample.probability.toFixed(2)})`;
  if (sample.predicted === undefined) return sample.name;
  const said =
    sample.true === sample.predicted ? `${sample.true}, seen as such` : `${sample.true}, taken for ${sample.predicted}`;
  return `${sample.name}: ${said}${sure}`;
}

// The unit's answer of a patch, else the probability, else the name.
function figure(sample) {
  if (sample.value !== undefined) return number(sample.value);
  return sample.probability === undefined ? sample.name : sample.probability.toFixed(2);
}

// A list of samples; `onopen(sample)` is called for the one that is chosen.
export function tiles(samples, onopen) {
  return h(
    "ul",
    { class: "look-tiles" },
    samples.map((sample) =>
      h(
        "li",
        {},
        h(
          "button",
          {
            type: "button",
            title: words(sample),
            "aria-label": `Look at ${words(sample)}`,
            onclick: () => onopen(sample),
          },
          thumbnail(sample),
          h("span", { class: "small" }, figure(sample)),
        ),
      ),
    ),
  );
}
