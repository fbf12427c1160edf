// A map whose cells can be pointed at and chosen, by mouse, finger and arrow keys. A signal has its curve above.
import { colour, legend, limits, number } from "../../lib/draw.js";
import { h } from "../../lib/dom.js";

const SCALE = "diverging";
const CURVE = 90; // pixels
const READABLE = 34; // a cell of this width holds its number
const DASHES = { window: [], seen: [], reach: [4, 3], chosen: [], winner: [] };

export class CellMap {
  // `act` has point(cell or null), and choose(cell) where a cell of this map is the one that is looked at.
  constructor(key, act) {
    this.key = key;
    this.act = act;
    this.cursor = [0, 0];
    this.canvas = h("canvas", { "aria-hidden": "true" });
    this.caption = h("figcaption", {});
    this.box = h("div", {
      class: "cells",
      tabindex: 0,
      role: "application",
      "aria-roledescription": "map of cells",
      onkeydown: (event) => this.press(event),
      onfocus: () => this.act.point(this.cursor),
      onblur: () => this.act.point(null),
      onpointermove: (event) => this.act.point(this.at(event)),
      onpointerleave: () => this.act.point(null),
      onclick: (event) => this.go(this.at(event)),
    }, this.canvas);
    this.element = h("figure", { class: `map map-${key}` }, this.caption, this.box);
    this.marks = [];
    this.over = [];
  }

  // `map` is { title, size, values, padding }.
  show(map, isSignal) {
    Object.assign(this, map, { isSignal });
    this.between = limits(map.values, SCALE);
    const [rows, columns] = map.size;
    this.cursor = this.cursor.map((at, axis) => Math.min(at, map.size[axis] - 1));
    const size = isSignal ? columns : `${rows}×${columns}`;
    this.caption.replaceChildren(h("span", {}, `${map.title} `), h("span", { class: "small" }, size), legend(this.between, SCALE));
    const use = this.act.choose ? "Arrow keys choose a cell." : "Arrow keys point at a cell.";
    this.box.setAttribute("aria-label", `${map.title}, ${size} cells. ${use}`);
  }

  mark(marks) {
    this.marks = marks ?? [];
    const chosen = this.marks.find(({ kind }) => kind === "chosen");
    if (chosen) [this.cursor] = chosen.cells;
    this.draw();
  }

  point(marks) {
    this.over = marks ?? [];
    this.draw();
  }

  go(cell) {
    if (!cell) return;
    this.cursor = cell;
    this.act.choose?.(cell);
    this.act.point(cell);
  }

