"""One utterance, or the list of voices, in a process that lives for nothing else: `python -m speech.synthesis.worker`.

A JSON request comes on standard input and a JSON answer goes to standard output. pyttsx3 prints, so its standard
output is cut off first; no text is ever printed, and none is in the process list. A process that outlives its
deadline ends itself, even when its parent is gone.
"""

from __future__ import annotations

import ctypes
import json
import os
import signal
import sys
import threading
from pathlib import Path
from typing import Any

from speech.errors import VoiceNotFoundError
from speech.synthesis.voices import Voice, VoiceList, choose, language_tag

_PRIORITY_STEP = 10
"""Added to the process's nice value: the call does not stutter while prompts are rendered."""


def main() -> None:
    """Read one request, do it, answer, and leave without the engine's own exit handlers (espeak's may abort)."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C in the terminal is the parent's to act on
    if sys.platform != "win32":
        os.nice(_PRIORITY_STEP)
    answers = os.dup(1)
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 1)
    os.dup2(nowhere, 2)
    request: dict[str, Any] = json.loads(sys.stdin.buffer.read())
    deadline = threading.Timer(float(request["timeout_seconds"]), os._exit, (3,))
    deadline.daemon = True
    deadline.start()
    try:
        answer = _voices() if request["action"] == "voices" else _render(request)
    except VoiceNotFoundError as error:
        answer = {"error": "voice", "message": str(error)}
    except Exception as error:  # noqa: BLE001  whatever an engine raises is told by its kind; its text may hold ours
        answer = {"error": type(error).__name__}
    os.write(answers, json.dumps(answer).encode())
    os._exit(0)


def _engine() -> Any:
    """Return pyttsx3's engine; on Linux with the espeak-ng that our own dependency carries."""
    if sys.platform == "linux":
        import espeakng_loader  # noqa: PLC0415  Linux only

        # Without this variable espeak-ng ends the interpreter, uncatchably.
        os.environ["ESPEAK_DATA_PATH"] = espeakng_loader.get_data_path()
        # Loaded first and globally, it is the one that pyttsx3 finds by its name.
        ctypes.CDLL(espeakng_loader.get_library_path(), ctypes.RTLD_GLOBAL)
    import pyttsx3  # noqa: PLC0415  loads the library above

    return pyttsx3.init()


def _offered(engine: Any) -> VoiceList:
    voices = tuple(
        Voice(voice.id, voice.name or voice.id, tuple(language_tag(str(tag)) for tag in voice.languages or () if tag))
        for voice in engine.getProperty("voices")
    )
    data = os.environ.get("ESPEAK_DATA_PATH")
    variants = Path(data, "voices", "!v") if data else None
    found = variants.iterdir() if variants and variants.is_dir() else ()
    return VoiceList(voices, tuple(sorted(one.name for one in found)))


def _voices() -> dict[str, Any]:
    offered = _offered(_engine())
    voices = [[voice.id, voice.name, voice.languages] for voice in offered.voices]
    return {"voices": voices, "variants": offered.variants}


def _render(request: dict[str, Any]) -> dict[str, Any]:
    engine = _engine()
    voice = choose(_offered(engine), request["voice"], request["language"])
    finished = threading.Event()
    failures: list[str] = []
    engine.connect("finished-utterance", lambda **_: finished.set())
    engine.connect("error", lambda exception=None, **_: failures.append(type(exception).__name__))
    engine.setProperty("voice", voice)
    engine.setProperty("rate", request["words_per_minute"])
    if sys.platform == "linux":  # the other drivers know no pitch
        engine.setProperty("pitch", request["pitch"])
    if sys.platform == "linux":
        engine.connect("started-utterance", lambda **_: _settle_espeak(request))
    engine.save_to_file(request["text"], request["path"])
    engine.runAndWait()
    # espeak writes the file on a thread of its own, often after runAndWait has returned.
    if not finished.wait(float(request["timeout_seconds"])):
        return {"error": "unfinished"}
    return {"error": failures[0]} if failures else {"voice": voice}


def _settle_espeak(request: dict[str, Any]) -> None:
    """Give espeak-ng its rate and pitch once more, when it has nothing else to do.

    It takes settings and text on a thread of its own while the voice is changed on ours: one utterance in a hundred was
    spoken at the engine's first rate.
    """
    from pyttsx3.drivers import _espeak  # noqa: PLC0415  Linux only

    _espeak.Synchronize()
    _espeak.SetParameter(_espeak.RATE, request["words_per_minute"], 0)
    _espeak.SetParameter(_espeak.PITCH, request["pitch"], 0)
    _espeak.Synchronize()


if __name__ == "__main__":
    main()
