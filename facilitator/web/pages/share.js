// Sends the sound of the call's tab or window to the session, and only while it listens. What a lost connection kept
// back is sent afterwards, for a minute at most; the service says how much it has.

const RATE_HZ = 16000;
const PIECE = 2048;
const KEPT = Math.floor((60 * RATE_HZ) / PIECE);
const RETRY_MS = 500;

export class Share {
  #socket = null;
  #stream = null;
  #context = null;
  #capture = "";
  #pieces = []; // those that the service may not have, oldest first
  #first = 0; // place of the oldest in the capture, in samples
  #sent = 0; // place up to which this connection has them
  #ready = false;
  #listening = false;

  // ended(): what was shared is no longer.
  constructor(ended) {
    this.ended = ended;
  }

  get on() {
    return this.#stream !== null;
  }

  // Asks which tab or window; returns "" when it is shared, else why not: "refused", or "silent" without its sound.
  async start() {
    this.stop();
    let stream;
    try {
      stream = await navigator.mediaDevices.getDisplayMedia({
        video: true, // the browser offers no sound alone
        audio: { echoCancellation: false, noiseSuppression: false, autoGainControl: false },
        systemAudio: "include",
        selfBrowserSurface: "exclude",
      });
    } catch {
      return "refused";
    }
    const [sound] = stream.getAudioTracks();
    for (const track of stream.getVideoTracks()) track.stop();
    if (!sound) return "silent";
    sound.addEventListener("ended", () => {
      if (this.#stream !== stream) return;
      this.stop();
      this.ended();
    });
    this.#stream = stream;
    this.#context = new AudioContext({ sampleRate: RATE_HZ });
    await this.#context.audioWorklet.addModule("/pages/tap.js");
    const tap = new AudioWorkletNode(this.#context, "tap", { numberOfOutputs: 0 });
    tap.port.onmessage = ({ data }) => this.#take(data);
    this.#context.createMediaStreamSource(new MediaStream([sound])).connect(tap);
    this.#begin();
    this.#connect();
    return "";
  }

  stop() {
    for (const track of this.#stream?.getTracks() ?? []) track.stop();
    this.#stream = null;
    this.#context?.close();
    this.#context = null;
    this.#socket?.close();
    this.#socket = null;
    this.#listening = false;
    this.#pieces = [];
  }

  #begin() {
    this.#capture = crypto.randomUUID();
    this.#pieces = [];
    this.#first = this.#sent = 0;
  }

  #connect() {
    if (!this.on) return;
    const socket = (this.#socket = new WebSocket(`ws://${location.host}/api/ingest/call`));
    this.#ready = false;
    socket.onopen = () => socket.send(JSON.stringify({ capture: this.#capture }));
    socket.onmessage = ({ data }) => socket === this.#socket && this.#told(JSON.parse(data));
    socket.onclose = () => {
      if (socket !== this.#socket) return;
      this.#ready = false;
      setTimeout(() => socket === this.#socket && this.#connect(), RETRY_MS);
    };
  }

  #told({ capture, listening, received }) {
    if (!this.#ready && capture !== this.#capture) return; // said before it knew the capture
    if (listening !== this.#listening) {
      this.#listening = listening;
      if (!listening) { // a pause is not made up for afterwards: what follows is a capture of its own
        this.#begin();
        return this.#socket.close();
      }
    }
    while (this.#pieces.length > 0 && this.#first + PIECE <= received) this.#drop();
    if (!this.#ready) {
      this.#ready = true;
      this.#sent = this.#first;
      if (this.#first > received && this.#pieces.length > 0) this.#socket.send(JSON.stringify({ skipped: this.#first - received }));
    }
    this.#flush();
  }

  #take(piece) {
    if (!this.on || !this.#listening) return;
    this.#pieces.push(piece);
    if (this.#pieces.length > KEPT) this.#drop();
    this.#flush();
  }

  #drop() {
    this.#pieces.shift();
    this.#first += PIECE;
  }

  #flush() {
    if (!this.#ready) return;
    for (const piece of this.#pieces.slice(Math.max(0, (this.#sent - this.#first) / PIECE))) {
      this.#socket.send(piece);
      this.#sent += PIECE;
    }
  }
}
