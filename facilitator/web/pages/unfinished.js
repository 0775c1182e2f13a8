// A session that was broken off: gone on with, destroyed after a second press, or left where it is.
import { byId, fill, h, text } from "./dom.js";
import { heading } from "./fields.js";
import { day, say, timeOf } from "./words.js";

export function unfinished(desk) {
  const words = h("p");
  const acts = h("div.row");
  const keeps = h("p.small.quiet", {}, say("unfinished_keeps"));
  const told = h("p", { role: "status" });
  let asking = false;
  const plain = h("button.plain", { id: "unfinished-destroy", type: "button", onclick: () => turn(true) }, say("unfinished_destroy"));
  const cancel = h("button.plain", { type: "button", onclick: () => turn(false) }, say("cancel"));
  const show = () => fill(acts, asking, () => (asking
    ? [h("p", {}, say("unfinished_sure")), h("button", { type: "button", onclick: destroy }, say("unfinished_yes")), cancel]
    : [h("button.primary", { id: "unfinished-resume", type: "button", onclick: resume }, say("unfinished_resume")), plain]));
  const turn = (on) => {
    asking = on;
    show();
    keeps.hidden = on;
    (on ? cancel : plain).focus();
  };
  const tell = (said) => text(told, said.error ?? (said.unanswered ? say("reconnecting") : ""));
  const resume = async () => {
    const said = await desk.ask("/api/setup/resume");
    if (said.begun) location.reload();
    else tell(said);
  };
  const destroy = async () => {
    const said = await desk.ask("/api/setup/destroy");
    if (!said.choices) return tell(said);
    text(told, say("unfinished_destroyed"));
    told.tabIndex = -1;
    told.focus();
  };
  byId("unfinished").replaceChildren(heading("unfinished", "unfinished"), words, acts, keeps, told);
  show();
  return ({ unfinished: left, state }) => {
    byId("unfinished").hidden = !left && !told.textContent;
    for (const one of [words, acts]) one.hidden = !left;
    keeps.hidden = !left || asking;
    for (const one of acts.querySelectorAll("button")) one.setAttribute("aria-disabled", state === "beginning" ? "true" : "false");
    if (!left) return;
    const [began, last] = [timeOf(left.began), timeOf(left.written_at)];
    const date = day(left.began.slice(0, 10));
    text(words, say(left.title ? "unfinished_text" : "unfinished_untitled", { date, began, last, title: left.title }));
  };
}
