// Questions: before what cannot be undone, and where words are needed.
import { command } from "./wire.js";
import { h } from "./dom.js";
import { keysOn, legend, setKeysOn } from "./keys.js";
import { say } from "./words.js";

// Opens a dialog; what `make(close)` returns goes below the title. Escape closes it, and focus goes back.
function open(title, make) {
  const box = h("dialog", { "aria-labelledby": "dialog-title" });
  const close = () => box.close();
  box.append(h("h2", { id: "dialog-title" }, title), ...make(close, box));
  box.addEventListener("close", () => box.remove());
  box.addEventListener("click", (event) => event.target === box && close()); // beside it
  document.body.append(box);
  box.showModal();
  return box;
}

const buttons = (close, label, act, cancel = say("cancel")) =>
  h("div.row", {},
    label && h("button.primary", { type: "button", autofocus: true, onclick: () => { close(); act(); } }, label),
    h("button.plain", { type: "button", onclick: close, autofocus: !label }, cancel));

function confirm(name, label, act) {
  open(say(`${name}_title`), (close) => [h("p", {}, say(`${name}_text`)), buttons(close, label, act)]);
}

export const answerConsent = (desk) => confirm("consent", say("consent_yes"), () => desk.send("consent"));
export const endSession = (desk) => confirm("end", say("end"), () => desk.send("end"));
export const purge = (desk) => confirm("purge", say("purge"), () => desk.purge());

export function showKeys() {
  open(say("keys_title"), (close) => {
    const on = h("input", { type: "checkbox", checked: keysOn(), onchange: () => setKeysOn(on.checked) });
    return [legend(), h("label.choice", {}, on, h("span", {}, say("keys_on"), h("span.quiet.small", {}, say("keys_why")))), buttons(close, null, null, say("close"))];
  });
}

export function sayMessage(desk, knows) {
  open(say("message"), (close) => {
    const known = desk.shot().sayable.map((key) => {
      const words = knows(`prompts.${key}`) ? say(`prompts.${key}`) : key;
      return h("li", {}, h("button", { type: "button", onclick: () => { close(); desk.send("say", { key }); } }, words));
    });
    const own = h("input", { type: "text", maxlength: 8000 });
    const send = (event) => {
      event.preventDefault();
      if (own.value.trim()) { close(); desk.send("say", { text: own.value }); }
    };
    return [
      h("p.quiet", {}, say("prompts_title")), h("ul.choices", {}, known),
      h("form", { onsubmit: send }, h("label", {}, h("span", {}, say("prompt_own")), own), h("div.row", {}, h("button", { type: "submit" }, say("prompt_say")), h("button.plain", { type: "button", onclick: close }, say("close")))),
    ];
  });
}

export function deliver(desk) {
  open(say("deliver_title"), (close, box) => {
    const to = h("input", { type: "email", name: "to", autocomplete: "off", required: true, maxlength: 320 });
    const body = h("div");
    const trouble = h("p.trouble", { role: "alert" });
    const run = async (values, then) => {
      trouble.textContent = "";
      box.setAttribute("aria-busy", "true");
      const said = await command("deliver", values);
      box.removeAttribute("aria-busy");
      if (said.error || said.unanswered) {
        trouble.replaceChildren(said.error ?? say("reconnecting"), said.code === "already_sent" || said.code === "unknown_before" ? again(values, then) : "");
      } else then(said);
    };
    const again = (values, then) => h("button", { type: "button", onclick: () => run({ ...values, again: true }, then) }, say("deliver_again"));
    const finish = (said) => { close(); desk.handed(said.delivered); };
    const preview = (said) => show(said.preview);
    const ask = h("form", { onsubmit: (event) => { event.preventDefault(); run({ to: to.value }, preview); } },
      h("p.quiet", {}, say("deliver_text")),
      h("label", {}, h("span", {}, say("deliver_to")), to),
      h("div.row", {}, h("button.primary", { type: "submit" }, say("deliver_preview")),
        h("button", { type: "button", onclick: () => run({}, finish) }, say("deliver_folder")),
        h("button.plain", { type: "button", onclick: close }, say("cancel"))));
    const show = (letter) => {
      const send = h("button.primary", { type: "button", onclick: () => run({ to: letter.to, confirm: true }, finish) }, say(letter.by === "mail" ? "deliver_send" : "deliver_write"));
      body.replaceChildren(
        h("p.quiet", {}, say("deliver_for", { address: letter.to })), h("h3", {}, letter.subject),
        h("blockquote.letter", { tabindex: "0" }, letter.text),
        h("ul.small.quiet", {}, letter.attachments.map((one) => h("li", {}, one.name))),
        ...letter.notices.map((words) => h("p.small", {}, words)),
        h("div.row", {}, send, h("button.plain", { type: "button", onclick: () => { body.replaceChildren(ask); to.focus(); } }, say("cancel"))));
      send.focus();
    };
    body.append(ask);
    return [body, trouble];
  });
}
