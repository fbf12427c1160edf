// What may be written at the caret: layers, their arguments, the words that an argument knows, names of the zoo.

const MOST = 12;

// {start, end, items: [{name, says, insert}]} or null. `end` may lie behind the caret: the rest of the word goes too.
export function suggestions(words, text, caret) {
  const start = caret - text.slice(0, caret).match(/[\p{L}_][\w-]*$|$/u)[0].length;
  const typed = text.slice(start, caret);
  const end = caret + text.slice(caret).match(/^\w*/)[0].length;
  const { layer, key, isValue } = placeOf(text.slice(0, start));
  let items;
  if (layer && key) items = valuesOf(words, layer, key);
  else if (layer) items = argumentsOf(words, layer);
  else if (isValue) items = [];
  else {
    items = layersOf(words);
    // A name of the zoo is the whole text.
    if (!text.slice(0, start).trim() && !text.slice(end).trim()) items = [...items, ...zooOf(words)];
  }
  if (!typed && !(layer && /[(,=]\s*$/.test(text.slice(0, start)))) return null;
  const wanted = typed.toLowerCase();
  const found = items.filter(({ name }) => name.toLowerCase().startsWith(wanted)).slice(0, MOST);
  if (!found.length || (found.length === 1 && found[0].insert === typed)) return null;
  return { start, end, items: found };
}

// In whose brackets the end of the text is, and behind which key.
function placeOf(text) {
  const open = [];
  for (const match of text.matchAll(/#[^\n]*|([A-Za-z_]\w*)?\s*\(|[)[\]{}]/g)) {
    const sign = match[0].at(-1);
    if (match[0].startsWith("#")) continue;
    if (")]}".includes(sign)) open.pop();
    else open.push({ name: sign === "(" ? (match[1] ?? "") : null, at: match.index + match[0].length });
  }
  const top = open.at(-1);
  if (!top || top.name === null) return { isValue: /\*\s*$/.test(text) };
  const last = text.slice(top.at).split(",").at(-1);
  const key = last.match(/^\s*([A-Za-z_]\w*)\s*=\s*$/);
  if (!key && last.trim()) return { isValue: true };
  return top.name ? { layer: top.name, key: key?.[1] } : { isValue: true };
}

function layersOf({ layers, branches }) {
  return [
    ...layers.map(({ name, says }) => ({ name, says, insert: name })),
    ...branches.map((name) => ({ name, says: "branches, then joined", insert: `${name}[` })),
  ];
}

function zooOf({ zoo }) {
  return zoo.map(({ name, says }) => ({ name, says, insert: name }));
}

function argumentsOf({ layers }, name) {
  const layer = layers.find((each) => each.name === name.toUpperCase());
  return (layer?.arguments ?? []).flatMap(({ key, says, expected, positional, words }) => [
    { name: key, says: `${says}: ${expected}`, insert: `${key}=` },
    ...(positional ? words.map((word) => ({ name: word, says, insert: word })) : []),
  ]);
}

function valuesOf({ layers }, name, key) {
  const layer = layers.find((each) => each.name === name.toUpperCase());
  const wanted = key.toLowerCase();
  const argument = layer?.arguments.find((each) => each.keys.some((one) => one.toLowerCase() === wanted));
  return (argument?.words ?? []).map((word) => ({ name: word, says: argument.says, insert: word }));
}
