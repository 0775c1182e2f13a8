// What the animator can do: one table for the buttons, the keys and the legend. Whether it may be done is the service's
// word; `can` only keeps what is certainly refused from being offered.
import { answerConsent, deliver, endSession, purge, sayMessage, showKeys } from "./dialogs.js";
import { knows, rounded, say } from "./words.js";

const held = (shot) => shot.phase === "running" || shot.phase === "paused";
const offered = (shot) => shot.health.find((one) => one.offer)?.offer;
const place = (shot) => shot.steps.findIndex((step) => step.when === "present");

// desk: what console.js gives: the snapshot, the record that is acted on, and ways to act.
export function actionsOf(desk) {
  const on = (test) => () => desk.shot() !== null && test(desk.shot());
  const simple = (id, key, test, more = {}) => ({
    id, key, words: () => say(id), can: on(test), run: () => desk.send(id, more.values?.(desk.shot()) ?? {}), ...more,
  });
  const minutes = (count) => ({
    id: `extend${count}`, key: String(count), words: () => say("more_short", { minutes: count }),
    name: () => say("more", { minutes: count }), can: on(held), run: () => desk.send("extend", { minutes: count }),
  });
  const ofRecord = (id, key, words, test, run, name = words) => ({
    id, key, words, name, can: () => desk.record() !== null && test(desk.record()), run,
  });
  const mayChange = (record) => held(desk.shot()) && record.open;
  return [
    { ...simple("start", "n", (shot) => shot.phase === "ready"), words: () => say("begin"), legend: false },
    simple("next", "n", (shot) => shot.phase === "running" && shot.following !== null, {
      values: (shot) => ({ if_step: shot.step }),
    }),
    simple("back", "b", (shot) => shot.phase === "running" && place(shot) > 0, {
      values: (shot) => ({ if_step: shot.step }),
    }),
    simple("pause", " ", (shot) => shot.phase === "running", { name: () => `${say("pause")}, ${say("resume")}` }),
    simple("resume", " ", (shot) => shot.phase === "paused", { legend: false }),
    minutes(1), minutes(2), minutes(5),
    simple("say", "s", held),
    simple("hush", "h", (shot) => held(shot) || shot.phase === "closing"),
    { id: "message", key: "p", words: () => say("message"), can: on(held), run: () => sayMessage(desk, knows) },
    simple("remind", "f", (shot) => shot.phase === "running" && shot.reminder !== null, {
      name: () => say("remind_plain"), words: () => say("remind", { words: desk.shot().reminder ?? "" }),
    }),
    {
      id: "ease", key: "g", words: () => say("ease"), can: on((shot) => desk.eased() !== undefined),
      run: () => desk.send("say", { key: desk.eased() }),
    },
    simple("listening_pause", "l", (shot) => shot.listening === "on" && shot.phase !== "ended", {
      name: () => `${say("listening_pause")}, ${say("listening_resume")}`,
    }),
    simple("listening_resume", "l", (shot) => shot.listening === "paused" && shot.phase !== "ended", { legend: false }),
    {
      id: "consent", key: "c", words: () => say("consent"),
      can: on((shot) => shot.listening === "unasked" && (held(shot) || shot.phase === "ready")),
      run: () => answerConsent(desk),
    },
    simple("show_facts", "a", (shot) => held(shot) && shot.facts.length > 0, {
      words: () => say(desk.shot()?.facts_shown ? "hide_facts" : "show_facts"), name: () => say("show_facts"),
      values: (shot) => ({ shown: !shot.facts_shown }),
    }),
    simple("rebudget", "t", (shot) => held(shot) && shot.rebudget !== null),
    simple("undo_time", "u", (shot) => held(shot) && shot.time_change !== null, {
      name: () => say(".keys.undo_time"),
      words: () => desk.shot().time_change?.seconds ? say("undo_extend", { time: rounded(desk.shot().time_change.seconds) }) : say("undo_rebudget"),
    }),
    ofRecord("mark", "m", () => desk.markWords(), (record) => mayChange(record) && (!record.agreed || record.here || desk.selected()), () => desk.mark(), () => say(".keys.mark")),
    ofRecord("edit", "w", () => say("edit"), mayChange, () => desk.edit()),
    ofRecord("undo", "z", () => say("undo"), (record) => mayChange(record) && record.undoable, () => desk.undo()),
    ofRecord("read_back", "r", () => say("read_back"), (record) => held(desk.shot()) && record.text !== "",
      () => desk.send("read_back", { record: desk.record().name })),
    simple("take_device", "y", (shot) => offered(shot) !== undefined && shot.phase !== "ended", {
      words: () => say("take_device", { name: offered(desk.shot())?.description ?? "…" }), name: () => say(".keys.take_device"),
      values: (shot) => ({ device: offered(shot).device }),
    }),
    { id: "dismiss", key: "v", words: () => say("dismiss"), can: () => desk.dismissable(), run: () => desk.dismiss() },
    { id: "share_call", key: "k", words: () => say("share_call"), can: on((shot) => shot.call_page !== "off" && shot.phase !== "ended"), run: () => desk.shareCall() },
    { id: "open_stage", key: "o", words: () => say("open_stage"), can: on((shot) => shot.phase !== "ended"), run: () => desk.openStage() },
    { id: "end", key: "e", words: () => say("end"), can: on((shot) => held(shot) || shot.phase === "ready"), run: () => endSession(desk) },
    { id: "end_now", key: "e", words: () => say("end_now"), can: on((shot) => shot.phase === "closing"), run: () => desk.send("end"), legend: false },
    { id: "deliver", key: "d", words: () => say("deliver"), can: on((shot) => Object.values(shot.records).some((one) => one.text)), run: () => deliver(desk) },
    { id: "purge", key: "x", words: () => say("purge"), can: on((shot) => shot.phase === "ended"), run: () => purge(desk) },
    { id: "keys", key: "?", words: () => say("keys"), can: () => true, run: showKeys },
  ];
}
