// The three things that can be looked at: the output, the gradient for the input, the gradient for the filter. Each says
// which maps stand side by side, in which one a cell is chosen, and how the number in this cell comes about:
// { name, formula, grid or null, terms: [{ place, left, right, value, at }], others: [{ text, value }], total }.
import { pairs, range } from "./opened.js";

const OVER = { x: "X, input", w: "W, filter", y: "Y, output", dy: "dY, what comes back", dx: "dX, for the input", dw: "dW, for the filter" };

function maps(opened) {
  const c = `channel ${opened.channel}`;
  const k = opened.isConv ? `filter ${opened.filter}` : c;
  const of = (key, size, at, note) => ({ key, title: `${OVER[key]}, ${note}`, size, values: pairs(size).map(([i, j]) => at(i, j)) });
  return {
    x: () => ({ ...of("x", opened.in, (i, j) => opened.x(i, j), c), padding: (i, j) => opened.isPadding(i, j) }),
    w: () => of("w", opened.window, (a, b) => opened.w(a, b), `${k}, ${c}`),
    y: () => of("y", opened.out, (o, p) => opened.y(o, p), k),
    dy: () => of("dy", opened.out, (o, p) => opened.dy(o, p), k),
    dx: () => ({ ...of("dx", opened.in, (i, j) => opened.dx(i, j), c), padding: (i, j) => opened.isPadding(i, j) }),
    dw: () => of("dw", opened.window, (a, b) => opened.dw(a, b), `${k}, ${c}`),
  };
}

// The cells under the window at an output position.
const under = (opened, [o, p]) => opened.places().map(([a, b]) => opened.seen(o, p, a, b));

const forward = {
  name: "Forward: Y",
  chosen: "y",
  maps: (opened) => [maps(opened).x(), ...(opened.isConv ? [maps(opened).w()] : []), maps(opened).y()],
  marks(opened, cell) {
    const marks = { x: [{ cells: under(opened, cell), kind: "window" }], y: [{ cells: [cell], kind: "chosen" }] };
    if (opened.kind === "max") marks.x.push({ cells: [opened.seen(...cell, ...opened.winner(...cell))], kind: "winner" });
    return marks;
  },
  sum(opened, cell) {
    const name = opened.yName(cell);
    const end = { name, total: opened.y(...cell), grid: opened.window };
    const term = ([a, b]) => ({ place: [a, b], at: opened.seen(...cell, a, b) });
    if (!opened.isConv) return pooled(opened, cell, end, opened.places().map(term));
    const terms = opened.places().map((place) => {
      const { at } = term(place);
      const [left, right] = [opened.x(...at), opened.w(...place)];
      return { place, at, left, right, value: left * right };
    });
    const others = range(opened.channels)
      .filter((c) => c !== opened.c)
      .map((c) => ({
        text: `channel ${opened.part.channels + c}`,
        value: opened.places().reduce((sum, place) => sum + opened.x(...opened.seen(...cell, ...place), c) * opened.w(...place, c), 0),
      }));
    const channels = opened.channels < opened.input.at(-1) ? `${opened.part.channels}:${opened.part.channels + opened.channels}` : ":";
    const bias = opened.bias ? [{ text: `b[${opened.filter}]`, value: opened.part.bias, isBias: true }] : [];
    const filter = `W[${":, ".repeat(opened.isSignal ? 2 : 3)}${opened.filter}]`;
    return {
      ...end,
      terms,
      first: `channel ${opened.channel}`,
      others: [...others, ...bias],
      formula: `${name} = sum(${opened.slice(cell, channels)} * ${filter})${opened.bias ? ` + b[${opened.filter}]` : ""}`,
    };
  },
};

function pooled(opened, cell, end, terms) {
  const seen = opened.slice(cell, opened.channel);
  if (opened.kind === "max") {
    const [a, b] = opened.winner(...cell);
    const values = terms.map((term) => ({ ...term, isPadding: opened.isPadding(...term.at) }));
    return {
      ...end,
      formula: `${end.name} = max(${seen})`,
      terms: values.map((term) => ({ ...term, value: opened.x(...term.at), isWinner: term.place[0] === a && term.place[1] === b })),
      others: [],
      rule: `the largest; of equal ones the first in row order: ${opened.xName(opened.seen(...cell, a, b))}. Padding never wins.`,
    };
  }
  const count = opened.count(...cell);
  return {
    ...end,
    formula: `${end.name} = sum(${seen}) / ${count}`,
    terms: terms.map((term) => ({ ...term, value: opened.x(...term.at), isPadding: opened.isPadding(...term.at) })),
    others: [],
    divisor: count,
    rule: count < terms.length ? "padding does not count" : null,
  };
}

