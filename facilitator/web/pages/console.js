// The animator's console: shows the service's snapshots, sends the animator's commands, decides nothing.
import { actionsOf } from "./actions.js";
import { byId, fill, h, lockedOut, text } from "./dom.js";
import { listen } from "./keys.js";
import { showNow, showTime } from "./now.js";
import { present, Records } from "./records.js";
import { Share } from "./share.js";
import { Side } from "./side.js";
import { Clock, command, follow, get, signIn, stageLink } from "./wire.js";
import { knows, learn, say, speakAs } from "./words.js";

const NOTICE_MS = 6000;
const REFRESH_MS = 5000; // an offer or a lamp may change although nothing happened
const TICK_MS = 200;

const clock = new Clock();
let shot = null;
let announced = "";
let handed = false;
let purged = false;
let noticeTimer = 0;

const desk = {
  shot: () => shot,
  record: () => shot && present(shot),
  gone: () => purged,
  delivered: () => handed,
  selected: () => records.selection.length > 0,
  markWords: () => records.markWords(),
  mark: () => records.mark(),
  edit: () => records.edit(),
  undo: () => records.undo(),
  eased: () => side.cues(shot).find((cue) => cue.key)?.key,
  dismissable: () => shot !== null && side.warnings(shot).length > 0,
  dismiss: () => { side.dismiss(shot); draw(); },
  send,
  purge: () => send("purge", { confirm: true }).then((said) => { if (said) { purged = true; draw(); } }),
  handed: (delivered) => {
    handed = true;
    notice(delivered.by === "mail" ? say("deliver_done_mail") : say("deliver_done_folder", { paths: delivered.paths.join(", ") }), true);
    draw();
  },
  shareCall: async () => {
    const why = await share.start();
    notice(say(why ? `share_${why}` : "share_on"), why !== "");
  },
  openStage: async () => {
    const page = window.open("", "facilitator-stage"); // at once: later, the browser would not let us
    if (page?.location.pathname === "/stage") return page.focus(); // it is there: opening it anew would silence it
    const url = await stageLink();
    if (page && url) page.location = url;
    else page?.close();
  },
};
const records = new Records(desk);
const share = new Share(() => notice(say("share_ended"), true));
const side = new Side(clock, (words) => announce(words));

// Sends a command; returns what it said, or null when it was not done, which the animator is then told.
async function send(name, values = {}) {
  const said = await command(name, values);
  if (said.unanswered) notice(say("reconnecting"));
  else if (said.error) notice(said.error);
  else {
    if (knows(`done.${name}`)) notice(say(`done.${name}`));
    take(said);
    return said;
  }
  return null;
}

function notice(words, stays = false) {
  clearTimeout(noticeTimer);
  text(byId("notice"), words);
  announce(words);
  if (!stays) noticeTimer = setTimeout(() => text(byId("notice"), ""), NOTICE_MS);
}

// For who listens to the page: one sentence at a time, calmly.
function announce(words) {
  if (words) text(byId("said"), words);
}

function take(snapshot) {
  if (shot !== null && snapshot.at < shot.at - 1 && snapshot.phase !== "ready") return; // an answer that was overtaken
  const step = `${snapshot.step} ${snapshot.phase}`;
  shot = snapshot;
  clock.set(shot.at);
  if (announced && announced !== step && shot.phase === "running") announce(say("new_step", { title: shot.title, who: shot.who }));
  announced = step;
  draw();
}

function draw() {
  showNow(shot, desk);
  side.show(shot);
  side.health(shot);
  records.show(shot);
  announce(showTime(shot, clock));
  document.body.dataset.state = "here";
}

function away(title, words = "") {
  fill(byId("away"), [title, words], () => [h("p", {}, h("strong", {}, title)), words && h("p", {}, words)]);
  byId("away").hidden = !title;
}

const refresh = async () => {
  if (document.body.dataset.state !== "here" || !byId("away").hidden) return;
  const answer = await get("/api/state");
  if (answer) take(answer);
};

async function main() {
  speakAs("console");
  listen(actionsOf(desk));
  await signIn();
  const words = await get("/api/strings");
  if (words === null) return lockedOut();
  learn(words);
  for (const [id, key] of [["time", "time"], ["side", "private"], ["agenda", "steps"], ["health", "health"]]) byId(id).setAttribute("aria-label", say(key));
  follow("/api/events", {
    on: (line) => {
      if (line.type === "snapshot") take(line);
      else if (line.type === "delivered") handed = true;
      else if (line.type === "purged") purged = true;
    },
    away: () => (shot?.phase === "ended" ? away(say("over")) : away(say("reconnecting"))),
    silent: () => away(say("silent")),
    back: () => {
      if (byId("away").hidden) return;
      announce(say("reconnected"));
      away("");
      refresh();
    },
    refused: () => away(say("signed_out"), say("signed_out_text")),
  });
  setInterval(() => {
    if (shot === null) return;
    side.show(shot);
    announce(showTime(shot, clock));
  }, TICK_MS);
  setInterval(refresh, REFRESH_MS);
  document.addEventListener("visibilitychange", () => document.hidden || refresh());
}

main();
