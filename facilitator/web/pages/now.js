// Where are we and how long; what do I do next.
import { byId, fill, h, text } from "./dom.js";
import { button } from "./keys.js";
import { exact, hour, rounded, say } from "./words.js";

const SPOKEN = ["say", "hush", "message"];
const CALLED_SECONDS = [600, 300, 60]; // said once each to who listens to the page

const placeOf = (shot) => shot.steps.findIndex((step) => step.id === shot.step && step.when === "present");
export const running = (shot) => shot.phase === "running";

export function showNow(shot, desk) {
  const over = shot.phase === "ended";
  const empty = !Object.values(shot.records).some((record) => record.text);
  document.body.dataset.phase = shot.phase;
  text(byId("place"), over ? "" : say("step_number", { number: placeOf(shot) + 1, count: shot.steps.length }));
  text(byId("title"), over ? say("ended") : shot.title);
  text(byId("who"), over ? (desk.gone() ? say("purged") : say(empty ? "ended_empty" : "ended_who")) : shot.phase === "closing" ? say("closing") : shot.who);
  byId("time").hidden = over || shot.phase === "closing";
  fill(byId("controls"), [shot.phase, shot.listening, shot.following, shot.steps, shot.reminder, placeOf(shot) > 0, empty, desk.gone(), desk.delivered()], () => controls(shot, desk, empty));
  showSteps(shot);
}

function controls(shot, desk, empty) {
  if (shot.phase === "ended") {
    if (desk.gone()) return [];
    return [!empty && button("deliver", { kind: desk.delivered() ? "button" : "button.primary" }), h("div.row", {}, button("purge", { kind: empty || desk.delivered() ? "button.primary" : "button" }))];
  }
  if (shot.phase === "closing") return [h("div.row", {}, button("end_now"), button("hush"))];
  const first = { ready: "start", paused: "resume", running: shot.following ? "next" : "end" }[shot.phase];
  const next = shot.steps.find((step) => step.id === shot.following);
  const after = { next: () => say("follows", { title: next.title, time: rounded(next.seconds) }), end: () => say("last_step") }[first];
  const primary = button(first, { kind: "button.primary" });
  if (after) primary.firstChild.append(h("span.after", {}, after()));
  if (shot.phase === "ready") return [primary, h("div.row", {}, button("open_stage"), button("end", { kind: "button.plain" }))];
  const listening = { on: "listening_pause", paused: "listening_resume" }[shot.listening];
  return [
    primary,
    h("div.row", {}, running(shot) && button("pause"), h("div.row.more", {}, [1, 2, 5].map((count) => button(`extend${count}`, { words: "+", label: say("more", { minutes: count }) }))), listening && button(listening)),
    h("div.row.lesser", {}, [...SPOKEN, running(shot) && shot.reminder !== null && "remind", running(shot) && shot.steps[0].when !== "present" && "back", first !== "end" && "end"].filter(Boolean).map((id) => button(id, { kind: "button.plain", words: id === "remind" ? say("remind_plain") : undefined }))),
  ];
}

function showSteps(shot) {
  fill(byId("steps"), [shot.steps, shot.phase], () =>
    shot.steps.map((step, place) => {
      const past = step.when === "past" || shot.phase === "ended";
      return h(
        "li",
        { "aria-current": step.when === "present" && !past ? "step" : null, class: past ? "past" : step.when },
        h("span.mark", { "aria-hidden": "true" }, past ? "✓" : String(place + 1)),
        h("span", {}, step.title),
        h("span", {}, rounded(step.seconds)),
      );
    }),
  );
}

let called = null;

// The seconds, counted on from the snapshot. Returns what is to be said to who listens to the page, or "".
export function showTime(shot, clock) {
  const since = running(shot) ? clock.since : 0;
  const left = shot.left_seconds - since;
  const planned = Math.max(shot.planned_seconds, 1);
  const over = left < 0;
  const waiting = shot.phase === "ready";
  text(byId("clock"), over ? `+ ${exact(-left)}` : exact(Math.ceil(left)));
  const time = rounded(shot.planned_seconds);
  const key = waiting ? "planned_ready" : over ? "overrun" : running(shot) ? "planned_of" : "paused";
  text(byId("of"), say(key, { time, end: hour(left) }));
  document.body.classList.toggle("overrun", over);
  byId("time").querySelector(".run").style.strokeDashoffset = String(100 * (1 - Math.min(1, Math.max(0, left / planned))));
  const late = shot.phase === "running" && over ? since : shot.phase === "paused" ? clock.since : 0;
  const ends = shot.phase === "ready" || shot.phase === "running" || shot.phase === "paused";
  text(byId("ends"), ends ? say("ends", { time: hour(shot.expected_end - shot.at - (late ? 0 : clock.since)) }) : "");
  const change = shot.time_change && shot.time_change.until > clock.now ? shot.time_change : null;
  fill(byId("undo"), [change, shot.phase], () => change && button("undo_time", { kind: "button.plain" }));
  document.title = waiting || shot.phase === "ended" ? byId("title").textContent : `${byId("clock").textContent} · ${shot.title}`;
  return callOut(shot, left);
}

function callOut(shot, left) {
  const due = CALLED_SECONDS.filter((seconds) => left <= seconds && seconds < shot.planned_seconds).at(-1);
  const mark = `${shot.step} ${due ?? ""}`;
  const fresh = called !== null && called !== mark && due !== undefined && left > due - 2;
  called = mark;
  return fresh && running(shot) ? say("minutes_left", { time: rounded(due) }) : "";
}
