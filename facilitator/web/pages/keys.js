// The keyboard: one key for each action, as in the terminal. A key never acts while somebody writes or answers.
import { h } from "./dom.js";
import { say } from "./words.js";

const DOUBLE_MS = 1000; // a second press within so long is a key held down, or pressed twice
const ONCE = new Set(["n", "l"]); // what a second press would undo, or do to the next step
const STORED = "facilitator.keys";

let actions = [];
const last = {};

export const keysOn = () => localStorage.getItem(STORED) !== "off";
export const setKeysOn = (on) => localStorage.setItem(STORED, on ? "on" : "off");

// actions: [{ id, key, words(), can(), run() }]; the first of a key that can act does.
export function listen(known) {
  actions = known;
  document.addEventListener("keydown", pressed);
}

// French keyboards give a digit with Shift alone: the key counts, with or without it.
function nameOf(event) {
  const digit = /^(?:Digit|Numpad)(\d)$/.exec(event.code)?.[1];
  return digit && !event.shiftKey ? digit : event.key.toLowerCase();
}

export const keyName = (key) => (key === " " ? say(".keys.space") : key.toUpperCase());

function pressed(event) {
  if (event.ctrlKey || event.altKey || event.metaKey || event.repeat || event.isComposing) return;
  if (document.querySelector("dialog[open]") || event.target.closest("input:not([type=checkbox]), textarea")) return;
  if (event.key === " " && event.target.closest("button, a, input")) return; // it presses that
  const key = nameOf(event);
  if (!keysOn() && key !== "?") return;
  const action = actions.find((one) => one.key === key && one.can());
  if (!action) return;
  event.preventDefault();
  once(action);
}

// Runs an action unless it was run just now and must not be twice.
export function once(action) {
  const now = performance.now();
  if (ONCE.has(action.key) && now - (last[action.key] ?? -DOUBLE_MS) < DOUBLE_MS) return;
  last[action.key] = now;
  if (action.can()) action.run();
}

export const find = (id) => actions.find((action) => action.id === id);

// The button of an action, with its key.
export function button(id, { kind = "button", words, key = true, label } = {}) {
  const action = find(id);
  return h(
    kind,
    {
      type: "button",
      "data-key": id,
      "aria-disabled": action.can() ? null : "true",
      "aria-keyshortcuts": key ? (action.key === " " ? "Space" : action.key.toUpperCase()) : null,
      "aria-label": label ?? null,
      onclick: () => once(action),
    },
    h("span", {}, words ?? action.words()),
    key && h("kbd", { "aria-hidden": "true" }, keyName(action.key)),
  );
}

export function legend() {
  const named = actions.filter((action) => action.legend ?? true);
  return h(
    "dl.legend",
    {},
    named.map((action) => h("div", {}, h("dt", {}, h("kbd", {}, keyName(action.key))), h("dd", {}, (action.name ?? action.words)()))),
  );
}
