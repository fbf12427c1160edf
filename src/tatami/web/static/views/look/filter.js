// The filter of a unit, drawn.
import { unpacked } from "../../lib/arrays.js";
import { stage } from "./stage.js";

// A filter: of the first layer as a picture or curves, else channel by channel, side by side.
export function filterStages(filter) {
  if (!filter) return [];
  const { shape, values } = unpacked(filter.values);
  const depth = shape[shape.length - 1];
  const axes = shape.slice(0, -1);
  if (!axes.length) return [];
  if (filter.first && (depth === 1 || axes.length === 1)) {
    const [array, options] = depth === 1 ? [{ shape: axes, values }, { scale: "diverging" }] : [{ shape, values }, { picture: true }];
    return [stage(array, `filter of ${filter.layer}`, options)];
  }
  if (filter.first && depth === 3) return [stage({ shape, values }, `filter of ${filter.layer}`, { picture: true })];
  return [stage(sheet(values, axes, depth), `filter of ${filter.layer}, its ${depth} channels side by side`, { scale: "diverging" })];
}

// Channels of a filter beside and below one another on one map, 0 between them; of a signal, one row a channel.
function sheet(values, axes, depth) {
  if (axes.length === 1) {
    return { shape: [depth, axes[0]], values: Float32Array.from({ length: depth * axes[0] }, (_, i) => values[(i % axes[0]) * depth + Math.floor(i / axes[0])]) };
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
