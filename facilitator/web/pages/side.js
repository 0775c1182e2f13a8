// What the animator alone is told: it comes calmly, leaves by itself, and has one action.
import { byId, fill, h } from "./dom.js";
import { button } from "./keys.js";
import { rounded, say } from "./words.js";

const SHOWN_CUES = 3;
const SHOWN_LETTERS = 150;

// Warnings that say how a part of the sound is; the lamp of that part shows it too.
const LAMP = {
  no_model: "transcription", recognizer_failed: "transcription", no_voice: "voice", voice_failed: "voice",
  no_call_input: "call", call_silent: "call", microphone_silent: "microphone", capture_dropped: "call",
};
const ABSENT = new Set(["no_model", "no_voice", "no_call_input", "no_input"]);
const DEVICE = { call: "call", microphone: "microphone", voice_output: "voice", stage: "voice" };

const short = (words) => (words.length > SHOWN_LETTERS ? `${words.slice(0, SHOWN_LETTERS).replace(/\s\S*$/, "")}…` : words);
const nameOf = (warning) => `${warning.code} ${warning.at}`;

export class Side {
  #seen = new Set();

  constructor(clock, tell) {
    this.clock = clock;
    this.tell = tell;
  }

  warnings(shot) {
    return shot.warnings.filter((warning) => !this.#seen.has(nameOf(warning)));
  }

  dismiss(shot) {
    for (const warning of this.warnings(shot)) this.#seen.add(nameOf(warning));
  }

  // Called with each snapshot, and each second, for cues leave by themselves.
  show(shot) {
    const now = this.clock.now;
    const cues = shot.cues.filter((cue) => cue.until > now).sort((a, b) => b.at - a.at).slice(0, SHOWN_CUES);
    const warnings = this.warnings(shot);
    const asks = shot.listening === "unasked" && shot.phase !== "ended" && shot.phase !== "closing";
    const offer = shot.rebudget && (shot.phase === "running" || shot.phase === "paused") ? shot.rebudget : null;
    const mute = shot.stage?.sound === "locked" && shot.phase !== "ended";
    const late = offer && Math.round(offer.late_seconds / 60);
    const state = [cues.map((cue) => cue.at), cues.map((cue) => cue.kind), warnings, asks, mute, late, offer?.steps, shot.speaking, shot.pending, shot.reminder, shot.phase];
    const before = new Set([...byId("cues").children].map((one) => one.dataset.name));
    const changed = fill(byId("cues"), state, () => [
      ...cues.map((cue, place) => this.#cue(cue, cues.findIndex((other) => other.action === cue.action) === place)),
      asks && note("asks", say(".listening.unasked"), [], button("consent", { kind: "button.primary" })),
      mute && note("mute", say("no_voice_yet"), [], button("open_stage")),
      offer && this.#offer(shot, offer),
      ...warnings.map((warning, place) => note(nameOf(warning), warning.message, [], place === 0 && button("dismiss"))),
      shot.speaking !== null && note("speaking", say("speaking"), [short(shot.speaking)]),
      shot.pending.length > 0 && note("pending", say("waiting"), [short(shot.pending[0])]),
    ]);
    if (!changed) return;
    for (const one of byId("cues").children) {
      if (before.has(one.dataset.name)) continue;
      one.classList.add("arriving");
      if (one.classList.contains("cue")) this.tell(one.querySelector("p").textContent);
    }
  }

  #cue(cue, first) {
    const withheld = cue.kind === "withheld";
    return h(
      "div.cue",
      { "data-name": `${cue.kind} ${cue.at}` },
      h("p", {}, withheld ? say("withheld") : cue.text),
      withheld && h("p.small", {}, short(cue.text)),
      cue.action && first && button(cue.action, { words: cue.action === "say" ? say("say_again") : undefined }),
    );
  }

  #offer(shot, offer) {
    const changes = shot.steps
      .filter((step) => step.id in offer.steps && Math.abs(offer.steps[step.id] - step.seconds) >= 1)
      .map((step) => say("rebudget_step", { title: step.title, before: rounded(step.seconds), after: rounded(offer.steps[step.id]) }));
    const still = offer.still_late_seconds >= 30 ? [say("rebudget_still", { time: rounded(offer.still_late_seconds) })] : [];
    return note("offer", say("rebudget_title", { time: rounded(offer.late_seconds) }), [say("rebudget_text"), ...changes, ...still], button("rebudget"));
  }

  health(shot) {
    const told = this.warnings(shot);
    const heard = shot.listening !== "never";
    const lamps = [...(heard ? ["microphone", "call"] : []), "voice", ...(heard ? ["transcription"] : [])].map((name) => {
      const absent = shot.warnings.some((warning) => LAMP[warning.code] === name && ABSENT.has(warning.code));
      const unplugged = (name === "microphone" || name === "call") && !shot.channels.includes(name);
      const wrong = told.some((warning) => LAMP[warning.code] === name) || shot.lost.some((device) => DEVICE[device] === name) || (name === "voice" && shot.stage?.sound === "locked");
      return [name, absent || unplugged ? "off" : wrong ? "wrong" : "well"];
    });
    fill(byId("health"), [lamps, shot.listening, shot.phase, shot.lost], () => [
      h("ul", {}, lamps.map(([name, state]) => h(`li.${state}`, {}, h("span.lamp", { "aria-hidden": "true" }), h("span", { "aria-hidden": "true" }, say(name)), h("span.unseen", {}, say(`lamp_${state}`, { name: say(name) }))))),
      ...shot.lost.map((device) => h("p.words", {}, say(".warnings.device_lost", { device: say(`.devices.${device}`) }))),
      h("p.listening", {}, shot.phase === "ended" ? "" : say(`.listening.${shot.listening}`)),
      h("p.links", {}, shot.phase === "ended" || shot.phase === "ready" ? null : button("open_stage", { kind: "button.plain" }), button("keys", { kind: "button.plain" })),
    ]);
  }
}

function note(name, title, lines, action) {
  return h("div.note", { "data-name": name }, h("p", {}, title), lines.length > 0 && h("ul.small", {}, lines.map((line) => h("li", {}, line))), action);
}
