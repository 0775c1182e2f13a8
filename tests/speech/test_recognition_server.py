"""The recognizer over a real speech server on this computer, and everything that a server may do wrong."""

from __future__ import annotations

import asyncio
import io
import logging
import math
import time
import wave
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from speech.errors import RecognizerError
from speech.ports import RATE_HZ, Recognizer
from speech.recognition.server import UNKNOWN_CONFIDENCE, ServerPatience, ServerRecognizer
from tests.speech.speechserver import SAID, TOKEN, SpeechServer, cut, flood, hang, segment, speech_server, text

TONE = (0.1 * np.sin(np.arange(RATE_HZ) / 10)).astype(np.float32)
QUICK = ServerPatience(base_seconds=8.0, per_second=0.0, first_pause=0.02)
HASTY = ServerPatience(base_seconds=0.3, per_second=0.0, first_pause=0.02)


@pytest.fixture(scope="module")
def certified(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SpeechServer]:
    with speech_server(tmp_path_factory.mktemp("certified")) as made:
        yield made


@pytest.fixture
def server(certified: SpeechServer) -> SpeechServer:
    fresh = SpeechServer()
    for name in ("answer", "failures", "forms", "headers", "requests", "connections", "arrived"):
        setattr(certified, name, getattr(fresh, name))
    return certified


@asynccontextmanager
async def asking(server: SpeechServer, **settings: Any) -> AsyncIterator[ServerRecognizer]:
    given = {"model": "large", "token": TOKEN, "ca_file": server.ca_file, "patience": QUICK}
    recognizer = ServerRecognizer(settings.pop("url", server.url), **{**given, **settings})
    try:
        yield recognizer
    finally:
        await recognizer.close()


async def refusal(server: SpeechServer, **settings: Any) -> str:
    """Return the sentence of the error, which must quote neither the server nor what was given to it."""
    async with asking(server, **settings) as recognizer:
        with pytest.raises(RecognizerError) as caught:
            await recognizer.transcribe(TONE, language="fr", hotwords="Camille")
    sentence = str(caught.value)
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__ or caught.value.__context__ is None
    assert not any(secret in sentence for secret in (TOKEN, "Camille", "Marie"))
    return sentence


async def test_an_utterance_goes_as_a_wav_and_comes_back_as_text(server: SpeechServer) -> None:
    async with asking(server, glossary="OKR, réunion du lundi") as recognizer:
        port: Recognizer = recognizer
        transcript = await port.transcribe(TONE, language="fr", hotwords="Camille Nour")
    assert transcript.text == SAID
    assert transcript.confidence == pytest.approx(0.9)
    (form,) = server.forms
    with wave.open(io.BytesIO(form.pop("file"))) as sound:
        assert sound.getparams()[:4] == (1, 2, RATE_HZ, RATE_HZ)
    assert form == {
        "model": "large",
        "language": "fr",
        "response_format": "verbose_json",
        "temperature": "0",
        "prompt": "Camille Nour, OKR, réunion du lundi",
    }


async def test_nothing_of_this_computer_is_told(server: SpeechServer) -> None:
    async with asking(server) as recognizer:
        await recognizer.transcribe(TONE, language="fr")
    assert set(server.headers[0]) == {
        "Host", "User-Agent", "Accept", "Accept-Encoding", "Authorization", "Content-Length", "Content-Type"
    }  # fmt: skip
    assert server.headers[0]["User-Agent"] == "facilitator"
    assert "prompt" not in server.forms[0]


async def test_confidence_weighs_what_was_kept_and_credits_are_left_out(server: SpeechServer) -> None:
    server.answer = {
        "text": "…",
        "segments": [
            segment(" Je parle à Marie.", 0.9, tokens=6),
            segment(" Dès lundi.", 0.6, tokens=2),
            segment(" Sous-titres réalisés par la communauté d'Amara.org", 0.9, tokens=20),
            segment(" Merci.", 0.8, no_speech=0.5),
            segment(" et et et", 0.1),
        ],
    }
    async with asking(server) as recognizer:
        transcript = await recognizer.transcribe(TONE, language="fr")
    assert transcript.text == "Je parle à Marie. Dès lundi."
    assert transcript.confidence == pytest.approx(math.exp((6 * math.log(0.9) + 2 * math.log(0.6)) / 8))


