// The router. The hash holds the whole state: #/design?net=...&batch=32
import { h } from "./lib/dom.js";

const VIEWS = ["design", "convolution", "train", "look", "compare"];
const SHARED = /^(net|run|data|b\..*)$/; // what the next view goes on with; b.N is the value of a free name N

const main = document.getElementById("view");
const links = [...document.querySelectorAll("#nav a")];
const last = new Map(); // the values with which each view was left
let current = { name: null, view: null };

const app = {
  state: new Map(),
  // Change values of the state; null removes one. The hash follows, and no view is built anew.
  set(values) {
    for (const [key, value] of Object.entries(values)) {
      if (value === null || value === undefined || value === "") app.state.delete(key);
      else app.state.set(key, String(value));
    }
    history.replaceState(null, "", hashOf(current.name, app.state));
    pointLinks();
  },
  // Leave for another view, which finds these values beside the shared ones.
  go(name, values = {}) {
    location.hash = hashOf(name, new Map([...carried(name), ...Object.entries(values)]));
  },
  // One line for everybody, read out by screen readers.
  say(text) {
    document.getElementById("status").textContent = text;
  },
};

function hashOf(name, values) {
  const query = new URLSearchParams([...values]).toString();
  return `#/${name}${query ? `?${query}` : ""}`;
}

function parsed(hash) {
  const [path, query = ""] = hash.replace(/^#\/?/, "").split(/\?(.*)/s);
  return { name: VIEWS.includes(path) ? path : VIEWS[0], values: new Map(new URLSearchParams(query)) };
}

function carried(name) {
  const values = new Map(last.get(name) ?? []);
  for (const key of [...values.keys()]) if (key.startsWith("b.") && app.state.has("net")) values.delete(key);
  for (const [key, value] of app.state) if (SHARED.test(key)) values.set(key, value);
  return values;
}

function pointLinks() {
  for (const link of links) {
    const name = link.dataset.view;
    const here = name === current.name;
    link.href = here ? hashOf(name, app.state) : hashOf(name, carried(name));
    if (here) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  }
}

let visit = 0;

async function show() {
  const { name, values } = parsed(location.hash);
  const now = ++visit;
  if (current.name) last.set(current.name, new Map(app.state));
  current.view?.destroy?.();
  current = { name, view: null };
  app.state = values;
  app.say("");
  pointLinks();
  document.title = `${name[0].toUpperCase()}${name.slice(1)} - tatami`;
  main.dataset.view = name;
  delete main.dataset.ready;
  main.replaceChildren();
  try {
    const module = await import(`./views/${name}.js`);
    const root = h("div", { class: `view-${name}` });
    const view = await module.mount(root, app);
    // Somebody may have gone on to another view while this one was built.
    if (now !== visit) return view?.destroy?.();
    current.view = view;
    main.replaceChildren(root);
    main.dataset.ready = name;
  } catch (error) {
    if (now !== visit) return undefined;
    main.replaceChildren(h("p", { class: "error", role: "alert" }, `This view cannot be shown: ${error.message}`));
    console.error(error);
  }
  return undefined;
}

// The skip link is a hash of its own: it moves the focus, not the route.
document.querySelector(".skip").addEventListener("click", (event) => {
  event.preventDefault();
  main.focus();
});
window.addEventListener("hashchange", show);
if (!location.hash) history.replaceState(null, "", `#/${VIEWS[0]}`);
show();
