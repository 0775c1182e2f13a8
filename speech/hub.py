"""Fetching files from a model hub over HTTP, in a way that survives a bad line.

It speaks the two calls of the Hugging Face hub that a download needs: what a repository holds at a revision, and one
file of it. huggingface_hub is not used for it: since 2.x it downloads into a file named at random and deletes it on
failure, so an interrupted download starts again from zero. Nothing but the two requests is sent: no token, no
telemetry.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from typing import Any, BinaryIO
from urllib.parse import quote, urlsplit

import aiohttp

from speech.errors import ModelError

PUBLIC_ENDPOINT = "https://huggingface.co"
_CHUNK_BYTES = 1 << 20
_ATTEMPTS = 4
"""Tries in a row that may bring nothing; any byte that arrives starts the count again."""


@dataclass(frozen=True, slots=True)
class HubFile:
    """One file of a repository.

    Attributes:
        name: path inside the repository.
        size_bytes: its length.
        sha256: as the hub states it, lower-case hex; None for small files, which it does not hash so.
    """

    name: str
    size_bytes: int
    sha256: str | None


@dataclass(frozen=True, slots=True)
class Snapshot:
    """What a repository holds at one commit; `revision` is the commit's id, which never changes its meaning."""

    repository: str
    revision: str
    files: tuple[HubFile, ...]


class _InterruptedError(Exception):
    """The line or the server failed in a way that may pass."""


_PASSING = (aiohttp.ClientError, TimeoutError, ConnectionError, _InterruptedError)


