// Plays the prompts on time with Web Audio. A browser lets a page sound only once somebody has clicked on it.

const FADE_SECONDS = 0.3;
const BUFFER_SECONDS = 0.15; // a computer that is busy with a call must not tear the voice; the start allows for it

// Which instant of the sound is heard at which instant of `performance.now()`: `currentTime` goes on in steps of a whole
// buffer, and tells it no better than that.
function heard(context) {
  const { contextTime, performanceTime } = context.getOutputTimestamp();
  if (performanceTime) return [contextTime, performanceTime];
  return [context.currentTime - (context.outputLatency || context.baseLatency || 0), performance.now()]; // nothing was played yet
}

export class Player {
  #context = null;
  #playing = new Map();

  // clock: the session's; started(id, at): a prompt is heard from session second `at` on.
  constructor({ clock, started }) {
    this.clock = clock;
    this.started = started;
  }

  get unlocked() {
    return this.#context?.state === "running";
  }

  async unlock() {
    this.#context ??= new AudioContext({ latencyHint: BUFFER_SECONDS });
    await this.#context.resume();
    navigator.wakeLock?.request("screen").catch(() => {}); // a shared tab that goes dark says nothing
    return this.unlocked;
  }

  async play({ id, url, start_in_seconds: wait = 0 }) {
    if (!url || !this.unlocked) return;
    const due = performance.now() + wait * 1000;
    const entry = { stopped: false };
    this.#playing.set(id, entry);
    try {
      const answer = await fetch(url);
      if (!answer.ok) throw new Error(String(answer.status));
      const sound = await this.#context.decodeAudioData(await answer.arrayBuffer());
      if (entry.stopped) return;
      this.#start(id, entry, sound, due);
    } catch {
      this.#playing.delete(id); // the service learns it from the silence: it was never told "played"
    }
  }

  #start(id, entry, sound, due) {
    const context = this.#context;
    const [contextTime, performanceTime] = heard(context);
    const when = Math.max(context.currentTime, contextTime + (due - performanceTime) / 1000);
    entry.gain = new GainNode(context);
    entry.source = new AudioBufferSourceNode(context, { buffer: sound });
    entry.source.connect(entry.gain).connect(context.destination);
    entry.source.onended = () => this.#playing.delete(id);
    entry.source.start(when);
    this.started(id, this.clock.when(performanceTime + (when - contextTime) * 1000));
  }

  stop(id) {
    const entry = this.#playing.get(id);
    if (!entry) return;
    entry.stopped = true;
    if (!entry.source) return;
    const now = this.#context.currentTime;
    entry.gain.gain.setValueAtTime(1, now);
    entry.gain.gain.linearRampToValueAtTime(0, now + FADE_SECONDS);
    entry.source.stop(now + FADE_SECONDS);
  }
}
