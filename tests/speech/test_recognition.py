"""The recognizer over the demo model in its real process, and the text that it must not invent."""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
import signal
import sys
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import numpy as np
import pytest

from speech.errors import RecognizerError
from speech.ports import RATE_HZ, Recognizer
from speech.recognition.engine import Engine
from speech.recognition.whisper import Patience, WhisperRecognizer
from tests.speech.voices import noise, speak

DEMO = Path(__file__).resolve().parents[2] / "models" / "demo"

FRENCH = (
    "J'aimerais que vous m'aidiez à préparer la réunion avec mon équipe.",
    "Ma question c'est comment dire non à mon manager sans perdre la confiance de mon équipe?",
    "Je voudrais savoir si je dois parler à Marie.",
    "Mon problème c'est que je n'arrive pas à dire non.",
    "Ce qui est difficile pour moi c'est de déléguer le budget à Karim.",
    "D'ici vendredi je parle avec mon équipe de la réorganisation.",
    "Je vais demander à Sophie de m'aider à organiser la réunion avec le comité de direction.",
    "Mon indicateur de réussite c'est que le projet soit terminé avant la fin du mois.",
    "Je retiens l'idée de faire une liste de questions.",
    "Mon niveau de confiance est de huit sur dix.",
    "Je m'engage à appeler le client dès demain.",
    "Est-ce que je dois reporter la réunion du lundi ou prendre du recul?",
)
ENGLISH = (
    "I would like you to help me prepare the meeting with my team.",
    "My question is how to say no to my manager.",
    "My problem is that I have too much work.",
    "What worries me is that the project is late.",
    "By Friday I will call Paul and talk to my team about the budget.",
    "I commit to send a summary to the clients by the end of the month.",
    "If it does not work I will ask Claire for help.",
    "I will know that it works when the meetings are shorter.",
)
SENTENCE = speak(FRENCH[0], "fr")


@contextlib.asynccontextmanager
async def running(**settings: object) -> AsyncIterator[WhisperRecognizer]:
    recognizer = WhisperRecognizer(DEMO, **settings)
    try:
        await recognizer.start()
        yield recognizer
    finally:
        await recognizer.close()


def words(text: str) -> list[str]:
    return re.findall(r"[^\W_]+", text.lower())


def word_errors(reference: list[str], heard: list[str]) -> int:
    row = list(range(len(heard) + 1))
    for i, word in enumerate(reference, 1):
        previous, row[0] = row[0], i
        for j, other in enumerate(heard, 1):
            previous, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, previous + (word != other))
    return row[-1]


def gone(pid: int) -> bool:
    """Return whether no such process is left, not even as a zombie."""
    return not Path(f"/proc/{pid}").exists()


def ended(pid: int) -> bool:
    """Return whether the process has ended; one whose parent was killed may wait as a zombie for init."""
    return gone(pid) or " Z " in Path(f"/proc/{pid}/stat").read_text()


def resident_megabytes(pid: int) -> float:
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 2**20


