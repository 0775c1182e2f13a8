"""espeak-ng through ctypes: sound, and when each word and each phoneme of it begins."""

from __future__ import annotations

import ctypes
from dataclasses import dataclass
from typing import Any

import numpy as np

from speech.ports import Samples

_WORD, _PHONEME = 1, 7
_RATE, _PITCH, _RANGE, _GAP = 1, 3, 4, 7
_SYNCHRONOUS, _PHONEME_EVENTS, _UTF8 = 2, 1, 1


class _Id(ctypes.Union):
    _fields_ = (("number", ctypes.c_int), ("name", ctypes.c_char_p), ("string", ctypes.c_char * 8))


class _Event(ctypes.Structure):
    _fields_ = (
        ("type", ctypes.c_int),
        ("unique_identifier", ctypes.c_uint),
        ("text_position", ctypes.c_int),
        ("length", ctypes.c_int),
        ("audio_position", ctypes.c_int),
        ("sample", ctypes.c_int),
        ("user_data", ctypes.c_void_p),
        ("id", _Id),
    )


_CALLBACK = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.POINTER(ctypes.c_short), ctypes.c_int, ctypes.POINTER(_Event))


@dataclass(frozen=True, slots=True)
class Manner:
    """How a text is said.

    Attributes:
        voice: espeak-ng's name, with its variant after a plus sign.
        words_per_minute: espeak-ng's rate.
        pitch: 0 to 99.
        pitch_range: 0 to 99.
        gap: more silence between words, in units of 10 ms.
    """

    voice: str
    words_per_minute: int = 160
    pitch: int = 50
    pitch_range: int = 50
    gap: int = 0


@dataclass(frozen=True, slots=True)
class Spoken:
    """What was said.

    Attributes:
        samples: mono float32 in [-1, 1] at the engine's rate.
        words: (index of the word's first character in the text, seconds).
        phonemes: (espeak-ng's name, seconds); a name that begins with "_" is a pause.
    """

    samples: Samples
    words: list[tuple[int, float]]
    phonemes: list[tuple[str, float]]


class Espeak:
    """The engine; the library keeps its state for the process, so one of them at a time."""

    def __init__(self) -> None:
        self._library = ctypes.CDLL("libespeak-ng.so.1")
        self.rate_hz = int(self._library.espeak_Initialize(_SYNCHRONOUS, 500, None, _PHONEME_EVENTS))
        self._chunks: list[np.ndarray[Any, Any]] = []
        self._events: list[tuple[int, int, int, str]] = []
        self._callback = _CALLBACK(self._take)
        self._library.espeak_SetSynthCallback(self._callback)

    def speak(self, text: str, manner: Manner) -> Spoken:
        """Say `text`.

        Raises:
            ValueError: there is no such voice.
        """
        self._chunks, self._events = [], []
        if self._library.espeak_SetVoiceByName(manner.voice.encode()):
            raise ValueError(f"espeak-ng has no voice “{manner.voice}”.")
        for parameter, value in (
            (_RATE, manner.words_per_minute),
            (_PITCH, manner.pitch),
            (_RANGE, manner.pitch_range),
            (_GAP, manner.gap),
        ):
            self._library.espeak_SetParameter(parameter, value, 0)
        data = text.encode()
        size = ctypes.c_size_t(len(data) + 1)
        self._library.espeak_Synth(ctypes.c_char_p(data), size, 0, 1, 0, _UTF8, None, None)
        self._library.espeak_Synchronize()
        samples = np.concatenate([*self._chunks, np.zeros(0, np.int16)]).astype(np.float32) / np.float32(32768)
        return Spoken(
            samples,
            [(position - 1, at / self.rate_hz) for kind, at, position, _ in self._events if kind == _WORD],
            [(name, at / self.rate_hz) for kind, at, _, name in self._events if kind == _PHONEME],
        )

    def _take(self, wav: Any, count: int, events: Any) -> int:
        i = 0
        while events[i].type:
            event = events[i]
            name = bytes(event.id.string).split(b"\0")[0].decode("utf8", "replace") if event.type == _PHONEME else ""
            self._events.append((event.type, event.sample, event.text_position, name))
            i += 1
        if wav and count > 0:
            self._chunks.append(np.ctypeslib.as_array(wav, shape=(count,)).copy())
        return 0
