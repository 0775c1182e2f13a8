// Talks to the service: signs in, follows a feed, sends commands, and knows what time it is in the session.
// Nothing is decided here: what is shown is the service's last word, counted on by a clock that never jumps.

const RETRY_MS = [100, 300, 700, 1000]; // then every second: back within 2 s of the service
const REFUSED_RETRY_MS = 5000;
const PATIENCE_MS = 4000;
// A service that is frozen keeps its connections: after a short quiet it is asked, and known within 2 s to be silent.
const LOOK_MS = 200;
const QUIET_MS = 500;
const ANSWER_MS = 800;

const post = (path, body) =>
  fetch(path, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify(body),
    signal: AbortSignal.timeout(PATIENCE_MS * 15),
  });

// Turns the one-time ticket of the address into a cookie, and takes it out of the address and of the history.
export async function signIn() {
  const ticket = location.hash.slice(1);
  if (!ticket) return;
  history.replaceState(null, "", location.pathname + location.search);
  await until(() => post("/api/session", { ticket }));
}

// Gets JSON, waiting as long as the service is away; null when this page may not have it.
export async function get(path) {
  const answer = await until(() => fetch(path, { signal: AbortSignal.timeout(PATIENCE_MS) }));
  return answer.ok ? answer.json() : null;
}

async function until(ask) {
  for (let tried = 0; ; tried += 1) {
    try {
      return await ask();
    } catch {
      await pause(tried);
    }
  }
}

const pause = (tried) => new Promise((go) => setTimeout(go, RETRY_MS[Math.min(tried, RETRY_MS.length - 1)]));

// Does a command, as `ask` says.
export const command = (name, values = {}) => ask("/api/commands", { command: name, ...values });

// Has something done. Returns what the service says; `error` is its sentence, `unanswered` that nobody did.
export async function ask(path, body = {}) {
  try {
    const answer = await post(path, body);
    const said = await answer.json();
    return answer.ok ? said : { error: said.error, code: said.code };
  } catch {
    return { unanswered: true };
  }
}

// A new one-time link to the participants' page; null when there is none.
export async function stageLink() {
  try {
    const answer = await post("/api/ticket", { scope: "stage" });
    return answer.ok ? (await answer.json()).url : null;
  } catch {
    return null;
  }
}

// Follows a feed for as long as the page lives.
//   on(line): every line; away(): the link is lost; silent(): it is there, and nobody answers; back(): all is well again;
//   refused(): the page is no longer let in.
export function follow(path, { on, away, silent, back, refused }) {
  let socket, tried = 0, was = "", heard = 0, asking = false;
  const become = (state, tell) => {
    if (state !== was) tell();
    was = state;
  };
  function open() {
    socket = new WebSocket(`ws://${location.host}${path}`);
    socket.onmessage = (message) => {
      tried = 0;
      heard = performance.now();
      become("here", back);
      on(JSON.parse(message.data));
    };
    socket.onclose = async () => {
      const wait = RETRY_MS[Math.min(tried++, RETRY_MS.length - 1)];
      if (await signedOut()) {
        become("refused", refused);
        setTimeout(open, REFUSED_RETRY_MS);
      } else {
        if (tried > 1) become("away", away); // one reconnection at once is nobody's business
        setTimeout(open, wait);
      }
    };
  }
  async function look() {
    if (asking || (was !== "here" && was !== "silent") || performance.now() - heard < QUIET_MS) return;
    asking = true;
    const answered = await answers();
    asking = false;
    if (answered) heard = performance.now();
    if (was === "here" || was === "silent") become(answered ? "here" : "silent", answered ? back : silent);
  }
  open();
  setInterval(look, LOOK_MS);
  return { send: (value) => socket.readyState === WebSocket.OPEN && socket.send(JSON.stringify(value)) };
}

async function answers() {
  try {
    return (await fetch("/healthz", { signal: AbortSignal.timeout(ANSWER_MS) })).ok;
  } catch {
    return false;
  }
}

// A socket does not say why it was refused: another question does.
async function signedOut() {
  try {
    return (await fetch("/api/strings", { signal: AbortSignal.timeout(PATIENCE_MS) })).status === 401;
  } catch {
    return false;
  }
}

const JUMP_SECONDS = 0.5;

// Session time from the snapshots on. A snapshot that was long on its way would set it back: the quickest one counts,
// until session time itself jumps.
export class Clock {
  #at = 0;
  #offset = -Infinity;

  set(at) {
    const offset = at - performance.now() / 1000;
    if (offset > this.#offset || offset < this.#offset - JUMP_SECONDS) this.#offset = offset;
    this.#at = at;
  }

  get now() {
    return this.when(performance.now());
  }

  // The session second of an instant of `performance.now()`.
  when(instant) {
    return this.#offset + instant / 1000;
  }

  get since() {
    return this.now - this.#at;
  }
}