  press(event) {
    const steps = { ArrowLeft: [0, -1], ArrowRight: [0, 1], ArrowUp: [-1, 0], ArrowDown: [1, 0], Home: [0, -1e6], End: [0, 1e6] };
    const step = steps[event.key];
    if (!step || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    this.go(this.cursor.map((at, axis) => Math.max(0, Math.min(this.size[axis] - 1, at + step[axis]))));
  }

  at(event) {
    const box = this.canvas.getBoundingClientRect();
    const j = Math.floor((event.clientX - box.left) / this.cell);
    const i = this.isSignal ? 0 : Math.floor((event.clientY - box.top) / this.cell);
    const isInside = i >= 0 && j >= 0 && i < this.size[0] && j < this.size[1];
    return isInside ? [i, j] : null;
  }

  // --- drawing ---

  // One cell takes `most` pixels at most, and what the width of the place leaves.
  draw(most = this.most ?? 40) {
    this.most = most;
    const [rows, columns] = this.size;
    const wide = this.element.clientWidth || 320;
    const fitting = Math.min(most, wide / columns);
    this.cell = fitting > 6 ? Math.floor(fitting) : fitting;
    const top = this.isSignal ? CURVE : 0;
    const [width, height] = [this.cell * columns, top + (this.isSignal ? Math.max(this.cell, 18) : this.cell * rows)];
    const ratio = window.devicePixelRatio || 1;
    this.canvas.width = Math.round(width * ratio);
    this.canvas.height = Math.round(height * ratio);
    this.canvas.style.width = `${width}px`;
    this.canvas.style.height = `${height}px`;
    const pen = this.canvas.getContext("2d");
    pen.scale(ratio, ratio);
    const style = getComputedStyle(this.canvas);
    const ink = (name) => style.getPropertyValue(name).trim();
    this.place = ([i, j]) => [j * this.cell, top + i * this.cell, this.cell, this.isSignal ? height - top : this.cell];
    this.fill(pen, ink);
    if (this.isSignal) this.curve(pen, ink, width);
    for (const mark of [...this.over, ...this.marks]) this.outline(pen, ink, mark, height);
  }

  fill(pen, ink) {
    const [rows, columns] = this.size;
    pen.textAlign = "center";
    pen.textBaseline = "middle";
    pen.font = `${Math.min(12, this.cell / 3.4)}px system-ui, sans-serif`;
    for (let i = 0; i < rows; i++) {
      for (let j = 0; j < columns; j++) {
        const [left, top, width, height] = this.place([i, j]);
        const value = this.values[i * columns + j];
        const isPadding = this.padding?.(i, j);
        pen.fillStyle = isPadding ? ink("--panel") : colour(value, this.between, SCALE);
        pen.fillRect(left, top, width, height);
        pen.strokeStyle = ink(isPadding ? "--edge" : "--line");
        pen.lineWidth = 0.5;
        if (isPadding) hatch(pen, left, top, width, height);
        if (this.cell > 6) pen.strokeRect(left + 0.25, top + 0.25, width - 0.5, height - 0.5);
        if (this.cell >= READABLE && !isPadding) {
          pen.fillStyle = Math.abs(value) > 0.6 * this.between[1] ? "#ffffff" : "#1c1b19";
          pen.fillText(number(value), left + width / 2, top + height / 2, width - 4);
        }
      }
    }
  }

  curve(pen, ink, width) {
    const [low, high] = this.between;
    const level = (value) => 4 + (CURVE - 8) * (1 - (high > low ? (value - low) / (high - low) : 0.5));
    const line = (points, name, thick) => {
      pen.strokeStyle = ink(name);
      pen.lineWidth = thick;
      pen.beginPath();
      for (const [x, y] of points) pen.lineTo(x, y);
      pen.stroke();
    };
    line([[0, level(0)], [width, level(0)]], "--edge", 0.5);
    const points = Array.from(this.values, (value, j) => [(j + 0.5) * this.cell, level(value)]);
    line(points, "--c0", 1.5);
    pen.fillStyle = ink("--c0");
    for (const [x, y] of points) pen.fillRect(x - 1.5, y - 1.5, 3, 3);
  }

  // Two strokes, one dark and one light, stand out from every colour.
  outline(pen, ink, { cells, kind }, height) {
    if (!cells.length) return;
    const around = kind !== "winner" && isBlock(cells) ? [block(cells.map((cell) => this.place(cell)))] : cells.map((cell) => this.place(cell));
    for (let [left, top, width, tall] of around) {
      if (this.isSignal && kind !== "winner") [top, tall] = [1, height - 2];
      if (kind === "winner") {
        dot(pen, left + width / 2, top + tall / 2, Math.max(2.5, Math.min(width, tall) / 5));
        continue;
      }
      const thick = kind === "chosen" || kind === "window" ? 2.5 : 1.5;
      pen.setLineDash([]);
      pen.strokeStyle = ink("--paper");
      pen.lineWidth = thick + 1.5;
      pen.strokeRect(left + 1, top + 1, width - 2, tall - 2);
      pen.setLineDash(DASHES[kind]);
      pen.strokeStyle = ink(kind === "reach" ? "--good" : "--ink");
      pen.lineWidth = thick;
      pen.strokeRect(left + 1, top + 1, width - 2, tall - 2);
    }
    pen.setLineDash([]);
  }
}

function hatch(pen, left, top, width, height) {
  pen.save();
  pen.beginPath();
  pen.rect(left, top, width, height);
  pen.clip();
  pen.beginPath();
  for (let x = left - height; x < left + width; x += 4) {
    pen.moveTo(x, top + height);
    pen.lineTo(x + height, top);
  }
  pen.stroke();
  pen.restore();
}

function dot(pen, x, y, radius) {
  pen.beginPath();
  pen.arc(x, y, radius, 0, 7);
  pen.fillStyle = "#ffffff";
  pen.fill();
  pen.lineWidth = 1.5;
  pen.strokeStyle = "#000000";
  pen.stroke();
}

// Whether cells lie side by side without gaps, as the window does without dilation.
function isBlock(cells) {
  const [first, last] = [cells[0], cells.at(-1)];
  return (last[0] - first[0] + 1) * (last[1] - first[1] + 1) === cells.length;
}

function block(places) {
  const [left, top] = places[0];
  const [right, bottom, width, height] = places.at(-1);
  return [left, top, right + width - left, bottom + height - top];
}
