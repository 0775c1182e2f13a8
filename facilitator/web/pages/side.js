// What the animator alone is told: it comes calmly, leaves by itself, and has one action.
import { byId, fill, h } from "./dom.js";
import { button } from "./keys.js";
import { day, rounded, say } from "./words.js";

const SHOWN_CUES = 3;
const SHOWN_LETTERS = 150;

const short = (words) => (words.length > SHOWN_LETTERS ? `${words.slice(0, SHOWN_LETTERS).replace(/\s\S*$/, "")}…` : words);
const nameOf = (warning) => `${warning.code} ${warning.at}`;

export class Side {
  #seen = new Set();
  #troubles = [];
  #looked = false;

  constructor(clock, tell) {
    this.clock = clock;
    this.tell = tell;
  }

  // What happened; what is so is in the line of health, for as long as it is.
  warnings(shot) {
    return shot.warnings.filter((warning) => !warning.part && !this.#seen.has(nameOf(warning)));
  }

  dismiss(shot) {
    for (const warning of this.warnings(shot)) this.#seen.add(nameOf(warning));
  }

  cues(shot) {
    return shot.cues.filter((cue) => cue.until > this.clock.now).sort((a, b) => b.at - a.at).slice(0, SHOWN_CUES);
  }

  // Called with each snapshot, and each second, for cues leave by themselves.
  show(shot) {
    const cues = this.cues(shot);
    const warnings = this.warnings(shot);
    const asks = shot.listening === "unasked" && shot.phase !== "ended" && shot.phase !== "closing";
    const offer = shot.rebudget && (shot.phase === "running" || shot.phase === "paused") ? shot.rebudget : null;
    const mute = shot.stage?.sound === "locked" && shot.phase !== "ended";
    const deaf = shot.call_page === "wanted" && shot.listening !== "never" && shot.phase !== "ended" && shot.phase !== "closing";
    const late = offer && Math.round(offer.late_seconds / 60);
    const facts = shot.phase === "running" || shot.phase === "paused" ? shot.facts : [];
    const state = [facts, shot.facts_shown, shot.follow_up, cues.map((cue) => cue.at), cues.map((cue) => cue.kind), warnings, asks, mute, deaf, late, offer?.steps, shot.speaking, shot.pending, shot.reminder, shot.phase];
    const before = new Set([...byId("cues").children].map((one) => one.dataset.name));
    const changed = fill(byId("cues"), state, () => [
      ...cues.map((cue, place) => this.#cue(cue, cues.findIndex((other) => other.action === cue.action && !other.key) === place)),
      asks && note("asks", say(".listening.unasked"), [], button("consent", { kind: "button.primary" })),
      deaf && note("deaf", say("share_wanted"), [say("share_how")], button("share_call")),
      mute && note("mute", say("no_voice_yet"), [], button("open_stage")),
      offer && this.#offer(shot, offer),
      shot.follow_up && broughtBack(shot.follow_up),
      facts.length > 0 && this.#facts(shot, facts),
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
      cue.key && button("ease", { words: say(`prompts.${cue.key}`) }),
      cue.action && !cue.key && first && answer(cue),
    );
  }

  // Folded: the animator looks at them, and shows them, or not.
  #facts(shot, facts) {
    const summary = h("summary", { "data-key": "facts" }, say("facts_look"));
    const toggle = (event) => { this.#looked = event.target.open; };
    const list = h("details", { open: this.#looked, ontoggle: toggle }, summary, h("ul.small", {}, facts.map((one) => h("li", {}, fact(one)))));
    return note("facts", say(shot.facts_shown ? "facts_shown" : "facts"), [], [button("show_facts"), list]);
  }

  #offer(shot, offer) {
    const changes = shot.steps
      .filter((step) => step.id in offer.steps && Math.abs(offer.steps[step.id] - step.seconds) >= 1)
      .map((step) => say("rebudget_step", { title: step.title, before: rounded(step.seconds), after: rounded(offer.steps[step.id]) }));
    const still = offer.still_late_seconds >= 30 ? [say("rebudget_still", { time: rounded(offer.still_late_seconds) })] : [];
    return note("offer", say("rebudget_title", { time: rounded(offer.late_seconds) }), [say("rebudget_text"), ...changes, ...still], button("rebudget"));
  }

  // Lamps while all is well; a part that is not turns to words, and back by itself.
  health(shot) {
    const mute = shot.stage?.sound === "locked" && shot.phase !== "ended";
    const parts = shot.health.map((one) => (one.part === "voice" && mute && one.state === "well" ? { ...one, state: "wrong" } : one));
    const changed = fill(byId("health"), [parts, shot.listening, shot.phase], () => [
      h("ul", {}, parts.map((one) => this.#part(one))),
      h("p.listening", {}, shot.phase === "ended" ? "" : say(`.listening.${shot.listening}`)),
      h("p.links", {}, shot.phase === "ended" || shot.phase === "ready" ? null : button("open_stage", { kind: "button.plain" }), button("keys", { kind: "button.plain" })),
    ]);
    if (changed) this.#tellTroubles(parts);
  }

  #part({ part, state, words, offer }) {
    const lamp = h("span.lamp", { "aria-hidden": "true" });
    const other = offer && button("take_device", { kind: "button.plain" });
    if (state === "wrong" && words) return h("li.wrong.words", { "data-part": part }, lamp, h("span", {}, words), other);
    return h(`li.${state}`, { "data-part": part, title: words || null }, lamp, h("span", { "aria-hidden": "true" }, say(part)), h("span.unseen", {}, say(`lamp_${state}`, { name: say(part) })));
  }

  #tellTroubles(parts) {
    const troubles = parts.filter((one) => one.state === "wrong" && one.words).map((one) => one.words);
    for (const words of troubles) if (!this.#troubles.includes(words)) this.tell(words);
    this.#troubles = troubles;
  }
}

// A cue's one action; `extend` has one for each number of minutes.
function answer({ action, seconds }) {
  if (action === "extend") return button(`extend${seconds / 60}`, { words: say("more", { minutes: seconds / 60 }) });
  return button(action, { words: action === "say" ? say("say_again") : undefined });
}

// "Exposé : 9 min (prévu : 8 min) · le client 7 min"
function fact(one) {
  const heard = one.heard.map((voice) => say("fact_heard", { role: voice.role, time: rounded(voice.seconds) }));
  const [time, planned] = [rounded(one.seconds), rounded(one.planned_seconds)];
  return [say(time === planned ? "fact_as_planned" : "fact", { title: one.title, time, planned }), ...heard].join(" · ");
}

// The plan of another session: what its client comes back to.
function broughtBack(plan) {
  const when = day(plan.on);
  const title = plan.people.length ? say("follow_up_for", { date: when, name: plan.people.join(", ") }) : say("follow_up", { date: when });
  return note("follow_up", title, plan.items.map((item) => [item.text, item.done_when, item.due && say("due_on", { date: day(item.due) })].filter(Boolean).join(" · ")));
}

function note(name, title, lines, action) {
  return h("div.note", { "data-name": name }, h("p", {}, title), lines.length > 0 && h("ul.small", {}, lines.map((line) => h("li", {}, line))), action);
}
