"""Nothing blocks the loop: a whole replay and a live session under a watch that fails at the first blocking call."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
from blockbuster import blockbuster_ctx

from facilitator.call import load_call, read_call
from facilitator.catalog import load_process
from facilitator.demo import Script, make_call
from facilitator.languages import load_language
from facilitator.replay import Replay
from speech.recognition.whisper import WhisperRecognizer
from speech.synthesis.cache import PromptCache
from speech.synthesis.pyttsx3 import Pyttsx3Synthesizer

pytestmark = pytest.mark.e2e

ROOT = Path(__file__).resolve().parents[2]
SCRIPT = Script.model_validate(
    {
        "language": "fr",
        "address": "tu",
        "speakers": {"Camille": {"role": "client", "voice": "fr+f2"}, "Nour": {"role": "consultant", "voice": "fr+m3"}},
        "steps": [
            {
                "id": "contract",
                "minutes": 1.0,
                "lines": [
                    {"who": "Camille", "say": "J'aimerais que vous m'aidiez à préparer l'entretien avec Sophie."},
                    {"command": "mark_contract", "gap": 0.8},
                    {"who": "Nour", "say": "Le contrat me convient.", "gap": 1.2},
                    {"command": "end", "gap": 0.5},
                    {"pause": 8.0},
                ],
            }
        ],
    }
)


async def test_a_replay_never_blocks_the_loop(tmp_path: Path) -> None:
    path = await make_call(SCRIPT, {"contract": 14.0}, tmp_path / "calls", lambda *_: None)
    process, language = load_process("codev"), load_language("codev", "fr", "tu")
    call = load_call(path, read_call(path), process)
    voice = await Pyttsx3Synthesizer.open("", language="fr")
    recognizer = WhisperRecognizer(ROOT / "models" / "demo")
    replay = Replay(
        process=process,
        language=language,
        cache=PromptCache(tmp_path / "prompts", voice),
        recognizer=recognizer,
        speed=math.inf,
    )
    with blockbuster_ctx(["facilitator", "speech"]):
        documents = await replay.run(call, tmp_path / "out")
    await voice.close()
    assert "préparer l'entretien avec Sophie" in documents[0].read_text(encoding="utf-8")
