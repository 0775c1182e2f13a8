// The sound check: it lasts as long as its socket is open, and shows levels alone.
import { fill, h, text } from "./dom.js";
import { say } from "./words.js";

const LOWEST_DB = -60;
const STEPS = [[LOWEST_DB, "none"], [-40, "low"], [-20, "middle"], [1, "high"]];
const wordOf = (db) => say(`level_${STEPS.find(([most]) => db <= most)[1]}`);

let socket = null; // one check, however often the words are learnt anew

export function check(desk) {
  const list = h("ul.meters");
  const over = h("p.small.quiet");
  const button = h("button", { id: "check", type: "button", onclick: () => (socket ? stop() : start()) });
  const element = h("div.field.check", {}, h("div.row", {}, button), h("p.small.quiet", {}, say("check_text")), list, over);
  const states = {};

  function start() {
    socket = new WebSocket(`ws://${location.host}/api/setup/levels`);
    socket.onmessage = (message) => {
      const said = JSON.parse(message.data);
      if (!said.on && socket) return stop();
      show(said.levels);
    };
    socket.onclose = () => socket && stop();
    text(over, "");
    label();
  }

  function stop() {
    const was = socket;
    socket = null;
    was?.close();
    show([]);
    text(over, say("check_over"));
    desk.announce(say("check_over"));
    label();
  }

  const label = () => text(button, say(socket ? "check_stop" : "check"));

  function show(levels) {
    fill(list, levels.map((level) => level.channel), () => levels.map(({ channel }) => h("li", { "data-channel": channel },
      h("div.meter", { role: "meter", "aria-label": say(channel), "aria-valuemin": LOWEST_DB, "aria-valuemax": 0 }, h("div")), h("p.small"))));
    for (const { channel, db, state } of levels) {
      const row = list.querySelector(`[data-channel=${channel}]`);
      const meter = row.querySelector(".meter");
      meter.style.setProperty("--level", `${Math.round((1 - db / LOWEST_DB) * 100)}%`);
      meter.setAttribute("aria-valuenow", db);
      meter.setAttribute("aria-valuetext", wordOf(db));
      row.dataset.state = state;
      const words = say(`level_${channel}_${state}`);
      text(row.querySelector("p"), words);
      if (states[channel] !== state && state !== "opening") desk.announce(words);
      states[channel] = state;
    }
  }

  label();
  if (socket) start();
  return [element, (shot) => {
    const possible = shot.choices.listens && (shot.choices.call_input !== "none" || shot.choices.microphone_input !== "none");
    element.hidden = !possible;
    if (socket && !possible) stop();
  }];
}
