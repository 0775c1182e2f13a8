"""The recognizer's own process: `python -m speech.recognition.worker`, spoken to through its pipes (see `wire`).

It writes nothing to disk, prints nothing, opens no connection, and ends at once when its input closes, even within a
decode, so that it never outlives the process that started it. What is said leaves it only through its output pipe.
"""

from __future__ import annotations

import contextlib
import math
import os
import queue
import signal
import sys
import threading
import time
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from speech.detection import load_onnxruntime
from speech.ports import RATE_HZ
from speech.recognition import wire
from speech.recognition.hallucinations import Heard, InventedTextLimits, joined, limits_of, spoken_text

_BEAM_SIZE = {False: 1, True: 5}
"""Live, one beam keeps up on two cores; the final pass takes Whisper's own five (SPEECH.md)."""
_TEMPERATURES = {False: [0.0], True: [0.0, 0.2, 0.4]}
"""Live, a failed decode is left out: a retry costs a whole decode and invites invention. The final pass may retry."""
_PRIORITY_STEP = 10
"""Added to the process's nice value: the call must not stutter while speech is written down (LESSONS.md)."""


def main() -> int:
    """Serve utterances until the input closes; return the exit status."""
    incoming, outgoing = _take_pipes()
    _withdraw()
    messages: queue.SimpleQueue[tuple[wire.Header, bytes]] = queue.SimpleQueue()
    threading.Thread(target=_listen, args=(incoming, messages), daemon=True).start()
    settings, _ = messages.get()
    try:
        model = _load(settings)
        limits = limits_of(Path(settings["model"]))
    except Exception as error:  # noqa: BLE001  whatever it is, the parent is told and decides
        _send(outgoing, {"error": type(error).__name__})
        return 1
    _send(outgoing, {"ready": True})
    while True:
        header, payload = messages.get()
        try:
            samples = np.frombuffer(payload, dtype=np.float32)
            reply = (
                _timed(model, header, samples) if "tokens" in header else _transcribe(model, limits, header, samples)
            )
        except Exception as error:  # noqa: BLE001  its text could quote what was said: only its class goes out
            reply = {"error": type(error).__name__}
        payload, samples = b"", np.zeros(0, dtype=np.float32)  # else the last sound would stay until the next comes
        _send(outgoing, reply)


def _take_pipes() -> tuple[BinaryIO, BinaryIO]:
    """Keep the two pipes for ourselves and leave libraries that print a place where nothing is kept."""
    incoming, outgoing = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb")
    nowhere = os.open(os.devnull, os.O_RDWR)
    for descriptor in (0, 1, 2):
        os.dup2(nowhere, descriptor)
    os.close(nowhere)
    return incoming, outgoing


def _withdraw() -> None:
    """Give way to the call, and leave Ctrl-C to the parent."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    if sys.platform != "win32":
        with contextlib.suppress(OSError):
            os.nice(_PRIORITY_STEP)


def _listen(incoming: BinaryIO, messages: queue.SimpleQueue[tuple[wire.Header, bytes]]) -> None:
    try:
        while (message := wire.read(incoming)) is not None:
            messages.put(message)
    finally:
        os._exit(0)


def _send(outgoing: BinaryIO, header: wire.Header) -> None:
    try:
        outgoing.write(wire.pack(header))
        outgoing.flush()
    except OSError:
        os._exit(0)


def _load(settings: wire.Header) -> Any:
    load_onnxruntime()
    from faster_whisper import WhisperModel  # noqa: PLC0415  a failing import is reported like a failing model
    from faster_whisper.vad import get_vad_model  # noqa: PLC0415  the same

    get_vad_model()  # else the first utterance waits 0.3 s for it
    return WhisperModel(
        settings["model"],
        device="cpu",
        compute_type=settings["compute_type"],
        cpu_threads=settings["threads"],
        local_files_only=True,
    )


def _timed(model: Any, header: wire.Header, samples: np.ndarray[Any, np.dtype[np.float32]]) -> wire.Header:
    """Return `seconds`: how long it takes to write exactly `tokens` tokens, as live, whatever the sound.

    Not by `transcribe`: made to write on, it may go over the same sound for ever.
    """
    from faster_whisper.audio import pad_or_trim  # noqa: PLC0415  loaded with the model

    token = model.hf_tokenizer.token_to_id
    start = [token("<|startoftranscript|>"), token(f"<|{header['language']}|>"), token("<|transcribe|>")]
    prompt = [*start, token("<|notimestamps|>")]
    begun = time.perf_counter()
    sound = model.encode(pad_or_trim(model.feature_extractor(samples)))
    model.model.generate(
        sound,
        [prompt],
        beam_size=_BEAM_SIZE[False],
        max_length=2 * header["tokens"],  # CTranslate2 writes half of it at most
        suppress_tokens=[-1, token("<|endoftext|>")],
    )
    return {"seconds": time.perf_counter() - begun}


def _transcribe(
    model: Any, limits: InventedTextLimits, header: wire.Header, samples: np.ndarray[Any, np.dtype[np.float32]]
) -> wire.Header:
    """Return `text` and `confidence`: the mean token probability (geometric) over what was kept, 0 without text."""
    import ctranslate2  # noqa: PLC0415  loaded with the model

    careful = bool(header["careful"])
    language = header["language"]
    ctranslate2.set_random_seed(0)  # the same sound gives the same text, also after a retry at a higher temperature
    segments, _ = model.transcribe(
        samples,
        language=language,
        beam_size=_BEAM_SIZE[careful],
        temperature=_TEMPERATURES[careful],
        condition_on_previous_text=False,
        vad_filter=True,
        hotwords=header["hotwords"] or None,
    )
    kept: list[str] = []
    tokens = 0
    log_probability = 0.0
    for place, segment in enumerate(segments):
        left = len(samples) / RATE_HZ - segment.start if place else math.inf
        heard = Heard(segment.text, segment.avg_logprob, segment.no_speech_prob, segment.compression_ratio, left)
        text = spoken_text(heard, language, limits)
        if text:
            kept.append(text)
            tokens += len(segment.tokens)
            log_probability += segment.avg_logprob * len(segment.tokens)
    confidence = math.exp(min(0.0, log_probability / tokens)) if tokens else 0.0
    return {"text": joined(kept), "confidence": confidence}


if __name__ == "__main__":
    sys.exit(main())
