// The sections of the set-up's page but for the group: each makes its fields and returns what brings them up to date.
import { byId, fill, h, text } from "./dom.js";
import { checkbox, heading, radios, select, troubleOf } from "./fields.js";
import { check } from "./meters.js";
import { day, say } from "./words.js";

const PLAN_BYTES = 740_000; // in base64 it stays below what the service takes
const SYSTEMS = "default";

const all = (...shows) => (shot) => shows.forEach((show) => show(shot));

export function meeting(desk) {
  const [process, showProcess] = select(desk, "process", (shot) => shot.processes.map((one) => [one.id, one.name]));
  const length = h("input", { id: "choose-duration", type: "number", min: 10, max: 480, inputmode: "numeric", oninput: () => choose() });
  const choose = () => desk.choose({ duration: length.value === "" ? null : Math.min(9999, Math.max(0, Math.round(Number(length.value)))) }, true);
  const usual = h("div.chips");
  const [trouble, tell] = troubleOf("duration", length);
  const steps = h("p.small.quiet");
  const [language, showLanguage] = radios(desk, "language", (shot) => shot.languages.map((one) => [one.id, one.name]));
  const [address, showAddress] = radios(desk, "address", (shot) => shot.addresses.map((one) => [one, one]));
  byId("meeting").replaceChildren(
    heading("meeting", "meeting"), process,
    h("div.field", {}, h("label", { for: "choose-duration" }, say("length")),
      h("div.row", {}, usual, h("span.number", {}, length, h("span.quiet", { "aria-hidden": "true" }, say("length_unit")))), trouble, steps),
    h("div.pair", {}, language, address));
  return all(showProcess, showLanguage, showAddress, (shot) => {
    process.hidden = shot.processes.length < 2;
    const chosen = shot.choices.duration;
    fill(usual, [shot.lengths, chosen], () => shot.lengths.map((minutes) =>
      h("button", { type: "button", "data-key": minutes, "aria-pressed": minutes === chosen ? "true" : "false", onclick: () => desk.choose({ duration: minutes }) }, say("minutes", { minutes }))));
    if (document.activeElement !== length || Number(length.value) !== chosen) length.value = chosen ?? "";
    tell(shot.troubles.duration);
    text(steps, shot.plan.map((step) => `${step.title} ${step.minutes}`).join("\u00a0· "));
  });
}

export function plan(desk) {
  const file = h("input.unseen", { id: "plan-file", type: "file", accept: ".docx,.pdf,.md", tabindex: "-1", "aria-hidden": "true", onchange: () => bring(file.files[0]) });
  const open = h("button", { id: "choose-plan", type: "button", onclick: () => file.click() }, say("plan_file"));
  const away = h("button.plain", { type: "button", onclick: () => { desk.ask("/api/setup/plan", { content: "" }); open.focus(); } }, say("plan_away"));
  const [trouble, tell] = troubleOf("plan", open);
  const taken = h("p");
  const bring = async (chosen) => {
    file.value = "";
    if (!chosen) return;
    if (chosen.size > PLAN_BYTES) return tell(say("plan_large"));
    const said = await desk.ask("/api/setup/plan", { content: await base64(chosen) });
    tell(said.error);
  };
  byId("plan").replaceChildren(heading("plan", "plan"), h("p.small.quiet", {}, say("plan_text")), taken, h("div.row", {}, open, away, file), trouble);
  return (shot) => {
    taken.hidden = away.hidden = !shot.follow_up;
    if (shot.follow_up) text(taken, say("plan_taken", { date: day(shot.follow_up.on), actions: shot.follow_up.actions }));
  };
}

const base64 = (file) => new Promise((done, failed) => {
  const reader = new FileReader();
  reader.onload = () => done(reader.result.slice(reader.result.indexOf(",") + 1));
  reader.onerror = failed;
  reader.readAsDataURL(file);
});

// What a device is called: by a person, and by the system too where a person would confuse it with another.
function nameOf(device, others) {
  const plain = (one) => one.description.replace(/^Monitor of /, "");
  const alike = others.filter((one) => plain(one) === plain(device) && one.is_monitor === device.is_monitor).length > 1;
  const name = alike ? `${plain(device)}, ${device.name.replace(/\.monitor$/, "")}` : plain(device);
  return device.is_monitor ? say("plays", { name }) : name;
}

