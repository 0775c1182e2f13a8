// The fields of the set-up's page: made once, brought up to date, each with the sentence that says what is to change.
import { fill, h, text } from "./dom.js";
import { say } from "./words.js";

export const heading = (section, key) => h("h2", { id: `${section}-title` }, say(key));

// The sentence beside a field; returns [element, show].
export function troubleOf(name, ...controls) {
  const id = `trouble-${name.replace(".", "-")}`;
  const element = h("p.trouble", { id });
  return [element, (sentence) => {
    text(element, sentence ?? "");
    for (const control of controls) {
      if (sentence) {
        control.setAttribute("aria-invalid", "true");
        control.setAttribute("aria-describedby", id);
      } else {
        control.removeAttribute("aria-invalid");
        control.removeAttribute("aria-describedby");
      }
    }
  }];
}

// A list to choose one from. options(shot): [[id, words], …]
export function select(desk, name, options, { label = say(name), on = name } = {}) {
  const control = h("select", { id: `choose-${name}`, onchange: () => desk.choose({ [name]: control.value }) });
  const [trouble, tell] = troubleOf(on, control);
  const element = h("div.field", {}, h("label", { for: `choose-${name}` }, label), control, trouble);
  return [element, (shot) => {
    const known = options(shot);
    const chosen = shot.choices[name];
    if (!known.some(([id]) => id === chosen)) known.push([chosen, say("missing", { name: chosen })]);
    fill(control, known, () => known.map(([id, words]) => h("option", { value: id }, words)));
    control.value = chosen;
    tell(shot.troubles[name]);
  }];
}

// One of a few, all in sight. options(shot): [[id, words, more], …]
export function radios(desk, name, options, { label = say(name), kind = "chips", visible = true } = {}) {
  const group = h(`div.${kind}`);
  const first = h("span", { hidden: true });
  const [trouble, tell] = troubleOf(name, group);
  const element = h("fieldset.field", {}, h(visible ? "legend" : "legend.unseen", {}, label), group, trouble, first);
  return [element, (shot) => {
    const known = options(shot);
    element.hidden = known.length < 2;
    const at = document.activeElement?.id;
    const anew = fill(group, known, () => known.map(([id, words, more]) => h("label.option", {},
      h("input", { type: "radio", id: `choose-${name}-${id}`, name, value: id, onchange: () => desk.choose({ [name]: id }) }),
      h("span", {}, words, more && h("span.small.quiet", {}, more)))));
    for (const one of group.querySelectorAll("input")) one.checked = one.value === shot.choices[name];
    if (anew && at) document.getElementById(at)?.focus();
    tell(shot.troubles[name]);
  }];
}

export function checkbox(desk, name, more) {
  const control = h("input", { type: "checkbox", id: `choose-${name}`, onchange: () => desk.choose({ [name]: control.checked }) });
  const [trouble, tell] = troubleOf(name, control);
  const hint = h("span.small.quiet", {}, more ?? "");
  const element = h("div.field", {}, h("label.option", {}, control, h("span", {}, say(name), hint)), trouble);
  return [element, (shot) => {
    control.checked = shot.choices[name];
    tell(shot.troubles[name]);
  }];
}
