// Names and roles. The order is changed by dragging a line's handle, or with the arrows while the handle has the focus.
import { byId, h } from "./dom.js";
import { heading, troubleOf } from "./fields.js";
import { say } from "./words.js";

const nameOf = (row) => row.querySelector("input").value.trim() || say("somebody", { number: place(row) + 1 });
const place = (row) => [...row.parentElement.children].indexOf(row);

export function group(desk) {
  const list = h("ol.people");
  const [trouble, tell] = troubleOf("people");
  const offer = h("p.offer");
  const takeAgain = h("button", { type: "button" }, say("previous_take"));
  const add = h("button", { id: "add-person", type: "button" }, say("add"));
  byId("group").replaceChildren(heading("group", "group"), h("p.small.quiet", {}, say("group_hint")), h("div.row.previous", {}, offer, takeAgain), list, trouble, h("div.row", {}, add));
  let roles = [];
  let last = null;

  const written = () => [...list.children].map((row) => ({ name: row.querySelector("input").value, role: row.querySelector("select").value }));
  const send = (writing = false) => { number(); desk.choose({ people: written() }, writing); };
  const number = () => [...list.children].forEach((row) => row.rename());

  function move(row, to) {
    const others = [...list.children].filter((one) => one !== row);
    list.insertBefore(row, others[to] ?? null);
  }

  function moved(row) {
    send();
    desk.announce(say("moved", { name: nameOf(row), place: place(row) + 1, count: list.children.length }));
  }

  function line(person) {
    const name = h("input", { type: "text", maxlength: 200, autocomplete: "off", spellcheck: "false", oninput: () => send(true), onchange: () => send() });
    name.value = person.name;
    const role = h("select", { onchange: () => send() }, roles.map((one) => h("option", { value: one.id }, one.name)));
    role.value = person.role;
    const handle = h("button.plain.handle", { type: "button" }, h("span", { "aria-hidden": "true" }, "⠿"));
    const away = h("button.plain", { type: "button", onclick: remove }, h("span", { "aria-hidden": "true" }, "×"));
    const [wrong, say_wrong] = troubleOf(`person-${crypto.randomUUID()}`, name);
    const row = h("li", {}, handle, name, role, away, wrong);

    function remove() {
      const next = row.nextElementSibling ?? row.previousElementSibling;
      row.remove();
      (next?.querySelector("input") ?? add).focus();
      send();
    }
    handle.addEventListener("keydown", (event) => {
      const by = { ArrowUp: -1, ArrowDown: 1 }[event.key];
      const to = place(row) + by;
      if (!by) return;
      event.preventDefault();
      if (to < 0 || to >= list.children.length) return;
      move(row, to);
      handle.focus();
      moved(row);
    });
    handle.addEventListener("pointerdown", (event) => {
      if (event.button) return;
      const before = place(row);
      handle.setPointerCapture(event.pointerId);
      row.classList.add("dragged");
      handle.onpointermove = (here) => {
        const over = [...list.children].filter((one) => one !== row && here.clientY > one.getBoundingClientRect().top + one.offsetHeight / 2).length;
        if (over !== place(row)) { move(row, over); handle.setPointerCapture(event.pointerId); }
      };
      handle.onlostpointercapture = handle.onpointerup = () => {
        if (!row.classList.contains("dragged") || !row.isConnected) return;
        handle.onpointermove = null;
        row.classList.remove("dragged");
        if (place(row) !== before) moved(row);
      };
    });
    name.addEventListener("blur", () => row.tell(row.wrong));
    row.tell = (sentence) => { row.wrong = sentence; say_wrong(sentence); };
    row.rename = () => {
      const called = nameOf(row);
      name.id = `person-${place(row)}`;
      name.setAttribute("aria-label", say("name_of", { number: place(row) + 1 }));
      name.setAttribute("placeholder", say("name"));
      role.setAttribute("aria-label", say("role_of", { name: called }));
      handle.setAttribute("aria-label", say("move", { name: called }));
      away.setAttribute("aria-label", say("remove", { name: called }));
    };
    return row;
  }

  const fitting = () => {
    const taken = new Set(written().map((person) => person.role));
    return (roles.find((role) => !taken.has(role.id)) && !taken.size ? roles[0] : roles[1] ?? roles[0]).id;
  };
  add.addEventListener("click", () => {
    list.append(line({ name: "", role: fitting() }));
    number();
    list.lastChild.querySelector("input").focus();
    send(true);
  });
  takeAgain.addEventListener("click", () => desk.choose({ people: last.previous }));

  return (shot) => {
    last = shot;
    const others = JSON.stringify(roles) !== JSON.stringify(shot.roles);
    roles = shot.roles;
    if (others || JSON.stringify(written()) !== JSON.stringify(shot.choices.people)) {
      list.replaceChildren(...shot.choices.people.map(line));
      number();
    }
    [...list.children].forEach((row, at) => {
      const sentence = shot.troubles[`people.${at}`];
      row.tell(row.contains(document.activeElement) && !row.querySelector("input").value ? undefined : sentence);
    });
    tell(shot.troubles.people);
    const same = JSON.stringify(shot.previous) === JSON.stringify(shot.choices.people);
    byId("group").querySelector(".previous").hidden = !shot.previous.length || same;
    offer.textContent = say("previous", { names: shot.previous.map((person) => person.name).join(", ") });
  };
}
