// What pads of pictures and of signals share: a canvas with a pen, by mouse or touch, and arrow keys.
import { h } from "../../lib/dom.js";

const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }; // right, down

// A pad says where an event lies (`place`), draws between two places (`line`), and moves its sample (`shift`, right and
// down). `onchange(done)` is called when it has changed; `done`: by a whole stroke or key.
export class Pad {
  constructor(onchange, attributes) {
    this.onchange = onchange;
    this.canDraw = true;
    this.canvas = h("canvas", {
      tabindex: "0",
      role: "img",
      onpointerdown: (event) => this.down(event),
      onpointermove: (event) => this.move(event),
      onpointerup: () => this.up(),
      onpointercancel: () => this.up(),
      onkeydown: (event) => this.key(event),
      ...attributes,
    });
  }

  down(event) {
    if (!this.canDraw || event.button) return;
    this.canvas.setPointerCapture(event.pointerId);
    this.canvas.focus();
    this.last = this.place(event);
    this.line(this.last, this.last);
  }

  move(event) {
    if (!this.last) return;
    // All places since the last event, so that quick strokes stay round.
    const events = event.getCoalescedEvents?.() ?? [];
    for (const each of events.length ? events : [event]) {
      const next = this.place(each);
      this.line(this.last, next);
      this.last = next;
    }
  }

  up() {
    if (!this.last) return;
    this.last = null;
    this.onchange(true);
  }

  key(event) {
    const by = ARROWS[event.key];
    if (!by) return;
    event.preventDefault();
    this.shift(...by);
    this.onchange(true);
  }
}
