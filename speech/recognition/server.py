"""A speech server instead of this computer: whatever answers `/v1/audio/transcriptions` as OpenAI's does.

Rules:

- Sound leaves by this file alone, one utterance at a time, as WAV made in memory. Nothing is opened before the first.
- The server's certificate is checked; a redirect is refused, for its target was never named to anybody; no proxy,
  cookie or .netrc of the environment is used. Whether a connection in clear may be is the caller's question.
- What the server says in its own words is never repeated: of an error only its status is used.
"""

from __future__ import annotations

import asyncio
import json
import math
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import aiohttp
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from speech.errors import RecognizerError
from speech.ports import RATE_HZ, Samples, Sound, Transcript
from speech.recognition.hallucinations import Heard, InventedTextLimits, joined, spoken_text
from speech.sound import wav_bytes

PATH = "/audio/transcriptions"
UNKNOWN_CONFIDENCE = 0.5
"""Where the server tells nothing of its own doubts: neither sure nor doubtful."""
_MOST_BYTES = 1 << 20
"""An answer for 30 s of speech is some 20 kB with its segments and their tokens."""
_CHUNK = 1 << 16
_CONNECT_SECONDS = 10.0
_OK, _REDIRECTS = 200, range(300, 400)
_UNAUTHORISED = (401, 403)
_FORM_REFUSED = (400, 415, 422)
"""How servers refuse a form; some models know no `verbose_json`."""
_PASSING = (408, 425, 429, 500, 502, 503, 504)
"""Worth another try: too busy, starting, loading its model."""
_DETAILED, _PLAIN = "verbose_json", "json"


@dataclass(frozen=True, slots=True)
class ServerPatience:
    """How long the server may take for an utterance, all tries together, in seconds.

    Attributes:
        base_seconds: for any utterance, so that a server that starts or loads its model is waited for.
        per_second: more for each second of sound.
        first_pause: before the second try; each pause doubles.
        longest_pause: so long at most.
    """

    base_seconds: float = 30.0
    per_second: float = 2.0
    first_pause: float = 0.5
    longest_pause: float = 8.0


class _PassingError(Exception):
    """This try failed, and another may not."""


class _Part(BaseModel):
    model_config = ConfigDict(hide_input_in_errors=True)

    text: str
    start: float | None = Field(default=None, allow_inf_nan=False)
    avg_logprob: float | None = Field(default=None, allow_inf_nan=False)
    no_speech_prob: float = Field(default=0.0, ge=0, le=1)
    compression_ratio: float = Field(default=0.0, ge=0, allow_inf_nan=False)
    tokens: list[int] = []


class _Answer(BaseModel):
    model_config = ConfigDict(hide_input_in_errors=True)

    text: str
    segments: list[_Part] | None = None


