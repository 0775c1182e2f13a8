// Makes elements, and changes only what changed: focus and selection stay where they are.

// French puts a space before these signs, and no line may begin with them.
const typeset = (words) => words.replace(/ (?=[:;?!»])/g, "\u00a0").replace(/« /g, "«\u00a0");

// Nor is a time cut in two.
const whole = (words) => typeset(words).replace(/(\d) min(?: (?=\d\d\b))?/g, (time) => time.replace(/ /g, "\u00a0"));

// h("button.primary", { onclick, "aria-label": … }, "words", element, null)
export function h(kind, attributes = {}, ...children) {
  const [tag, ...classes] = kind.split(".");
  const element = document.createElement(tag);
  if (classes.length) element.className = classes.join(" ");
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (value === true) element.setAttribute(name, "");
    else if (value !== false && value !== null && value !== undefined) element.setAttribute(name, value);
  }
  element.append(...children.flat().filter((child) => child !== null && child !== undefined && child !== false)
    .map((child) => (typeof child === "string" ? whole(child) : child)));
  return element;
}

export const byId = (id) => document.getElementById(id);

export function text(element, words) {
  const shown = typeset(words);
  if (element.textContent !== shown) element.textContent = shown;
}

const shown = new WeakMap();

// Fills `element` anew when `state` (anything JSON can say) is not what it shows already.
export function fill(element, state, make) {
  const now = JSON.stringify(state);
  if (shown.get(element) === now) return false;
  shown.set(element, now);
  const focused = element.contains(document.activeElement) ? document.activeElement.dataset.key : undefined;
  element.replaceChildren(...[make()].flat().filter(Boolean));
  if (focused) element.querySelector(`[data-key="${CSS.escape(focused)}"]`)?.focus();
  return true;
}

// Without a cookie the words of the session are not known either: both languages, for nobody is signed in.
export function lockedOut() {
  document.body.dataset.state = "locked";
  byId("away").replaceChildren(
    h("p", {}, h("strong", {}, "Ouvrir le lien que « facilitator run » affiche. Un lien ne s'ouvre qu'une fois.")),
    h("p", { lang: "en" }, "Open the link that “facilitator run” shows. A link opens once only."),
  );
  byId("away").hidden = false;
}
