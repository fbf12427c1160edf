// Compare: networks by what they cost, runs by how they learned.
import { get } from "../lib/call.js";
import { h, stylesheet } from "../lib/dom.js";
import { makeNetworks } from "./compare/networks.js";
import { makeRuns } from "./compare/runs.js";

export async function mount(root, app) {
  const [words] = await Promise.all([get("/api/design/words"), stylesheet(import.meta.url)]);
  const networks = makeNetworks(app, words.style);
  const runs = makeRuns(app);
  root.append(h("h1", {}, "Compare"), networks.element, runs.element);
  requestAnimationFrame(() => {
    networks.start();
    runs.start();
  });
  return {
    destroy() {
      networks.destroy();
      runs.destroy();
    },
  };
}
