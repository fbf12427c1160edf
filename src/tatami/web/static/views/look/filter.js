// The filter of a unit, drawn.
import { unpacked } from "../../lib/arrays.js";
import { stage } from "./stage.js";

// A filter: of the first layer as a picture or curves, else channel by channel, side by side.
export function filterStages(filter) {
  if (!filter) return [];
  const { shape, values } = unpacked(filter.values);
  const depth = shape[shape.length - 1];
  const axes = shape.slice(0, -1);
  if (!axes.length) return [stage({ shape: [depth], values }, `the ${depth} weights of ${filter.layer}`)];
  const caption = `filter of ${filter.layer}`;
  if (filter.first && depth === 1) return [stage({ shape: axes, values }, caption, { scale: "diverging" })];
  if (filter.first && (depth === 3 || axes.length === 1)) return [stage({ shape, values }, caption, { picture: true })];
  const beside = `${caption}, its ${depth} channels side by side`;
  return [stage(sheet(values, axes, depth), beside, { scale: "diverging" })];
}

// Channels of a filter beside and below one another on one map, 0 between them; of a signal, one row a channel.
function sheet(values, axes, depth) {
  if (axes.length === 1) {
    const [length] = axes;
    const turned = values.map((_, i) => values[(i % length) * depth + Math.floor(i / length)]);
    return { shape: [depth, length], values: turned };
  }
  const [tall, wide] = axes;
  const columns = Math.ceil(Math.sqrt(depth));
  const [height, width] = [Math.ceil(depth / columns) * (tall + 1) - 1, columns * (wide + 1) - 1];
  const out = new Float32Array(height * width);
  for (let c = 0; c < depth; c++) {
    const start = Math.floor(c / columns) * (tall + 1) * width + (c % columns) * (wide + 1);
    for (let y = 0; y < tall; y++) {
      for (let x = 0; x < wide; x++) out[start + y * width + x] = values[(y * wide + x) * depth + c];
    }
  }
  return { shape: [height, width], values: out };
}
