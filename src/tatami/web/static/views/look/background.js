// Answers that take the server a while: it says how far it is until they are there.
import { get } from "../../lib/call.js";

const PAUSE = 300; // ms between two questions

// Ask until the answer is there. `told(done, total)` hears how far it is. Resolves to undefined once `signal` is
// aborted.
export async function awaited(path, told, signal) {
  try {
    for (;;) {
      const answer = await get(path, { signal });
      if (!answer.working) return answer;
      told(answer.working.done, answer.working.total);
      await new Promise((done) => setTimeout(done, PAUSE));
      if (signal.aborted) return undefined;
    }
  } catch (error) {
    if (error.name === "AbortError") return undefined;
    throw error;
  }
}

export function progressText(what, done, total) {
  return total ? `${what}: ${done} of ${total}` : `${what} ...`;
}
