// The forms to correct by hand. Control and Enter saves, Escape gives up; a snapshot never touches them.
import { h } from "./dom.js";
import { day, say } from "./words.js";

const FIELDS = ["who", "first_step", "done_when"];

function form(done, values, ...children) {
  const save = () => done.save(values());
  return h(
    "form.editor",
    {
      onsubmit: (event) => { event.preventDefault(); save(); },
      onkeydown: (event) => {
        if (event.key === "Escape") done.cancel();
        else if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) { event.preventDefault(); save(); }
      },
    },
    ...children,
    h("div.row", {},
      h("button.primary", { type: "submit" }, h("span", {}, say("save")), h("kbd", { "aria-hidden": "true" }, "Ctrl ↵")),
      h("button.plain", { type: "button", onclick: done.cancel }, h("span", {}, say("cancel")), h("kbd", { "aria-hidden": "true" }, "Esc"))),
  );
}

export function editor(record, done) {
  const words = h("textarea", { "aria-label": say("contract_label"), rows: 5, maxlength: 8000 });
  words.value = record.text;
  return form(done, () => ({ text: words.value }), words);
}

export function itemsEditor(record, done) {
  const list = h("ol.items");
  const number = () => [...list.children].forEach((row, place) => row.querySelector("legend").textContent = say("item", { number: place + 1 }));
  const add = (item) => { list.append(row(item, number)); number(); };
  const start = record.items.length ? record.items : [{ text: "" }];
  start.forEach(add);
  const more = h("button.plain", { type: "button", onclick: () => { add({ text: "" }); list.lastChild.querySelector("input").focus(); } }, say("item_add"));
  const values = () => ({
    items: [...list.children]
      .map((one) => Object.fromEntries([...one.querySelectorAll("input")].map((input) => [input.name, input.value.trim()])))
      .filter((item) => item.text),
  });
  return form(done, values, list, more);
}

function row(item, number) {
  const field = (name, type = "text") => {
    const input = h("input", { name, type, maxlength: type === "text" ? 2000 : null });
    input.value = item[name] ?? "";
    return h("label", {}, h("span", {}, say(`item_${name}`)), input);
  };
  const due = field("due", "date");
  const take = item.offered && h("button", { type: "button", onclick: () => { due.querySelector("input").value = item.offered; } }, say("item_accept", { date: day(item.offered) }));
  const away = h("button.plain", { type: "button", onclick: () => { here.remove(); number(); } }, "×");
  const here = h("li", {}, h("fieldset", {}, h("legend", {}), field("text"), h("div.pair", {}, FIELDS.map((name) => field(name)), due), h("div.row", {}, take, away)));
  away.setAttribute("aria-label", say("item_remove", { number: "" }).trim());
  return here;
}