// The devices of a kind, the system's own first.
function devices(shot, kind) {
  const ours = shot.devices.filter((one) => one.kind === kind);
  const own = ours.find((one) => one.is_default);
  const first = own ? say("default_device", { name: nameOf(own, ours) }) : say("default_unknown");
  return [[SYSTEMS, first], ...ours.map((one) => [one.name, nameOf(one, ours)])];
}

export function voice(desk) {
  const [way, showWay] = radios(desk, "way", () => ["stage", "device", "none"].map((one) => [one, say(`way_${one}`), say(`way_${one}_text`)]), { label: say("voice"), kind: "ways", visible: false });
  const [output, showOutput] = select(desk, "output", (shot) => devices(shot, "output"));
  const stage = h("p");
  const open = h("button", { id: "open-stage", type: "button", onclick: () => desk.openStage() }, say("open_stage"));
  const words = h("p.small", { id: "voice-words" });
  const play = h("button", { id: "say", type: "button", onclick: () => desk.ask("/api/setup/say").then((said) => said.error && text(words, said.error)) }, say("say"));
  byId("voice").replaceChildren(heading("voice", "voice"), way, output, h("div.field.stage", {}, stage, h("div.row", {}, open)), h("div.field", {}, h("div.row", {}, play), words));
  let before = "";
  return all(showWay, showOutput, (shot) => {
    const chosen = shot.choices.way;
    output.hidden = chosen !== "device";
    stage.parentElement.hidden = chosen !== "stage";
    play.closest(".field").hidden = chosen === "none";
    text(stage, say(shot.stage.open ? (shot.stage.sound === "on" ? "stage_on" : "stage_locked") : "stage_closed"));
    const [state, sentence] = shot.voice;
    text(words, sentence);
    words.classList.toggle("trouble", ["failed", "locked", "none"].includes(state));
    words.classList.toggle("good", state === "played");
    words.classList.toggle("quiet", state === "idle");
    play.setAttribute("aria-disabled", state === "playing" ? "true" : "false");
    if (before && before !== state && state !== "idle") desk.announce(sentence);
    before = state;
  });
}

export function listening(desk) {
  const [listens, showListens] = checkbox(desk, "listens", say("listens_text"));
  const inputs = (shot) => [["none", say("no_device")], ...devices(shot, "input")];
  const [call, showCall] = select(desk, "call_input", (shot) => [...inputs(shot), ["browser", say("call_browser")], ["tracks", say("call_tracks")]]);
  const [microphone, showMicrophone] = select(desk, "microphone_input", inputs);
  const [meters, showMeters] = check(desk);
  const [writer, showWriter] = select(desk, "writer", (shot) => shot.writers.map((one) => [one.id, one.name]));
  const said = h("blockquote");
  const consent = h("div.field", {}, h("h3", {}, say("consent")), said, h("p.small.quiet.asked", {}, say("consent_text")));
  const heard = h("div.heard", {}, call, microphone, meters, writer);
  const deaf = h("p.small.quiet", {}, say("deaf_text"));
  byId("listening").replaceChildren(heading("listening", "listening"), listens, deaf, heard, consent);
  return all(showListens, showCall, showMicrophone, showMeters, showWriter, (shot) => {
    heard.hidden = !shot.choices.listens;
    deaf.hidden = consent.querySelector(".asked").hidden = shot.choices.listens;
    consent.querySelector(".asked").hidden = !shot.choices.listens;
    consent.hidden = !shot.said;
    text(said, shot.said);
  });
}

export function keeping(desk) {
  const [keep, showKeep] = checkbox(desk, "keep", say("keep_text"));
  const [names, showNames] = checkbox(desk, "keep_names");
  const words = h("p.small");
  const forget = h("button.plain", { id: "forget", type: "button", onclick: () => desk.ask("/api/setup/forget").then((said) => {
    text(words, said.error ?? (said.unanswered ? "" : say("forgotten")));
    byId("choose-keep").focus();
  }) }, say("forget"));
  byId("keeping").replaceChildren(heading("keeping", "next_time"), keep, names, h("div.row", {}, forget), words);
  return all(showKeep, showNames, (shot) => {
    names.hidden = !shot.choices.keep;
    forget.hidden = !shot.kept;
  });
}
