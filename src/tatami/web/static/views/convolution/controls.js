// The forms: which network, sample and layer; the layer's sizes; which filter, channel and gradient.
import { h, labelled, settled } from "../../lib/dom.js";

const REST = 200; // milliseconds without a key

const option = (value, text = value) => h("option", { value }, text);

// `changed(values)` is called with new values of the state; null takes one out.
export function makeSource(app, changed) {
  const net = h("input", { type: "text", spellcheck: "false", autocomplete: "off", onchange: () => changed({ net: net.value }) });
  const run = h("select", { onchange: () => changed({ run: run.value, data: null, sample: null }) });
  const data = h("select", { onchange: () => changed({ data: data.value, sample: null }) });
  const sample = h("input", { type: "number", min: 0, step: 1, class: "short" });
  sample.addEventListener("input", settled(() => sample.value !== "" && changed({ sample: sample.value }), REST));
  const layer = h("select", { onchange: () => changed({ layer: layer.value }) });
  const picture = h("span", { class: "sample" });
  const element = h(
    "div",
    { class: "row source" },
    labelled("Network", net, { class: "field line" }),
    labelled("Weights of", run),
    labelled("Data", data),
    labelled("Sample", sample),
    picture,
    labelled("Layer", layer),
  );
  net.value = app.state.get("net") ?? "";

  return {
    element,
    update(answer) {
      const isRun = Boolean(app.state.get("run"));
      run.replaceChildren(option("", "the line, untrained"), ...answer.runs.map((name) => option(name)));
      run.value = app.state.get("run") ?? "";
      data.replaceChildren(...(isRun ? [option(answer.data)] : answer.datas.map((name) => option(name))));
      data.value = answer.data;
      data.disabled = isRun;
      net.disabled = isRun;
      if (document.activeElement !== net) net.value = isRun ? "" : (app.state.get("net") ?? answer.text);
      sample.max = answer.samples - 1;
      layer.replaceChildren(...answer.layers.map((each) => option(each.name, `${each.name}: ${each.type} ${each.input} to ${each.output}`)));
    },
    opened(answer) {
      layer.value = answer.layer;
      if (document.activeElement !== sample) sample.value = app.state.get("sample") ?? 0;
      const { picture: address, label } = answer.sample;
      picture.replaceChildren(
        ...(address ? [h("img", { src: address, alt: "the sample", width: 40, height: 40 })] : []),
        h("span", { class: "small" }, label),
      );
    },
  };
}

export function makeSizes(changed) {
  const form = h("div", { class: "row" });
  const rule = h("p", { class: "rule" });
  const line = h("code", { class: "line-of" });
  const back = h("button", { type: "button", onclick: () => changed(Object.fromEntries([...fields.keys()].map((name) => [name, null]))) }, "As in the network");
  const fields = new Map();
  let type = null;

  function build(answer) {
    type = answer.type;
    fields.clear();
    form.replaceChildren();
    for (const { name, label, words, expected } of answer.fields) {
      const tell = () => changed({ [name]: field.value });
      const field = words.length
        ? h("select", { onchange: tell }, ...words.map((word) => option(word)))
        : h("input", { type: "text", class: "short", title: expected, autocomplete: "off", list: name === "padding" ? "paddings" : null, oninput: settled(tell, REST) });
      field.dataset.setting = name;
      fields.set(name, field);
      form.append(labelled(label, field));
    }
    form.append(h("datalist", { id: "paddings" }, ...["same", "valid", "0", "1", "2"].map((word) => option(word))), back);
  }

  return {
    element: h("div", { class: "sizes" }, form, rule, h("p", { class: "small" }, "In the notation: ", line)),
    update(answer) {
      if (answer.type !== type || answer.fields.some(({ name }) => !fields.has(name))) build(answer);
      for (const { name, text } of answer.fields) {
        const field = fields.get(name);
        if (document.activeElement !== field) field.value = text;
        field.classList.toggle("changed", text !== answer.own[name]);
        field.removeAttribute("aria-invalid");
      }
      back.disabled = answer.fields.every(({ name, text }) => text === answer.own[name]);
      rule.replaceChildren(...answer.rule.map((text) => h("span", {}, text)));
      line.textContent = answer.line;
    },
    refuse(names) {
      for (const name of names) fields.get(name)?.setAttribute("aria-invalid", "true");
      back.disabled = false;
    },
  };
}

export function makeChoice(changed) {
  const whole = (name, also = {}) => {
    const field = h("input", { type: "number", min: 0, step: 1, class: "short" });
    field.addEventListener("input", settled(() => field.value !== "" && changed({ [name]: field.value, ...also }), REST));
    return field;
  };
  const [filter, channel] = [whole("filter"), whole("channel")];
  const gradient = h(
    "select",
    { onchange: () => changed({ gradient: gradient.value }) },
    option("score", "of the sample's score"),
    option("ones", "1 everywhere"),
    option("cell", "1 at the chosen cell"),
  );
  const [ofFilter, ofChannel, ofGradient] = [labelled("Filter", filter), labelled("Channel", channel), labelled("dY", gradient)];
  return {
    element: [ofFilter, ofChannel, ofGradient],
    update(answer, mode) {
      ofFilter.hidden = answer.kind !== "conv";
      ofGradient.hidden = mode === "y";
      const depth = answer.part.x.shape.at(-1);
      const [first, last] = answer.kind === "conv" ? [answer.part.channels, answer.part.channels + depth - 1] : [0, answer.input.at(-1) - 1];
      Object.assign(channel, { min: first, max: last });
      filter.max = answer.filters - 1;
      ofFilter.firstChild.textContent = `Filter, of ${answer.filters}`;
      ofChannel.firstChild.textContent = `Channel, ${first} to ${last}`;
      if (document.activeElement !== filter) filter.value = answer.filter;
      if (document.activeElement !== channel) channel.value = answer.channel;
      gradient.value = answer.gradient.kind;
    },
  };
}

// Buttons that move the part that is shown, where a map is larger than the page shows.
export function makeMover(changed) {
  const element = h("div", { class: "row mover", role: "group", "aria-label": "Move the part that is shown" });
  return {
    element,
    update({ axes }) {
      const isPart = axes.some(({ first, stop, output }) => stop - first < output);
      element.hidden = !isPart;
      if (!isPart) return;
      const move = (axis, sign) => () => {
        const first = axes.map((each, at) => each.first + (at === axis ? sign * Math.ceil((each.stop - each.first) / 2) : 0));
        changed({ first: first.map((at, i) => Math.max(0, Math.min(axes[i].output - (axes[i].stop - axes[i].first), at))).join(","), y: null, x: null });
      };
      const names = axes.length === 2 ? [["up", "down"], ["left", "right"]] : [["left", "right"]];
      element.replaceChildren(
        "Show further ",
        ...names.flatMap(([before, after], axis) => [
          h("button", { type: "button", onclick: move(axis, -1), disabled: axes[axis].first === 0 }, before),
          h("button", { type: "button", onclick: move(axis, 1), disabled: axes[axis].stop === axes[axis].output }, after),
        ]),
      );
    },
  };
}
