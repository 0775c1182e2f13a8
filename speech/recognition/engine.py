"""One child process with a Whisper model in it: started, asked, ended. It restarts nothing; `whisper` does."""

from __future__ import annotations

import asyncio
import contextlib
import subprocess
import sys
from pathlib import Path

from speech.confinement import worker_command, worker_environment
from speech.devices import start_process
from speech.recognition import wire

_GIVEN_UP_SECONDS = 2.0
"""How long a process that we killed may take to disappear before we stop waiting for it."""


class EngineDiedError(Exception):
    """The process ended, or sent something that is no reply."""


class EngineFailedError(Exception):
    """The engine refused what it was given; asking again would not help. The text is an exception's class name."""


class Engine:
    """A running worker. Made by `spawn`, then loaded once; it serves one message at a time until it dies."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process
        self._loaded = False

    @property
    def pid(self) -> int:
        """The worker's process id."""
        return self._process.pid

    @property
    def alive(self) -> bool:
        """False once the process is known to have ended."""
        return self._process.returncode is None

    @property
    def loaded(self) -> bool:
        """True once the model is in memory."""
        return self._loaded

    async def load(self, model_dir: Path, *, threads: int, compute_type: str, timeout_seconds: float) -> None:
        """Load the model, the first thing to ask of a worker.

        Raises:
            EngineDiedError: the process ended while it loaded.
            EngineFailedError: the model cannot be loaded; the process ends.
            TimeoutError: not ready within `timeout_seconds`; the process must be ended.
        """
        settings = {"model": str(model_dir), "threads": threads, "compute_type": compute_type}
        await self.ask(settings, b"", timeout_seconds)
        self._loaded = True

    async def ask(self, header: wire.Header, payload: bytes, timeout_seconds: float) -> wire.Header:
        """Send one message and return the reply.

        Raises:
            EngineDiedError: the process ended before it answered.
            EngineFailedError: the engine answered with an error.
            TimeoutError: no answer within `timeout_seconds`; the process must be ended.
        """
        stdin, stdout = self._process.stdin, self._process.stdout
        assert stdin is not None
        assert stdout is not None
        try:
            async with asyncio.timeout(timeout_seconds):
                stdin.write(wire.pack(header, payload))
                await stdin.drain()
                reply = await wire.receive(stdout)
        except TimeoutError:
            raise
        except (OSError, asyncio.IncompleteReadError, wire.WireError):
            raise EngineDiedError from None
        failure = reply.get("error")
        if failure is None:
            return reply
        if not isinstance(failure, str) or not failure.isidentifier():
            raise EngineDiedError
        raise EngineFailedError(failure)

    def kill(self) -> None:
        """Stop the process at once, also within a decode; an `ask` under way then fails."""
        with contextlib.suppress(ProcessLookupError):
            self._process.kill()

    async def end(self) -> None:
        """Kill the process and wait until it is gone, its pipes closed. Not during an `ask`; twice does nothing."""
        stdin, stdout = self._process.stdin, self._process.stdout
        assert stdin is not None
        assert stdout is not None
        if stdout.at_eof():
            # It ended by itself. Left alone, asyncio collects its status; a kill now would take it away from asyncio.
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._process.wait(), _GIVEN_UP_SECONDS)
        if self.alive:
            self.kill()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_GIVEN_UP_SECONDS):
                while await stdout.read(65536):
                    pass
                await self._process.wait()
        stdin.close()
        with contextlib.suppress(OSError):
            await stdin.wait_closed()


async def spawn() -> Engine:
    """Start a worker without a model.

    Raises:
        EngineDiedError: the process cannot be started.
    """
    try:
        command = worker_command("speech.recognition.worker")
        process = await start_process(command, worker_environment(), flags=_creation_flags())
    except OSError:
        raise EngineDiedError from None
    return Engine(process)


def _creation_flags() -> int:
    """Windows has no nice(): the priority is given at the start, and no console window is opened."""
    if sys.platform == "win32":
        return subprocess.BELOW_NORMAL_PRIORITY_CLASS | subprocess.CREATE_NO_WINDOW
    return 0
