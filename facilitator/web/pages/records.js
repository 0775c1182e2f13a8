// What is written down: live text, marking, correcting by hand, reading back, agreement.
import { byId, fill, h } from "./dom.js";
import { button, find } from "./keys.js";
import { editor, itemsEditor } from "./editors.js";
import { day, knows, say } from "./words.js";

// The record that keys and buttons act on: the one that this step writes, else the last that has words.
export function present(shot) {
  const names = Object.keys(shot.records);
  const name = shot.written_down ?? names.findLast((one) => shot.records[one].text !== "");
  return name === undefined ? null : { name, here: shot.written_down === name, ...shot.records[name] };
}

const chosen = (record) => record.agreed || record.undoable || record.agreed_at !== null;
const isList = (record) => record.items.some((item) => item.who || item.first_step || item.done_when || item.due || item.offered);

export class Records {
  #selected = new Set();
  #editing = null;

  constructor(desk) {
    this.desk = desk;
  }

  get selection() {
    return [...this.#selected];
  }

  markWords() {
    if (this.#selected.size) return say("mark_selected");
    const name = `mark_${present(this.desk.shot()).name}`;
    return knows(name) ? say(name) : say("agreed");
  }

  // "This is it": the selection, else what was just said, else the whole plan as it stands.
  mark() {
    const { name, owner } = present(this.desk.shot());
    const utterances = this.selection;
    this.#selected.clear();
    if (name === "contract") return this.desk.send("mark_contract", utterances.length ? { utterances } : {});
    return this.desk.send("edit_plan", utterances.length ? { utterances } : { agreed_by: owner });
  }

  undo() {
    return this.desk.send(`edit_${present(this.desk.shot()).name}`, { undo: true });
  }

  edit() {
    this.#editing = present(this.desk.shot()).name;
    this.show(this.desk.shot());
    byId("records").querySelector("textarea, input")?.focus();
  }

  #close() {
    this.#editing = null;
    this.show(this.desk.shot());
    byId("records").querySelector('[data-key="edit"]')?.focus();
  }

  async #save(values) {
    const said = await this.desk.send(`edit_${this.#editing}`, values);
    if (said) this.#close();
  }

  show(shot) {
    const here = present(shot);
    const names = Object.keys(shot.records).filter((name) => name === here?.name || shot.records[name].text);
    names.sort((a, b) => (b === here?.name) - (a === here?.name));
    if (!names.length) {
      const words = shot.phase === "ended" ? [] : [h("h2", {}, say("nothing_here")), h("p.quiet", {}, say("nothing_here_text"))];
      fill(byId("records"), ["nothing", shot.phase === "ended"], () => h("section", {}, words));
      return;
    }
    const box = byId("records");
    if (fill(box, names, () => names.map((name) => h("section.record", { "data-record": name, "aria-labelledby": `record-${name}` })))) this.#editing &&= names.includes(this.#editing) ? this.#editing : null;
    for (const name of names) {
      const section = box.querySelector(`[data-record="${name}"]`);
      const record = shot.records[name];
      if (this.#editing === name) fill(section, ["editing", name], () => this.#editor(name, record));
      else fill(section, [record, name === here.name, shot.phase, shot.step, shot.listening, this.selection], () => this.#record(shot, name, record, name === here.name));
    }
  }

  #record(shot, name, record, main) {
    const may = (shot.phase === "running" || shot.phase === "paused") && record.open;
    const listening = shot.written_down === name && may;
    const state = record.agreed ? say("agreed_by", { name: record.agreed_by }) : record.text ? say("draft") : "";
    const said = listening ? record.utterances : [];
    const hint = shot.listening === "on" ? say("listening_now") : say("not_heard");
    return [
      h("header", {}, h("h2", { id: `record-${name}` }, record.title), state && h(record.agreed ? "p.state.agreed" : "p.state", {}, state)),
      chosen(record) && (isList(record) || record.items.length > 1 ? this.#items(record, may && main) : h("blockquote", {}, record.text)),
      said.length > 0 && this.#said(said, chosen(record)),
      !chosen(record) && !said.length && (record.text ? h("blockquote", {}, record.text) : h("p.quiet", {}, hint)),
      listening && record.outstanding > 0 && h("p.quiet.small", {}, say("being_written")),
      record.lost > 0 && h("p.quiet.small", {}, say("lost")),
      main && may && h("div.row", {}, find("mark").can() && button("mark", { kind: record.agreed ? "button" : "button.primary" }), button("edit"), record.text && button("read_back"), record.undoable && button("undo", { kind: "button.plain" })),
      main && !may && record.text && shot.phase !== "ended" && shot.phase !== "closing" && h("div.row", {}, button("read_back")),
    ];
  }

  #said(utterances, below) {
    return h(
      "div.said",
      {},
      below && h("h3.quiet.small", {}, say("said")),
      h("ul", {}, utterances.map((one) => {
        if (one.stage === "partial") return h("li.partial", {}, h("span.box"), h("p", {}, one.text));
        const box = h("input", { type: "checkbox", "data-key": `said-${one.id}`, checked: this.#selected.has(one.id), onchange: () => this.#select(one.id, box.checked) });
        const earlier = one.earlier && h("span.earlier.small.quiet", {}, say("earlier", { words: one.earlier }));
        return h("li", {}, h("label", {}, box, h("span", {}, one.text, earlier)));
      })),
    );
  }

  #select(id, on) {
    if (on) this.#selected.add(id);
    else this.#selected.delete(id);
    this.show(this.desk.shot());
  }

  #items(record, may) {
    return h("ol.items", {}, record.items.map((item, place) => h(
      "li",
      {},
      h("p.words", {}, item.text),
      h("p.small.quiet", {}, [item.who && `${say("item_who")} : ${item.who}`, item.first_step && `${say("item_first_step")} : ${item.first_step}`, item.done_when && `${say("item_done_when")} : ${item.done_when}`, item.due && say("due_on", { date: day(item.due) })].filter(Boolean).join(" · ")),
      may && item.offered && h("button", { type: "button", "data-key": `offer-${place}`, onclick: () => this.#accept(record, place) }, say("item_accept", { date: day(item.offered) })),
    )));
  }

  #accept(record, place) {
    const items = record.items.map(({ offered, ...item }, at) => (at === place ? { ...item, due: offered } : item));
    return this.desk.send("edit_plan", { items });
  }

  #editor(name, record) {
    const heading = h("header", {}, h("h2", { id: `record-${name}` }, record.title));
    const done = { save: (values) => this.#save(values), cancel: () => this.#close() };
    return [heading, name === "contract" ? editor(record, done) : itemsEditor(record, done)];
  }
}
