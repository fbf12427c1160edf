// A run's events as they come: every page reads the file from its own place, and asks again.
import { CallError, get } from "../../lib/call.js";

const SOON = 250; // milliseconds between two questions while the run is trained,
const LATER = 2000; // and otherwise: another page, or the terminal, may go on with it

// Follow a run. `told(events, state, again)` is called with what is new, perhaps nothing: `state` is what its training does,
// `again` says that all events before are void. `lost(text)` is called while the server does not answer, and with "" once it
// does again; `refused(error)` once, and ends it.
export function follow(run, told, lost, refused) {
  let place = { next: 0, mark: 0 };
  let timer = null;
  let ended = false;
  let asking = false;
  let isLost = false;

  async function ask() {
    if (asking) return;
    asking = true;
    clearTimeout(timer);
    let wait = SOON;
    try {
      const path = `/api/train/runs/${encodeURIComponent(run)}/events?from=${place.next}&mark=${place.mark}`;
      const answer = await get(path);
      if (ended) return;
      place = answer;
      if (isLost) lost("");
      isLost = false;
      told(answer.events, answer, answer.again);
      if (answer.events.length && answer.next < answer.size) wait = 0;
      else if (!answer.active) wait = LATER;
    } catch (error) {
      if (!(error instanceof CallError)) throw error;
      if (ended) return;
      if (error.error.problem) {
        ended = true;
        refused(error);
        return;
      }
      isLost = true;
      lost(error.message);
      wait = LATER;
    } finally {
      asking = false;
    }
    timer = setTimeout(ask, wait);
  }

  ask();
  return {
    now: ask,
    stop() {
      ended = true;
      clearTimeout(timer);
    },
  };
}
