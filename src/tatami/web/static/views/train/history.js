// The events of a run in order, and what was known after each of them.

const MOST_POINTS = 3000; // of a curve; of more, every few

export class History {
  constructor() {
    this.events = [];
    this.kinds = new Map(); // kind -> the places of its events
  }

  get length() {
    return this.events.length;
  }

  push(event) {
    if (!this.kinds.has(event.event)) this.kinds.set(event.event, []);
    this.kinds.get(event.event).push(this.events.length);
    this.events.push(event);
  }

  // The events of a kind among the first `length`.
  all(kind, length = this.length) {
    const places = this.kinds.get(kind) ?? [];
    return places.slice(0, below(places, length)).map((place) => this.events[place]);
  }

  // The latest of them, or undefined.
  last(kind, length = this.length) {
    const places = this.kinds.get(kind) ?? [];
    return this.events[places[below(places, length) - 1]];
  }

  // The latest event of several kinds.
  lastOf(kinds, length = this.length) {
    const places = kinds.map((kind) => {
      const own = this.kinds.get(kind) ?? [];
      return own[below(own, length) - 1] ?? -1;
    });
    return this.events[Math.max(...places)];
  }

  // A curve for a plot: `take(event)` is its value, null for none.
  curve(name, kinds, take, length = this.length, group = undefined) {
    const points = [];
    for (const kind of kinds) {
      const places = this.kinds.get(kind) ?? [];
      const count = below(places, length);
      const every = Math.ceil(count / MOST_POINTS) || 1;
      for (let i = (count - 1) % every; i < count; i += every) {
        const event = this.events[places[i]];
        const value = take(event);
        if (value !== null && value !== undefined) points.push([event.step, value]);
      }
    }
    if (kinds.length > 1) points.sort((a, b) => a[0] - b[0]);
    const x = [];
    const y = [];
    for (const [step, value] of points) {
      if (x.length && x[x.length - 1] === step) y[y.length - 1] = value;
      else {
        x.push(step);
        y.push(value);
      }
    }
    return { name, x, y, group };
  }

  // How far it is: steps done, of all, epochs done, of all.
  progress(length = this.length) {
    const plan = this.lastOf(["started", "resumed"], length);
    const at = this.lastOf(["step", "paused", "epoch", "resumed", "insight"], length);
    return {
      step: at?.step ?? 0,
      steps: plan?.steps ?? 0,
      epoch: this.last("epoch", length)?.epoch ?? 0,
      epochs: plan?.epochs ?? 0,
    };
  }

  // What it was doing: starting, training, paused, testing or one of the reasons why it ended.
  doing(length = this.length) {
    const latest = this.lastOf(["started", "resumed", "step", "paused", "epoch", "tested", "measured", "ended"], length);
    if (!latest) return "starting";
    if (latest.event === "ended") return latest.reason;
    if (latest.event === "paused") return "paused";
    if (latest.event === "tested" || latest.event === "measured") return "testing";
    const { step, steps } = this.progress(length);
    return steps && step >= steps ? "testing" : "training";
  }

  // Seconds that are left at the pace of the latest epochs, or steps; null where nothing tells.
  left(length = this.length) {
    const { step, steps, epochs } = this.progress(length);
    const started = this.last("started", length);
    if (!steps || !started) return null;
    const latest = this.all("epoch", length).slice(-3);
    if (latest.length) {
      const pace = latest.reduce((sum, event) => sum + event.seconds, 0) / latest.length;
      return (pace * epochs * (steps - step)) / steps;
    }
    const speed = this.last("step", length)?.samples_per_second;
    return speed ? (((steps - step) / steps) * epochs * started.training_samples) / speed : null;
  }
}

// How many of the ascending numbers are below `limit`.
function below(numbers, limit) {
  let [low, high] = [0, numbers.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (numbers[middle] < limit) low = middle + 1;
    else high = middle;
  }
  return low;
}