async def test_sentences_of_both_languages_are_written_down(record_property: Callable[[str, object], None]) -> None:
    errors = total = 0
    seconds: list[float] = []
    async with running() as recognizer:
        port: Recognizer = recognizer
        for language, sentences in (("fr", FRENCH), ("en", ENGLISH)):
            for sentence in sentences:
                sound = speak(sentence, language)
                begin = time.perf_counter()
                transcript = await port.transcribe(sound, language=language)
                seconds.append(time.perf_counter() - begin)
                errors += word_errors(words(sentence), words(transcript.text))
                total += len(words(sentence))
                assert 0 < transcript.confidence <= 1
        assert recognizer.pid is not None
        memory = resident_megabytes(recognizer.pid)
    rate, median = errors / total, sorted(seconds)[len(seconds) // 2]
    record_property("figures", f"WER {rate:.3f} over {total} words, median {median:.2f} s, RSS {memory:.0f} MB")
    assert rate < 0.08
    assert memory < 300


@pytest.mark.parametrize("careful", [False, True])
async def test_silence_and_noise_are_no_text(*, careful: bool) -> None:
    async with running() as recognizer:
        for sound in (
            np.zeros(2 * RATE_HZ, dtype=np.float32),
            noise(3, seed=1),
            noise(3, seed=2, level=0.2),
            np.zeros(0, dtype=np.float32),
        ):
            transcript = await recognizer.transcribe(sound, language="fr", careful=careful)
            assert (transcript.text, transcript.confidence) == ("", 0.0)


async def test_hotwords_and_the_careful_search_are_accepted() -> None:
    async with running() as recognizer:
        transcript = await recognizer.transcribe(SENTENCE, language="fr", hotwords="Marie Karim", careful=True)
        assert "aidiez" in transcript.text
        await recognizer.transcribe(SENTENCE, language="fr", hotwords="Marie Karim " * 300)  # the engine takes a part
        assert "aidiez" in (await recognizer.transcribe(SENTENCE, language="fr")).text


async def test_the_glossary_comes_after_the_names_of_those_present(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []

    async def note(self: Engine, header: dict[str, str], payload: bytes, limit: float) -> dict[str, object]:
        if "hotwords" in header:
            asked.append(header["hotwords"])
        return await real(self, header, payload, limit)

    real = Engine.ask
    monkeypatch.setattr(Engine, "ask", note)
    async with running(glossary="CODIR, plan de charge") as recognizer:
        for names in ("Camille Nour", ""):
            assert "aidiez" in (await recognizer.transcribe(SENTENCE, language="fr", hotwords=names)).text
    assert asked == ["Camille Nour CODIR, plan de charge", "CODIR, plan de charge"]


async def test_calls_at_once_are_served_in_their_order() -> None:
    async with running() as recognizer:
        finished: list[int] = []

        async def one(number: int) -> str:
            text = (await recognizer.transcribe(speak(FRENCH[number], "fr"), language="fr")).text
            finished.append(number)
            return text

        texts = await asyncio.gather(*(one(number) for number in (0, 9, 2)))
        assert finished == [0, 9, 2]
        assert all(key in text for key, text in zip(("aidiez", "confiance", "Marie"), texts, strict=True))


@pytest.mark.parametrize("delay_seconds", [0.0, 0.05, 0.2])
async def test_a_kill_within_an_utterance_loses_nothing(delay_seconds: float) -> None:
    async with running() as recognizer:
        first = recognizer.pid
        assert first is not None
        task = asyncio.create_task(recognizer.transcribe(SENTENCE, language="fr"))
        await asyncio.sleep(delay_seconds)
        os.kill(first, signal.SIGKILL)
        assert "aidiez" in (await task).text
        assert recognizer.pid not in (None, first)
        assert gone(first)


async def test_a_kill_between_utterances_loses_nothing() -> None:
    async with running() as recognizer:
        assert recognizer.pid is not None
        os.kill(recognizer.pid, signal.SIGKILL)
        assert "aidiez" in (await recognizer.transcribe(SENTENCE, language="fr")).text


async def test_an_engine_that_hangs_is_killed_and_the_utterance_given_to_another() -> None:
    async with running(patience=Patience(base_seconds=10.0, per_second=0.0)) as recognizer:  # the other one's, too
        first = recognizer.pid
        assert first is not None
        os.kill(first, signal.SIGSTOP)
        assert "aidiez" in (await recognizer.transcribe(SENTENCE, language="fr")).text
        assert gone(first)


async def test_an_engine_that_is_never_fast_enough_is_an_error_after_the_second_time() -> None:
    async with running(patience=Patience(base_seconds=0.001, per_second=0.0)) as recognizer:
        with pytest.raises(RecognizerError, match="stopped twice"):
            await recognizer.transcribe(SENTENCE, language="fr")
        assert recognizer.pid is None


def test_patience_grows_with_the_sound_and_the_search() -> None:
    patience = Patience()
    assert patience.seconds(10, careful=False) == 60.0
    assert patience.seconds(10, careful=True) == 240.0


async def test_a_cancelled_call_stops_its_engine_and_the_next_call_is_served() -> None:
    async with running() as recognizer:
        first = recognizer.pid
        assert first is not None
        task = asyncio.create_task(recognizer.transcribe(SENTENCE, language="fr"))
        await asyncio.sleep(0.05)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert gone(first)
        assert "aidiez" in (await recognizer.transcribe(SENTENCE, language="fr")).text


async def test_closing_leaves_no_process_and_fails_the_call_under_way() -> None:
    recognizer = WhisperRecognizer(DEMO)
    await recognizer.start()
    pid = recognizer.pid
    assert pid is not None
    task = asyncio.create_task(recognizer.transcribe(SENTENCE, language="fr"))
    waiting = asyncio.create_task(recognizer.transcribe(SENTENCE, language="fr"))
    await asyncio.sleep(0.05)
    await recognizer.close()
    assert gone(pid)
    for failed in (task, waiting):
        with pytest.raises(RecognizerError, match="closed"):
            await failed
    await recognizer.close()
    with pytest.raises(RecognizerError, match="closed"):
        await recognizer.start()


async def test_closing_while_the_engine_starts_leaves_no_process() -> None:
    recognizer = WhisperRecognizer(DEMO)
    starting = asyncio.create_task(recognizer.start())
    await asyncio.sleep(0.05)
    pid = recognizer.pid
    await recognizer.close()
    with pytest.raises(RecognizerError, match="closed"):
        await starting
    assert pid is None or gone(pid)
    assert recognizer.pid is None


async def test_nothing_starts_before_it_is_needed() -> None:
    recognizer = WhisperRecognizer(Path("nowhere"))
    assert recognizer.pid is None
    await recognizer.close()


async def test_a_model_that_cannot_be_loaded_is_an_error_at_once(tmp_path: Path) -> None:
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken" / "model.bin").write_bytes(b"<html>not a model</html>")
    recognizer = WhisperRecognizer(tmp_path / "broken")
    with pytest.raises(RecognizerError, match="“broken” cannot be loaded") as caught:
        await recognizer.start()
    assert str(tmp_path) not in str(caught.value)
    assert recognizer.pid is None
    await recognizer.close()


async def test_an_utterance_that_the_model_refuses_is_an_error_and_the_next_is_served() -> None:
    async with running() as recognizer:
        pid = recognizer.pid
        with pytest.raises(RecognizerError, match="refused an utterance"):
            await recognizer.transcribe(SENTENCE, language="xx")
        assert "aidiez" in (await recognizer.transcribe(SENTENCE, language="fr")).text
        assert recognizer.pid == pid


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
async def test_the_engine_is_offline_humble_and_undumpable() -> None:
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_CORE)
    resource.setrlimit(resource.RLIMIT_CORE, (hard, hard))  # so that the zero below is the engine's own doing
    async with running() as recognizer:
        folder = Path(f"/proc/{recognizer.pid}")
        environment = (folder / "environ").read_bytes().split(b"\0")
        assert {b"HF_HUB_OFFLINE=1", b"HF_HUB_DISABLE_TELEMETRY=1"} <= set(environment)
        assert int((folder / "stat").read_text().rsplit(")", 1)[1].split()[16]) >= 10
        limits = {line[:26].strip(): line[26:].split()[0] for line in (folder / "limits").read_text().splitlines()}
        resource.setrlimit(resource.RLIMIT_CORE, (soft, hard))
        assert limits["Max core file size"] == "0"
        assert str(DEMO) not in (folder / "cmdline").read_text()
        targets = [str(descriptor.readlink()) for descriptor in (folder / "fd").iterdir()]
        assert {target.split(":")[0] for target in targets} <= {"pipe", "socket", "anon_inode", "/dev/null"}
        assert len({target for target in targets if target.startswith("socket:")}) <= 1  # our end of its input


async def test_the_engine_leaves_no_file_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("CI", "ORT_DISABLE_TELEMETRY"):
        monkeypatch.delenv(name, raising=False)
    for name in ("HOME", "TMPDIR", "XDG_CACHE_HOME", "XDG_CONFIG_HOME", "XDG_DATA_HOME", "XDG_STATE_HOME"):
        monkeypatch.setenv(name, str(tmp_path))
    async with running() as recognizer:
        assert (await recognizer.transcribe(SENTENCE, language="fr")).text
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
async def test_the_engine_ends_by_itself_when_its_parent_is_killed() -> None:
    code = (
        "import asyncio, sys, time\n"
        "from pathlib import Path\n"
        "from speech.recognition.whisper import WhisperRecognizer\n"
        "async def main():\n"
        f"    recognizer = WhisperRecognizer(Path({str(DEMO)!r}))\n"
        "    await recognizer.start()\n"
        "    print(recognizer.pid, flush=True)\n"
        "    time.sleep(60)\n"
        "asyncio.run(main())\n"
    )
    parent = await asyncio.create_subprocess_exec(sys.executable, "-c", code, stdout=asyncio.subprocess.PIPE)
    assert parent.stdout is not None
    worker = int(await parent.stdout.readline())
    parent.kill()
    await parent.wait()
    for _ in range(100):
        if ended(worker):
            break
        await asyncio.sleep(0.02)
    else:
        pytest.fail("the worker outlived its parent by 2 s")