async def test_what_begins_where_the_sound_is_over_was_not_said(server: SpeechServer) -> None:
    seconds = len(TONE) / RATE_HZ
    server.answer = {
        "text": "…",
        "segments": [
            segment(" Je parle à Marie.") | {"start": 0.0},
            segment(" Dès lundi.") | {"start": seconds / 2},
            segment(" Je parle à Marie.") | {"start": seconds},
        ],
    }
    async with asking(server) as recognizer:
        transcript = await recognizer.transcribe(TONE, language="fr")
    assert transcript.text == "Je parle à Marie. Dès lundi."


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        ({"text": f" {SAID} "}, (SAID, UNKNOWN_CONFIDENCE)),
        ({"text": SAID, "segments": [{"text": SAID}]}, (SAID, UNKNOWN_CONFIDENCE)),
        ({"text": "Sous-titrage ST' 501"}, ("", 0.0)),
        ({"text": "", "segments": []}, ("", 0.0)),
    ],
)
async def test_a_server_that_tells_less_is_believed_less(
    server: SpeechServer, answer: dict[str, Any], expected: tuple[str, float]
) -> None:
    server.answer = answer
    async with asking(server) as recognizer:
        transcript = await recognizer.transcribe(TONE, language="fr")
    assert (transcript.text, transcript.confidence) == (expected[0], pytest.approx(expected[1]))


async def test_a_model_that_knows_no_details_is_asked_plainly_from_then_on(server: SpeechServer) -> None:
    server.failures, server.answer = [400], {"text": SAID}
    async with asking(server) as recognizer:
        for _ in range(2):
            assert (await recognizer.transcribe(TONE, language="fr")).text == SAID
    assert [form["response_format"] for form in server.forms] == ["verbose_json", "json", "json"]


async def test_a_server_that_starts_slowly_is_waited_for(server: SpeechServer) -> None:
    server.failures = [503, 429, 500, 503]
    async with asking(server) as recognizer:
        assert (await recognizer.transcribe(TONE, language="fr")).text == SAID
    assert server.requests == 5


async def test_a_connection_that_is_cut_is_made_again(server: SpeechServer) -> None:
    async def once(request: Any) -> Any:
        server.answer = {"text": SAID}
        return await cut(request)

    server.answer = once
    async with asking(server) as recognizer:
        assert (await recognizer.transcribe(TONE, language="fr")).text == SAID
    assert server.requests == 2


async def test_what_never_answers_whole_is_given_up_in_time(server: SpeechServer, unused_tcp_port: int) -> None:
    for answer in (hang, cut):
        server.answer = answer
        begun = time.monotonic()
        assert "did not answer in time" in await refusal(server, patience=HASTY)
        assert time.monotonic() - begun < 5
    nobody = f"https://127.0.0.1:{unused_tcp_port}/v1"
    assert "did not answer in time" in await refusal(server, url=nobody, patience=HASTY)


async def test_a_wrong_token_is_said_and_not_tried_again(server: SpeechServer) -> None:
    for token in ("another", None):
        assert "refuses the token" in await refusal(server, token=token)
    assert server.requests == 2


async def test_a_redirect_is_refused_wherever_it_leads(server: SpeechServer) -> None:
    for place in ("https://elsewhere.example/v1", server.url):
        server.answer = text("", status=307, headers={"Location": place})
        assert "sends elsewhere, where nothing is sent" in await refusal(server)
    assert server.requests == 2


async def test_a_refusal_is_said_once_with_its_status(server: SpeechServer) -> None:
    server.answer = text("Marie", status=404)
    assert "(status 404); check its address and model" in await refusal(server)
    assert server.requests == 1


