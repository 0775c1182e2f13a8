// The set-up's page: shows what is chosen and sends what is changed. What is chosen lives in the service.
import { byId, fill, h, lockedOut, text } from "./dom.js";
import { keeping, listening, meeting, plan, voice } from "./choosing.js";
import { group } from "./people.js";
import { ask, follow, get, signIn, stageLink } from "./wire.js";
import { unfinished } from "./unfinished.js";
import { learn, say, speakAs } from "./words.js";

const WRITING_MS = 350; // after the last letter
const RETRY_MS = 1000;

let view = null;
let waiting = {}; // chosen here, not sent yet
let sent = {}; // sent, not answered yet
let sending = null;
let timer = 0;
let shown = []; // what brings each section up to date
let language = "";

const desk = {
  // Chooses something, at once or after the last letter.
  choose(values, writing = false) {
    Object.assign(waiting, values);
    clearTimeout(timer);
    if (writing) timer = setTimeout(flush, WRITING_MS);
    else flush();
    take(view);
  },
  async ask(path, body = {}) {
    await flush();
    const said = await ask(path, body);
    if (said.unanswered) announce(say("reconnecting"));
    else if (said.error) announce(said.error);
    else if (said.choices) take(said);
    return said;
  },
  async openStage() {
    const page = window.open("", "facilitator-stage"); // at once: later, the browser would not let us
    if (page?.location.pathname === "/stage") return page.focus();
    const url = await stageLink();
    if (page && url) page.location = url;
    else page?.close();
  },
  announce,
};

function announce(words) {
  if (words) text(byId("said"), words);
}

// Sends what is waiting, one request at a time; what was not answered waits again.
async function flush() {
  clearTimeout(timer);
  while (sending) await sending;
  if (!Object.keys(waiting).length) return;
  [sent, waiting] = [waiting, {}];
  sending = ask("/api/setup", sent);
  const said = await sending;
  sending = null;
  if (said.unanswered) {
    waiting = { ...sent, ...waiting };
    timer = setTimeout(flush, RETRY_MS);
  } else if (said.error) announce(said.error);
  sent = {};
  if (said.choices) take(said);
}

// Shows the service's last word: an answer that was overtaken by a newer one is none.
async function take(answer) {
  if (view !== null && answer.version < view.version) return;
  const at = document.activeElement?.id;
  const others = answer.choices.language !== language || answer.choices.process !== process;
  view = answer;
  if (others) await relearn(answer.choices);
  const choices = { ...view.choices, ...sent, ...waiting };
  for (const show of shown) show({ ...view, choices });
  if (others && at) byId(at)?.focus(); // whoever was at a field still is
  document.body.dataset.state = "here";
}

let process = "";

// The words of another language, and every section anew.
async function relearn(choices) {
  [language, process] = [choices.language, choices.process];
  const words = await get("/api/strings");
  if (words === null) return;
  learn(words);
  document.title = say("title");
  shown = [unfinished, meeting, group, plan, keeping, voice, listening, go].map((make) => make(desk));
}

function go() {
  let tried = false; // until then what is to be changed is said beside its field alone
  const begin = async () => {
    tried = true;
    take(view);
    const first = document.querySelector("[aria-invalid]");
    if (first) {
      first.focus();
      return announce(say("to_change") + " " + byId(first.getAttribute("aria-describedby"))?.textContent);
    }
    const said = await desk.ask("/api/setup/begin");
    if (said.begun) location.reload();
  };
  const button = h("button.primary", { id: "begin", type: "button", onclick: begin }, say("begin"));
  const words = h("p", { id: "begin-words" });
  byId("go").replaceChildren(words, button);
  return (shot) => {
    const beginning = shot.state === "beginning";
    const [trouble] = tried ? Object.values(shot.troubles) : [];
    const wrong = beginning ? "" : trouble ? `${say("to_change")} ${trouble}` : shot.notice;
    text(words, beginning ? say("beginning") : wrong || say("begin_text"));
    words.classList.toggle("trouble", Boolean(wrong));
    button.setAttribute("aria-disabled", beginning ? "true" : "false");
  };
}

function away(title, words = "") {
  fill(byId("away"), [title, words], () => [h("p", {}, h("strong", {}, title)), words && h("p", {}, words)]);
  byId("away").hidden = !title;
}

async function main() {
  speakAs("setup");
  await signIn();
  const first = await get("/api/setup");
  if (first === null) return lockedOut();
  await take(first);
  follow("/api/setup/events", {
    on: (line) => (line.type === "begun" ? location.reload() : take(line)),
    away: async () => {
      away(say("reconnecting"));
      if ((await get("/api/setup")) === null) location.reload(); // the session has begun meanwhile
    },
    back: () => away(""),
    refused: () => away(say("signed_out"), say("signed_out_text")),
  });
  addEventListener("pagehide", () => {
    if (!Object.keys(waiting).length) return;
    fetch("/api/setup", { method: "POST", keepalive: true, headers: { "Content-Type": "application/json" }, body: JSON.stringify(waiting) });
  });
}

main();
