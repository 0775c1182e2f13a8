// The participants' page: shows the stage's own snapshot, plays the prompts, and tells when they were heard.
import { byId, fill, h, text } from "./dom.js";
import { Player } from "./sound.js";
import { Clock, follow, get, signIn } from "./wire.js";
import { exact, knows, learn, say, speakAs } from "./words.js";

const TICK_MS = 500;
const LONG_LETTERS = 220;
const LISTS = ["objectives", "roles", "rules"];
const WITH_SECONDS = new URLSearchParams(location.search).has("seconds");

const clock = new Clock();
let shot = null;
let feed = null;
let step = "";

const player = new Player({ clock, started: (id, at) => feed.send({ played: id, started_at: at }) });

function take(line) {
  if (line.type === "stage") {
    shot = line;
    clock.set(line.now);
    if (step && step !== line.step) text(byId("said"), `${line.title}. ${line.who}`);
    step = line.step;
    draw();
  } else if (line.type === "prompt") player.play(line);
  else if (line.type === "stop") player.stop(line.id);
}

function caption() {
  const words = shot.speaking ?? "";
  text(byId("caption"), words);
  byId("caption").classList.toggle("long", words.length > LONG_LETTERS);
}

function draw() {
  const waiting = shot.phase === "ready";
  const over = shot.phase === "ended";
  document.body.dataset.phase = shot.phase;
  document.body.dataset.shows = shot.contract ? "contract" : shot.facts.length ? "facts" : shot.shows === "rules" ? "rules" : "";
  document.title = over ? say("title") : shot.title;
  text(byId("place"), waiting ? say("title") : over ? "" : shot.paused ? say("paused") : "");
  text(byId("title"), waiting ? say("ready") : over ? say("ended") : shot.title);
  text(byId("who"), over ? say("thanks") : waiting ? "" : shot.overrun ? say("overrun") : shot.who);
  byId("time").hidden = waiting || over || shot.phase === "closing";
  fill(byId("more"), [shot.shows, shot.contract, shot.facts], () => beside());
  caption();
  text(byId("listening"), waiting || over ? "" : say(`.listening.${shot.listening}`));
  byId("listening").dataset.state = shot.listening;
  offerSound();
  showTime();
  document.body.dataset.state = "here";
}

function beside() {
  if (shot.contract) return [h("h2", {}, say("contract")), h("blockquote", {}, shot.contract)];
  if (shot.facts.length) return [h("h2", {}, say("facts")), h("dl", {}, shot.facts.map(fact))];
  if (shot.shows !== "rules") return [];
  return LISTS.map((list) => {
    const lines = [1, 2, 3, 4, 5, 6].filter((place) => knows(`${list}_${place}`)).map((place) => say(`${list}_${place}`));
    return h("div", {}, h("h2", {}, say(list)), h("ul", {}, lines.map((line) => h("li", {}, line))));
  });
}

// By step and role: whole minutes here too.
function fact(one) {
  const [time, planned] = [about(one.seconds), about(one.planned_seconds)];
  const heard = one.heard.map((voice) => h("dd.voice", {}, say("fact_heard", { role: voice.role, time: about(voice.seconds) })));
  return h("div", {}, h("dt", {}, one.title), h("dd", {}, time === planned ? time : say("fact", { time, planned })), heard);
}

const about = (seconds) => {
  const minutes = Math.round(seconds / 60);
  return minutes < 1 ? say("under_a_minute") : `${minutes} ${say(minutes > 1 ? "minutes" : "minute")}`;
};

// Whole minutes: seconds only where the animator asked for them.
function showTime() {
  if (shot === null || byId("time").hidden) return;
  const left = Math.max(0, shot.remaining_seconds - (shot.phase === "running" ? clock.since : 0));
  const minutes = Math.round(left / 60);
  const short = minutes < 1;
  text(byId("minutes"), left <= 0 ? "" : WITH_SECONDS ? exact(Math.ceil(left)) : short ? say("under_one") : String(minutes));
  text(byId("unit"), left <= 0 || WITH_SECONDS ? "" : say(minutes > 1 ? "minutes" : "minute"));
  const words = left <= 0 ? say("overrun") : short ? say("last_minute") : say("left", { time: `${minutes} ${say(minutes > 1 ? "minutes" : "minute")}` });
  byId("time").setAttribute("aria-label", words);
  byId("time").querySelector(".run").style.strokeDashoffset = String(100 * (1 - Math.min(1, left / Math.max(1, shot.planned_seconds))));
  document.body.classList.toggle("overrun", left <= 0);
}

// Only where the voice comes from this page, and no other tab plays it already.
function offerSound() {
  const unlock = async () => {
    if (await player.unlock()) feed.send({ unlocked: true });
  };
  const asked = shot.sound === "locked" && shot.phase !== "ended";
  fill(byId("sound"), asked, () => asked && [h("button.primary", { type: "button", onclick: unlock }, say("unlock")), h("p", {}, say("unlock_text"))]);
}

function away(title, words = "") {
  fill(byId("away"), [title, words], () => [h("p", {}, title), words && h("p", {}, words)]);
  byId("away").hidden = !title;
}

async function main() {
  speakAs("stage");
  await signIn();
  const words = await get("/api/strings");
  if (words === null) {
    document.body.dataset.state = "locked";
    byId("away").replaceChildren(h("p", {}, "La personne qui anime peut ouvrir cette page de nouveau."), h("p", { lang: "en" }, "The animator can open this page again."));
    byId("away").hidden = false;
    return;
  }
  learn(words);
  feed = follow("/api/stage", {
    on: take,
    away: () => shot?.phase !== "ended" && away(say("reconnecting")),
    silent: () => shot?.phase !== "ended" && away(say("reconnecting")),
    back: () => { away(""); if (player.unlocked) feed.send({ unlocked: true }); },
    refused: () => away(say("signed_out"), say("signed_out_text")),
  });
  setInterval(showTime, TICK_MS);
}

main();
