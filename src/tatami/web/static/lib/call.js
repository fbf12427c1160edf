// Requests to the server that this page came from.

// What the server refused: `error` has text, problem, where, got, expected, hint, start, end.
export class CallError extends Error {
  constructor(error) {
    super(error.text);
    this.name = "CallError";
    this.error = error;
  }
}

export function get(path, options = {}) {
  return call(path, options);
}

// `options.signal` may be that of an AbortController: an answer that nobody waits for any more.
export function post(path, body, options = {}) {
  return call(path, {
    ...options,
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify(body),
  });
}

// Plain bytes there; the answer is a Response, whose body the caller reads.
export function postBytes(path, bytes, options = {}) {
  return respond(path, {
    ...options,
    method: "POST",
    headers: { "Content-Type": "application/octet-stream" },
    body: bytes,
  });
}

async function call(path, options) {
  return (await respond(path, options)).json();
}

async function respond(path, options) {
  let response;
  try {
    response = await fetch(path, options);
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new CallError({ text: "the server does not answer: is `tatami web` still running?" });
  }
  if (response.ok) return response;
  const text = await response.text();
  let answer = null;
  try {
    answer = JSON.parse(text).error;
  } catch {
    // A refusal is one plain line.
  }
  throw new CallError(answer ?? { text: text.trim() || `the server answered with status ${response.status}` });
}

// The latest of several calls counts: `latest(call)` returns a function whose earlier, slower answers are dropped
// (they resolve to undefined).
export function latest(ask) {
  let controller = null;
  return async (...values) => {
    controller?.abort();
    const own = new AbortController();
    controller = own;
    try {
      const answer = await ask(...values, { signal: own.signal });
      return controller === own ? answer : undefined;
    } catch (error) {
      if (controller !== own || error.name === "AbortError") return undefined;
      throw error;
    }
  };
}

// One call at a time: while one is under way only the newest of the others waits, and those before it resolve to
// undefined. So answers keep coming while a slider moves, and the server never computes for what is long gone.
export function newest(ask) {
  let waiting = null;
  let busy = false;

  async function work() {
    busy = true;
    while (waiting) {
      const { values, done, failed } = waiting;
      waiting = null;
      await ask(...values).then(done, failed);
    }
    busy = false;
  }

  return (...values) =>
    new Promise((done, failed) => {
      waiting?.done(undefined);
      waiting = { values, done, failed };
      if (!busy) work();
    });
}
