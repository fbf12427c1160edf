// Frames: what every layer answers to a sample, as fast as the server gives them.
import { postBytes } from "../../lib/call.js";

// From the bytes of an answer to { low, high, scores, probabilities, maps }: `maps` holds, for each layer, uint8 values
// unit by unit. `sizes` are the numbers of values of the layers.
export function parsed(buffer, sizes) {
  const length = new DataView(buffer).getUint32(0, true);
  const head = JSON.parse(new TextDecoder().decode(new Uint8Array(buffer, 4, length)));
  let at = 4 + length;
  const maps = sizes.map((size) => {
    const values = new Uint8Array(buffer, at, size);
    at += size;
    return values;
  });
  return { ...head, maps };
}

export async function ask(run, sample, sizes, signal) {
  const query = new URLSearchParams({
    shape: sample.shape.join("x"),
    dtype: sample.values instanceof Float32Array ? "float32" : "uint8",
    centred: sample.centred ? "yes" : "no",
  });
  const path = `/api/look/${encodeURIComponent(run)}/frame?${query}`;
  const answer = await postBytes(path, sample.values, { signal });
  return parsed(await answer.arrayBuffer(), sizes);
}

// One request at a time. While it is under way only the wish for another is noted: `make()` gives the sample as it is
// when its turn comes, so that no stale one is sent. `onframe(frame, sample)` is called for every answer.
export class Frames {
  constructor(run, sizes, onframe, onerror) {
    Object.assign(this, { run, sizes, onframe, onerror });
    this.waiting = null;
    this.busy = false;
    this.controller = new AbortController();
    this.times = []; // when the last frames came, for the rate
  }

  show(make) {
    this.waiting = make;
    if (!this.busy) this.work();
  }

  async work() {
    this.busy = true;
    try {
      let asked = this.next();
      while (asked) {
        const frame = await asked.answer;
        this.times.push(performance.now());
        if (this.times.length > 30) this.times.shift();
        const { sample } = asked;
        asked = this.next(); // the server is at work on the next one while this one is drawn
        this.onframe(frame, sample);
        asked ??= this.next();
      }
    } catch (error) {
      if (error.name !== "AbortError") this.onerror(error);
    } finally {
      this.busy = false;
    }
  }

  // Ask for the frame that is wished for; null where none is.
  next() {
    if (!this.waiting || this.controller.signal.aborted) return null;
    const sample = this.waiting();
    this.waiting = null;
    return { sample, answer: ask(this.run, sample, this.sizes, this.controller.signal) };
  }

  // Frames a second over the last ones that came without a pause; null where too few did.
  rate() {
    const times = this.times;
    let first = times.length - 1;
    while (first > 0 && times[first] - times[first - 1] < 250) first--;
    const count = times.length - 1 - first;
    return count < 5 ? null : (1000 * count) / (times[times.length - 1] - times[first]);
  }

  stop() {
    this.controller.abort();
  }
}