@dataclass(frozen=True, slots=True)
class Hub:
    """Where models come from. Constructing it connects to nothing.

    Attributes:
        endpoint: address without a path, of the public hub or of an organisation's mirror.
        retry_seconds: wait after the first failure; doubled after each further one.
        stall_seconds: silence on the line after which it counts as broken.
    """

    endpoint: str = PUBLIC_ENDPOINT
    retry_seconds: float = 1.0
    stall_seconds: float = 60.0

    async def snapshot(self, repository: str, revision: str | None) -> Snapshot:
        """Return what `repository` holds.

        Args:
            repository: such as "Systran/faster-whisper-small".
            revision: a commit; None for the newest of the main branch.

        Raises:
            ModelError: the hub cannot be reached, has no such repository or answers nonsense.
        """
        where = f"{self._base}/api/models/{quote(repository)}/revision/{quote(revision or 'main', safe='')}"

        async def ask() -> Any:
            async with self._session() as session, self._get(session, f"{where}?blobs=true", {}) as response:
                return await response.json(content_type=None)

        try:
            answer = await self._persist(ask)
            files = tuple(_file(entry) for entry in answer["siblings"])
            return Snapshot(repository, str(answer["sha"]), files)
        except (ValueError, KeyError, TypeError):
            raise ModelError(
                f"What answers at {self._host} is no model hub; check the address, or whether it asks to sign in first."
            ) from None

    async def fetch(self, snapshot: Snapshot, file: HubFile, target: Path, on_bytes: Callable[[int], None]) -> None:
        """Bring `target` to the file's full length, beginning where an earlier download of it stopped.

        Args:
            snapshot: where `file` is from.
            file: what to fetch.
            target: written to in place; kept when the download fails, so that it can go on later.
            on_bytes: told the length of `target` whenever it changes.

        Raises:
            ModelError: the hub cannot be reached, has no such file or sends another length; or the disk is full.
        """
        name = quote(file.name)
        url = f"{self._base}/{quote(snapshot.repository)}/resolve/{quote(snapshot.revision, safe='')}/{name}"
        have = await asyncio.to_thread(_length, target)
        if have > file.size_bytes:
            await asyncio.to_thread(target.unlink)
            have = 0
        on_bytes(have)
        if have == file.size_bytes:
            return

        async def go_on() -> None:
            async with self._session() as session:
                await self._append(session, url, file, target, on_bytes)

        await self._persist(go_on, lambda: _length(target))

    async def _append(
        self,
        session: aiohttp.ClientSession,
        url: str,
        file: HubFile,
        target: Path,
        on_bytes: Callable[[int], None],
    ) -> None:
        have = await asyncio.to_thread(_length, target)
        headers = {"Range": f"bytes={have}-"} if have else {}
        async with self._get(session, url, headers) as response:
            part = response.headers.get("Content-Range", "")
            resumed = response.status == HTTPStatus.PARTIAL_CONTENT and part.startswith(f"bytes {have}-")
            if not resumed:  # a server without ranges sends the whole file again
                have = 0
            try:
                output: BinaryIO = await asyncio.to_thread(target.open, "ab" if resumed else "wb")
                try:
                    async for chunk in response.content.iter_chunked(_CHUNK_BYTES):
                        have += len(chunk)
                        if have > file.size_bytes:
                            break
                        await asyncio.to_thread(output.write, chunk)
                        on_bytes(have)
                finally:
                    await asyncio.to_thread(output.close)
            except OSError as error:
                if isinstance(error, _PASSING):
                    raise
                reason = os.strerror(error.errno or 0)
                raise ModelError(
                    f"The model cannot be written to {target.parent} ({reason}); make room there."
                ) from error
        if have > file.size_bytes:
            await asyncio.to_thread(target.unlink)
            raise ModelError(f"{self._host} sent more of {file.name} than it announced; try again later.")
        if have < file.size_bytes:
            raise _InterruptedError

    async def _persist(self, what: Callable[[], Any], progress: Callable[[], int] = lambda: 0) -> Any:
        """Return what `what` returns; after a failure that may pass, try again, later each time."""
        failures = 0
        reached = await asyncio.to_thread(progress)
        while True:
            try:
                return await what()
            except _PASSING as error:
                now = await asyncio.to_thread(progress)
                failures = 1 if now > reached else failures + 1
                reached = now
                if failures >= _ATTEMPTS:
                    raise self._unreachable(error) from None
                await asyncio.sleep(self.retry_seconds * 2 ** (failures - 1))

    @contextlib.asynccontextmanager
    async def _get(
        self, session: aiohttp.ClientSession, url: str, headers: dict[str, str]
    ) -> AsyncIterator[aiohttp.ClientResponse]:
        # Compressed, lengths and ranges would count other bytes than the file's.
        async with session.get(url, headers={**headers, "Accept-Encoding": "identity"}) as response:
            match response.status:
                case 200 | 206:
                    yield response
                case 404 | 401:  # the hub answers 401 for what does not exist, so as not to tell what is private
                    raise ModelError(
                        f"{self._host} has no such model any more ({response.status}); choose another, "
                        "or import it from a folder."
                    )
                case status if status == HTTPStatus.TOO_MANY_REQUESTS or status >= HTTPStatus.INTERNAL_SERVER_ERROR:
                    raise _InterruptedError
                case status:
                    raise ModelError(f"{self._host} refused the download ({status}); import the model from a folder.")

    def _session(self) -> aiohttp.ClientSession:
        return aiohttp.ClientSession(
            trust_env=True,  # an organisation's proxy
            headers={"User-Agent": "codev-facilitator"},
            timeout=aiohttp.ClientTimeout(total=None, sock_connect=20, sock_read=self.stall_seconds),
        )

    def _unreachable(self, error: Exception) -> ModelError:
        if isinstance(error, aiohttp.ClientConnectorError):
            return ModelError(
                f"{self._host} cannot be reached; check the connection, or import the model from a folder."
            )
        return ModelError(f"The download from {self._host} broke off; start it again, it goes on where it stopped.")

    @property
    def _base(self) -> str:
        return self.endpoint.rstrip("/")

    @property
    def _host(self) -> str:
        return urlsplit(self.endpoint).netloc or self.endpoint


def _length(path: Path) -> int:
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return 0


def _file(entry: Any) -> HubFile:
    lfs = entry.get("lfs") or {}
    return HubFile(str(entry["rfilename"]), int(entry["size"]), lfs.get("sha256"))