class ServerRecognizer:
    """A `Recognizer` over a speech server. Constructing it opens nothing."""

    def __init__(
        self,
        url: str,
        *,
        model: str,
        token: str | None = None,
        ca_file: Path | None = None,
        glossary: str = "",
        patience: ServerPatience | None = None,
    ) -> None:
        """Remember the settings.

        Args:
            url: up to what comes before `/audio/transcriptions`, such as `https://speech.example.org/v1`.
            model: its name on the server.
            token: shown to the server as a bearer's; None for none.
            ca_file: certificates that are trusted too; None for the system's alone.
            glossary: terms to expect, after the names that come with each utterance.
            patience: the defaults when None.
        """
        self._url = url.rstrip("/") + PATH
        self._host = urlsplit(url).hostname or ""
        self._model = model
        self._token = token
        self._ca_file = ca_file
        self._glossary = glossary
        self._patience = patience or ServerPatience()
        self._format = _DETAILED
        self._turn = asyncio.Lock()
        self._closing = asyncio.Event()
        self._session: aiohttp.ClientSession | None = None

    async def start(self) -> None:
        """Read the certificates; no connection is made before the first utterance.

        Raises:
            RecognizerError: the file of certificates cannot be read, or the recognizer was closed.
        """
        async with self._turn:
            await self._open()

    async def transcribe(
        self, samples: Samples, *, language: str, hotwords: str = "", careful: bool = False
    ) -> Transcript:
        """Return what the server hears in `samples`; calls wait for each other in the order they came.

        Args:
            samples: one utterance, mono float32 at `RATE_HZ` in [-1, 1], at most 30 s.
            language: two letters, such as "fr".
            hotwords: names and terms to expect; may be empty.
            careful: of no effect: the server searches as it is set to.

        Returns:
            The text, without what only a machine hears in silence; its confidence is the geometric mean of the tokens'
            probabilities where the server tells them, else `UNKNOWN_CONFIDENCE`, and 0 without text.

        Raises:
            RecognizerError: the server cannot be reached, refuses, answers something else, or not in time; or the
                recognizer was closed. The utterance may be given again.
        """
        del careful
        prompt = ", ".join(part for part in (hotwords.strip(), self._glossary) if part)
        limit = self._patience.base_seconds + self._patience.per_second * len(samples) / RATE_HZ
        async with self._turn:  # taken first: a thread would let a later call go before
            wav = await asyncio.to_thread(wav_bytes, Sound(samples, RATE_HZ))
            try:
                async with asyncio.timeout(limit):
                    answer = await self._tried(wav, language, prompt)
            except TimeoutError:
                self._refuse_if_closed()
                raise RecognizerError(
                    f"The speech server {self._host} did not answer in time; check the network and its address."
                ) from None
        return _transcript(answer, language, len(samples) / RATE_HZ)

    async def close(self) -> None:
        """Close the connection at once; a call under way fails with RecognizerError. Closing twice does nothing."""
        self._closing.set()
        if self._session is not None:
            await self._session.close()

    async def _tried(self, wav: bytes, language: str, prompt: str) -> _Answer:
        pause = self._patience.first_pause
        while True:
            self._refuse_if_closed()
            try:
                return await self._asked(wav, language, prompt)
            except _PassingError:
                try:
                    await asyncio.wait_for(self._closing.wait(), pause)
                except TimeoutError:
                    pause = min(2 * pause, self._patience.longest_pause)

    async def _asked(self, wav: bytes, language: str, prompt: str) -> _Answer:
        """Ask once; once more, plainly, where the server does not know the detailed form of answer."""
        async with self._posted(wav, language, prompt) as response:
            status = response.status
            if status == _OK:
                return _read(await self._body(response), self._host)
        if status in _FORM_REFUSED and self._format == _DETAILED:
            self._format = _PLAIN
            return await self._asked(wav, language, prompt)
        raise self._refusal(status)

    @asynccontextmanager
    async def _posted(self, wav: bytes, language: str, prompt: str) -> AsyncIterator[aiohttp.ClientResponse]:
        session = await self._open()
        form = aiohttp.FormData(default_to_multipart=True)
        fields = {"model": self._model, "language": language, "response_format": self._format, "temperature": "0"}
        for name, value in {**fields, **({"prompt": prompt} if prompt else {})}.items():
            form.add_field(name, value)
        form.add_field("file", wav, filename="speech.wav", content_type="audio/wav")
        try:
            async with session.post(self._url, data=form, allow_redirects=False) as response:
                yield response
        except aiohttp.ClientSSLError:
            raise RecognizerError(
                f"The certificate of the speech server {self._host} is not safe, so nothing was sent; "
                "check its address, or name your organisation's certificates."
            ) from None
        except (aiohttp.ClientError, ConnectionError):
            self._refuse_if_closed()
            raise _PassingError from None

    async def _open(self) -> aiohttp.ClientSession:
        self._refuse_if_closed()
        if self._session is None:
            context = await asyncio.to_thread(self._context)
            self._refuse_if_closed()
            self._session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(ssl=context, limit=1),
                headers={"User-Agent": "facilitator", "Accept-Encoding": "identity", **self._authorization()},
                cookie_jar=aiohttp.DummyCookieJar(),
                timeout=aiohttp.ClientTimeout(total=None, sock_connect=_CONNECT_SECONDS),
                auto_decompress=False,  # what is packed could be of any size; it was not asked for
                trust_env=False,
            )
        return self._session

    def _context(self) -> ssl.SSLContext:
        context = ssl.create_default_context()
        if self._ca_file is not None:
            try:
                context.load_verify_locations(self._ca_file)
            except OSError:  # an ssl.SSLError is one
                raise RecognizerError(
                    f"The file of certificates {self._ca_file.name} cannot be read; check its path and what it holds."
                ) from None
        return context

    def _authorization(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self._token}"} if self._token else {}

    async def _body(self, response: aiohttp.ClientResponse) -> bytes:
        body = bytearray()
        async for chunk in response.content.iter_chunked(_CHUNK):
            body += chunk
            if len(body) > _MOST_BYTES:
                response.close()
                raise _no_answer(self._host)
        return bytes(body)

    def _refusal(self, status: int) -> Exception:
        if status in _PASSING:
            return _PassingError()
        if status in _UNAUTHORISED:
            return RecognizerError(f"The speech server {self._host} refuses the token; give it another.")
        if status in _REDIRECTS:
            return RecognizerError(
                f"The speech server {self._host} sends elsewhere, where nothing is sent; set its final address."
            )
        return RecognizerError(
            f"The speech server {self._host} refuses what it is given (status {status}); check its address and model."
        )

    def _refuse_if_closed(self) -> None:
        if self._closing.is_set():
            raise RecognizerError("The recognizer is closed; start a new session to write speech down.")


def _no_answer(host: str) -> RecognizerError:
    return RecognizerError(f"What answers at {host} is no speech server; check its address.")


def _read(body: bytes, host: str) -> _Answer:
    try:
        return _Answer.model_validate(json.loads(body))
    except (ValueError, ValidationError, RecursionError):  # both would quote the answer
        raise _no_answer(host) from None


def _transcript(answer: _Answer, language: str, seconds: float) -> Transcript:
    """Return what was said in so many seconds; a segment of which nothing is told is neither sure nor doubtful."""
    parts = answer.segments if answer.segments is not None else [_Part(text=answer.text, avg_logprob=None)]
    kept: list[str] = []
    weight, log_probability = 0, 0.0
    for place, part in enumerate(parts):
        told = part.avg_logprob
        left = seconds - part.start if place and part.start is not None else math.inf
        heard = Heard(part.text, told if told is not None else 0.0, part.no_speech_prob, part.compression_ratio, left)
        text = spoken_text(heard, language, InventedTextLimits())
        if text:
            kept.append(text)
            tokens = len(part.tokens) or len(part.text)
            weight += tokens
            log_probability += tokens * min(0.0, told if told is not None else math.log(UNKNOWN_CONFIDENCE))
    return Transcript(joined(kept), math.exp(log_probability / weight) if weight else 0.0)
