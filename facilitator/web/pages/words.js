// The words of the session's language, and times as they are written in it.

let strings = {};
let language = "fr";

export function learn(answer) {
  strings = Object.fromEntries(Object.entries(answer.strings).map(([key, words]) => [key.replace(/^interface\./, ""), words]));
  language = answer.language;
  document.documentElement.lang = language;
  for (const element of document.querySelectorAll("[data-words]")) element.textContent = say(element.dataset.words);
}

let root = "console";
export const speakAs = (page) => { root = page; };

// The words for a key of the page's own table, or with a leading dot of the whole interface.
export function say(key, values = {}) {
  const found = strings[key.startsWith(".") ? key.slice(1) : `${root}.${key}`];
  return found === undefined ? key : found.replace(/\{(\w+)\}/g, (all, name) => values[name] ?? all);
}

export const knows = (key) => `${root}.${key}` in strings;

const split = (seconds) => {
  const whole = Math.max(0, Math.floor(seconds + 1e-6));
  return [Math.floor(whole / 60), whole % 60];
};

// "6 min 20", "45 s"
export function exact(seconds) {
  const [minutes, rest] = split(seconds);
  if (!minutes) return say("seconds_only", { seconds: rest });
  return say("minutes_seconds", { minutes, seconds: String(rest).padStart(2, "0") });
}

// "8 min", "2 min 30"
export function rounded(seconds) {
  const [minutes, rest] = split(Math.round(seconds / 30) * 30);
  if (!rest && minutes) return say("minutes_only", { minutes });
  return exact(minutes * 60 + rest);
}

// The time of day, `seconds` from now.
export const hour = (seconds) =>
  new Intl.DateTimeFormat(language, { hour: "numeric", minute: "2-digit" }).format(Date.now() + seconds * 1000);

// The time of day of an instant.
export const timeOf = (iso) => new Intl.DateTimeFormat(language, { hour: "numeric", minute: "2-digit" }).format(new Date(iso));

// "lundi 7 décembre", of 2026-12-07
export function day(iso) {
  const [year, month, date] = iso.split("-").map(Number);
  const format = new Intl.DateTimeFormat(language, { weekday: "long", day: "numeric", month: "long" });
  return format.format(new Date(year, month - 1, date));
}