const backwardInput = {
  name: "Backward: dX",
  chosen: "dx",
  maps: (opened) => [maps(opened).dy(), ...(opened.isConv ? [maps(opened).w()] : []), maps(opened).dx()],
  marks(opened, cell) {
    const seers = opened.seenBy(...cell);
    return {
      dy: [{ cells: seers.map(({ out }) => out), kind: "window" }],
      w: [{ cells: seers.map(({ place }) => place), kind: "window" }],
      dx: [{ cells: [cell], kind: "chosen" }],
    };
  },
  sum(opened, cell) {
    const seers = opened.seenBy(...cell);
    const name = opened.xName(cell).replace("X", "dX");
    const end = { name, total: opened.dx(...cell), grid: null };
    if (opened.isPadding(...cell)) {
      return { ...end, terms: [], others: [], total: 0, formula: `${name}: padding; what flows here is dropped` };
    }
    if (opened.isConv) {
      const terms = seers.map(({ out, place }) => {
        const [left, right] = [opened.dy(...out), opened.w(...place)];
        return { place, at: out, left, right, value: left * right, text: `${opened.yName(out, opened.filter, "dY")} ${opened.wName(place)}` };
      });
      const others = range(opened.seers)
        .filter((k) => k !== opened.k)
        .map((k) => ({
          text: `filter ${opened.part.filters + k}`,
          value: seers.reduce((sum, { out, place }) => sum + opened.dy(...out, k) * opened.wOf(...place, k), 0),
        }));
      return {
        ...end,
        terms,
        first: `filter ${opened.filter}`,
        others,
        formula: `${name} = sum of dY * W over ${windows(seers)} ${opened.xName(cell)}, and all filters`,
      };
    }
    const terms = seers.map(({ out, place }) => {
      const text = opened.yName(out, opened.filter, "dY");
      if (opened.kind === "avg") {
        return { place, at: out, left: opened.dy(...out), divisor: opened.count(...out), value: opened.dy(...out) / opened.count(...out), text };
      }
      const [a, b] = opened.winner(...out);
      const won = a === place[0] && b === place[1];
      return { place, at: out, left: opened.dy(...out), right: won ? 1 : 0, value: won ? opened.dy(...out) : 0, isWinner: won, text };
    });
    const rule = opened.kind === "max" ? "dY, times 1 where it won the window and 0 where not" : "dY, divided by the number of values of the mean";
    return { ...end, terms, others: [], formula: `${name} = sum over ${windows(seers)} ${opened.xName(cell)}`, rule };
  },
};

const windows = (seers) => (seers.length === 1 ? "the one window that sees" : `the ${seers.length} windows that see`);

const backwardFilter = {
  name: "Backward: dW",
  chosen: "dw",
  maps: (opened) => [maps(opened).x(), maps(opened).dy(), maps(opened).dw()],
  marks: (opened, cell) => ({
    x: [{ cells: opened.outputs().map(([o, p]) => opened.seen(o, p, ...cell)), kind: "seen" }],
    dw: [{ cells: [cell], kind: "chosen" }],
  }),
  sum(opened, cell) {
    const name = opened.wName(cell, opened.channel, opened.filter, "dW");
    const terms = opened.outputs().map((out) => {
      const at = opened.seen(...out, ...cell);
      const [left, right] = [opened.x(...at), opened.dy(...out)];
      return { place: out, at, left, right, value: left * right, text: `${opened.xName(at)} ${opened.yName(out, opened.filter, "dY")}` };
    });
    return {
      name,
      total: opened.dw(...cell),
      grid: null,
      terms,
      others: [],
      formula: `${name} = sum of X * dY over all ${terms.length} positions of the output`,
      rule: opened.bias ? `db[${opened.filter}] = sum(dY[${":, ".repeat(opened.isSignal ? 1 : 2)}${opened.filter}])` : null,
      bias: opened.bias ? opened.part.d_bias : null,
    };
  },
};

export const MODES = { y: forward, dx: backwardInput, dw: backwardFilter };

// What pointing at a cell of any map tells: words, and marks that come on top.
export function pointed(opened, key, cell) {
  if (key === "w" || key === "dw") {
    const value = key === "w" ? opened.w(...cell) : opened.dw(...cell);
    const letter = key === "w" ? "W" : "dW";
    return { text: `${opened.wName(cell, opened.channel, opened.filter, letter)} = ${exact(value)}`, marks: {} };
  }
  if (key === "x" || key === "dx") {
    const outs = opened.seenBy(...cell).map(({ out }) => out);
    const value = key === "x" ? opened.x(...cell) : opened.dx(...cell);
    const name = opened.xName(cell).replace("X", key === "x" ? "X" : "dX");
    const who = opened.isPadding(...cell) ? `${name} is padding` : `${name} = ${exact(value)}`;
    const reach = outs.length ? `seen by ${outs.length} window${outs.length > 1 ? "s" : ""}: ${span(opened, outs)}` : "seen by no window";
    const marks = [{ cells: outs, kind: "reach" }];
    return { text: `${who}, ${reach}`, marks: { y: marks, dy: marks, [key]: [{ cells: [cell], kind: "reach" }] } };
  }
  const value = key === "y" ? opened.y(...cell) : opened.dy(...cell);
  const name = opened.yName(cell, opened.filter, key === "y" ? "Y" : "dY");
  const where = key === "y" ? `sees ${opened.slice(cell)}` : `flows to dX where the window saw: ${opened.slice(cell)}`;
  const marks = [{ cells: under(opened, cell), kind: "reach" }];
  return { text: `${name} = ${exact(value)}, ${where}`, marks: { x: marks, dx: marks, [key]: [{ cells: [cell], kind: "reach" }] } };
}

function span(opened, outs) {
  const [first, last] = [outs[0], outs.at(-1)];
  return outs.length === 1 ? opened.yName(first) : `${opened.yName(first)} to ${opened.yName(last)}`;
}

// Four digits, or as many as are asked for, and the minus sign of print.
export function exact(value, digits = 4) {
  const size = Math.abs(value);
  const plain = size === 0 || (size >= 1e-3 && size < 1e5) || !Number.isFinite(value);
  return (plain ? String(Number(value.toPrecision(digits))) : value.toExponential(2)).replace(/^-/, "\u2212");
}
