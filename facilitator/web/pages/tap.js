// Runs beside the page's own thread: hands over what is shared in pieces of 2048 samples, 16 bits each (128 ms).
const PIECE = 2048;

class Tap extends AudioWorkletProcessor {
  #piece = new Int16Array(PIECE);
  #filled = 0;

  process([input]) {
    const channels = input.length;
    for (let place = 0; place < 128; place += 1) {
      let sum = 0;
      for (const channel of input) sum += channel[place];
      this.#piece[this.#filled] = Math.max(-32768, Math.min(32767, Math.round((channels ? sum / channels : 0) * 32768)));
      this.#filled += 1;
      if (this.#filled === PIECE) {
        this.port.postMessage(this.#piece.buffer, [this.#piece.buffer]);
        this.#piece = new Int16Array(PIECE);
        this.#filled = 0;
      }
    }
    return true;
  }
}

registerProcessor("tap", Tap);
