"""Everything that `speech` raises on purpose.

SpeechError
├── BlockSizeError        sound was not a whole number of frames
├── AudioFileError        a recording is missing, empty or cannot be decoded
├── DeviceNotFoundError   no device of that name
├── SourceLostError       a capture device went away
├── IngestError           what a sender sent is no sound of ours, or too much
├── SinkLostError         an output device went away or hung
├── VirtualMicrophoneError  the sound server cannot make or remove the virtual microphone
├── SynthesisError        the speech engine failed, hung or lacks the voice
│   └── VoiceNotFoundError
├── RecognizerError       the recognizer failed or died
└── ModelError            a model is damaged or could not be fetched
    └── ModelNotFoundError

Each message is one sentence for the animator: what is wrong, then what to do. It holds no transcript and no name.
"""

import unicodedata

_NO_TEXT = frozenset({"Cc", "Cs", "Zl", "Zp"})
_TURNING = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
"""They would show what follows backwards."""


def one_line(text: str) -> str:
    """Return `text` with a sign for each character that is none: what it quotes, as a file's name, may hold any."""
    return "".join(
        "\N{REPLACEMENT CHARACTER}" if one in _TURNING or unicodedata.category(one) in _NO_TEXT else one for one in text
    )


class SpeechError(Exception):
    """Base of the package's errors."""

    def __str__(self) -> str:
        """Return the sentence, on one line."""
        return one_line(super().__str__())


class BlockSizeError(SpeechError):
    """Sound that is not a whole number of frames."""


class AudioFileError(SpeechError):
    """A recording that is missing, empty or cannot be decoded."""


class DeviceNotFoundError(SpeechError):
    """No device has the name asked for."""


class SourceLostError(SpeechError):
    """A capture device went away."""


class IngestError(SpeechError, ValueError):
    """What a sender sent is not sound as it was agreed, or too much of it."""


class SinkLostError(SpeechError):
    """An output device went away or hung."""


class VirtualMicrophoneError(SpeechError):
    """The sound server cannot make or remove the virtual microphone."""


class SynthesisError(SpeechError):
    """The speech engine failed, hung or lacks the voice."""


class VoiceNotFoundError(SynthesisError):
    """The speech engine has no such voice."""


class RecognizerError(SpeechError):
    """The recognizer failed or died."""


class ModelError(SpeechError):
    """A model is damaged or could not be fetched."""


class ModelNotFoundError(ModelError):
    """There is no model of that name, or no folder there."""