@pytest.mark.parametrize(
    "answer",
    [
        flood,
        text("Marie"),
        text('{"text": 3}'),
        text('{"Marie": "x"}'),
        text("[" * 100_000),
        text('{"text": "Marie", "segments": [{"text": "Marie", "avg_logprob": NaN}]}'),
        text('{"text": "Marie", "segments": [{"text": "Marie", "no_speech_prob": 7}]}'),
        text("\x1f\x8b"),
    ],
)
async def test_what_is_no_answer_is_never_read_as_one(server: SpeechServer, answer: Any) -> None:
    server.answer = answer
    assert "is no speech server" in await refusal(server)
    assert server.requests == 1


async def test_a_certificate_that_nobody_vouches_for_gets_no_sound(server: SpeechServer, tmp_path: Path) -> None:
    assert "is not safe, so nothing was sent" in await refusal(server, ca_file=None)
    assert "is not safe" in await refusal(server, url=server.url.replace("127.0.0.1", "localhost"))
    (tmp_path / "own.pem").write_text("no certificate", encoding="utf-8")
    for name in ("own.pem", "gone.pem"):
        assert f"certificates {name} cannot be read" in await refusal(server, ca_file=tmp_path / name)
    assert server.requests == 0


async def test_a_server_in_clear_is_not_taken_for_one_that_encrypts(tmp_path: Path) -> None:
    with speech_server(tmp_path, tls=False) as clear:
        assert "is not safe" in await refusal(clear, url=clear.url.replace("http:", "https:"))
        assert clear.requests == 0
        async with asking(clear) as recognizer:
            assert (await recognizer.transcribe(TONE, language="fr")).text == SAID


async def test_proxies_and_passwords_of_the_environment_are_not_used(
    server: SpeechServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "netrc").write_text("machine 127.0.0.1 login nour password secret\n", encoding="utf-8")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
        monkeypatch.setenv(name.lower(), "http://127.0.0.1:9")
    async with asking(server) as recognizer:
        assert (await recognizer.transcribe(TONE, language="fr")).text == SAID


async def test_calls_at_once_are_served_in_their_order_one_at_a_time(server: SpeechServer) -> None:
    now = most = 0

    async def slow(_: Any) -> Any:
        nonlocal now, most
        now += 1
        most = max(most, now)
        await asyncio.sleep(0)
        now -= 1
        return await text('{"text": "ok"}')(_)

    server.answer = slow
    async with asking(server) as recognizer:
        sounds = [TONE[: 1000 * (count + 1)] for count in range(4)]
        await asyncio.gather(*(recognizer.transcribe(sound, language="fr") for sound in sounds))
    assert most == 1
    assert [len(form["file"]) for form in server.forms] == [44 + 2 * len(sound) for sound in sounds]


async def test_closing_fails_the_call_under_way_and_the_ones_that_wait(server: SpeechServer) -> None:
    server.answer = hang
    async with asking(server) as recognizer:
        calls = [asyncio.create_task(recognizer.transcribe(TONE, language="fr")) for _ in range(2)]
        await asyncio.to_thread(server.arrived.wait, 10)
        await recognizer.close()
        for call in calls:
            with pytest.raises(RecognizerError, match="closed"):
                await call
        await recognizer.close()
        with pytest.raises(RecognizerError, match="closed"):
            await recognizer.transcribe(TONE, language="fr")


async def test_a_call_that_is_cancelled_leaves_the_next_one_its_turn(server: SpeechServer) -> None:
    server.answer = hang
    async with asking(server) as recognizer:
        call = asyncio.create_task(recognizer.transcribe(TONE, language="fr"))
        await asyncio.to_thread(server.arrived.wait, 10)
        call.cancel()
        with pytest.raises(asyncio.CancelledError):
            await call
        server.answer = {"text": SAID}
        assert (await recognizer.transcribe(TONE, language="fr")).text == SAID


async def test_nothing_is_logged_and_nothing_is_opened_before_it_is_needed(
    server: SpeechServer, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    async with asking(server) as recognizer:
        for _ in range(2):
            await recognizer.start()
        assert server.connections == 0
        await recognizer.transcribe(TONE, language="fr", hotwords="Camille")
        assert server.connections == 1
    with pytest.raises(RecognizerError, match="closed"):
        await recognizer.start()
    assert not any(secret in caplog.text for secret in ("Camille", "Marie", TOKEN))
