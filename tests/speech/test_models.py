"""Models are found, imported and fetched; what is broken is refused in one sentence, what broke off goes on."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import errno
import hashlib
import io
import json
import socket
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from speech.errors import ModelError
from speech.hub import Hub
from speech.model_catalog import KNOWN_MODELS
from speech.models import ModelStore
from tests.hub import REVISION, FakeHub
from tests.speech.stores import FILES, IN_FLIGHT, TINY, TOTAL, WEIGHTS, names, store


@pytest.fixture
async def hub() -> AsyncIterator[FakeHub]:
    async with FakeHub({"owner/tiny": dict(FILES)}) as hub:
        yield hub


async def test_a_model_is_fetched_whole_checked_and_recorded(tmp_path: Path, hub: FakeHub) -> None:
    progress: list[tuple[int, int]] = []
    models = store(tmp_path, hub)
    folder = await models.pull("tiny", lambda done, total: progress.append((done, total)))
    assert folder == tmp_path / "tiny" == models.find_model("tiny")
    assert names(folder) == {"model.bin", "config.json", "tokenizer.json", "vocabulary.txt", "manifest.json"}
    assert (folder / "model.bin").read_bytes() == WEIGHTS
    manifest = json.loads((folder / "manifest.json").read_text())
    assert manifest["revision"] == REVISION
    assert manifest["sha256"]["config.json"] == hashlib.sha256(b"{}").hexdigest()
    assert progress[-1] == (TOTAL, TOTAL)
    assert [done for done, _ in progress] == sorted(done for done, _ in progress)
    assert hub.sent == TOTAL
    assert names(tmp_path / ".partial") == set()


async def test_a_model_that_is_here_and_sound_is_not_fetched_again(tmp_path: Path, hub: FakeHub) -> None:
    models = store(tmp_path, hub)
    await models.pull("tiny")
    count = len(hub.requests)
    assert await models.pull("tiny") == tmp_path / "tiny"
    assert len(hub.requests) == count


async def test_a_model_that_changed_is_refused_and_fetching_mends_it(tmp_path: Path, hub: FakeHub) -> None:
    models = store(tmp_path, hub)
    await models.pull("tiny")
    (tmp_path / "tiny" / "model.bin").write_bytes(WEIGHTS[:-1] + b"x")
    with pytest.raises(ModelError, match=r"changed on the disk \(model.bin\)"):
        models.find_model("tiny")
    await models.pull("tiny")
    assert models.find_model("tiny") == tmp_path / "tiny"


async def test_a_line_that_breaks_goes_on_where_it_stopped(tmp_path: Path, hub: FakeHub) -> None:
    hub.cuts = [4_000_000, 0, 500_000]
    await store(tmp_path, hub).pull("tiny")
    ranges = hub.file_requests("model.bin")
    assert ranges[0] is None
    begins = [int((wanted or "bytes=0-")[6:-1]) for wanted in ranges]
    assert begins[1] > 4_000_000 - IN_FLIGHT
    assert begins == sorted(begins)
    assert (tmp_path / "tiny" / "model.bin").read_bytes() == WEIGHTS


async def test_a_download_that_was_stopped_goes_on_in_a_later_run(tmp_path: Path, hub: FakeHub) -> None:
    hub.stall_after = 3_000_000
    task = asyncio.create_task(store(tmp_path, hub).pull("tiny"))
    partial = tmp_path / ".partial" / f"tiny-{REVISION}" / "model.bin"
    while not partial.exists() or partial.stat().st_size < 2_000_000:
        await asyncio.sleep(0.01)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    hub.stall_after = None
    have = await asyncio.to_thread(lambda: partial.stat().st_size)
    assert store(tmp_path, hub).list_models()[0].path is None
    await store(tmp_path, hub).pull("tiny")
    assert hub.file_requests("model.bin")[-1] == f"bytes={have}-"
    assert (tmp_path / "tiny" / "model.bin").read_bytes() == WEIGHTS


async def test_a_line_that_goes_silent_counts_as_broken(tmp_path: Path, hub: FakeHub) -> None:
    hub.stall_after = 1_000_000

    async def mend() -> None:
        await asyncio.sleep(0.2)
        hub.cuts, hub.stall_after = [], None

    mending = asyncio.create_task(mend())
    await store(tmp_path, hub).pull("tiny")
    await mending


async def test_a_server_without_ranges_sends_the_whole_file_again(tmp_path: Path, hub: FakeHub) -> None:
    hub.ranges, hub.cuts = False, [3_000_000]
    await store(tmp_path, hub).pull("tiny")
    assert (tmp_path / "tiny" / "model.bin").read_bytes() == WEIGHTS


async def test_a_line_that_never_brings_more_is_given_up_and_what_came_is_kept(tmp_path: Path, hub: FakeHub) -> None:
    hub.cuts = [4_000_000, *[0] * 20]
    with pytest.raises(ModelError, match="broke off; start it again"):
        await store(tmp_path, hub).pull("tiny")
    kept = (tmp_path / ".partial" / f"tiny-{REVISION}" / "model.bin").stat().st_size
    assert 4_000_000 - IN_FLIGHT < kept <= 4_000_000
    assert "tiny" not in names(tmp_path)


@pytest.mark.parametrize("where", ["hub", "list"])
async def test_a_wrong_hash_is_refused_and_the_file_removed(tmp_path: Path, hub: FakeHub, where: str) -> None:
    known = TINY
    if where == "hub":
        hub.stated["model.bin"] = "0" * 64
    else:
        known = dataclasses.replace(TINY, sha256={"model.bin": "f" * 64, "config.json": None})
    with pytest.raises(ModelError, match=r"model\.bin is not the one it should be and was removed"):
        await store(tmp_path, hub, known).pull("tiny")
    assert names(tmp_path / ".partial" / f"tiny-{REVISION}") == set()
    assert "tiny" not in names(tmp_path)


async def test_a_known_hash_and_revision_are_honoured(tmp_path: Path, hub: FakeHub) -> None:
    known = dataclasses.replace(
        TINY, revision=REVISION, sha256={"config.json": hashlib.sha256(b"{}").hexdigest().upper()}
    )
    await store(tmp_path, hub, known).pull("tiny")
    assert hub.requests[0][0].endswith(f"/revision/{REVISION}")
    with pytest.raises(ModelError, match=r"no such model any more \(401\)"):
        await store(tmp_path / "2", hub, dataclasses.replace(TINY, revision="f" * 40)).pull("tiny")


async def test_a_disk_too_full_is_said_before_anything_is_fetched(tmp_path: Path, hub: FakeHub) -> None:
    with pytest.raises(ModelError, match=r"needs 0\.1 GB and 0\.0 GB are free"):
        await store(tmp_path, hub, free_bytes=lambda _: 1_000_000).pull("tiny")
    assert hub.sent == 0


async def test_a_disk_that_fills_up_meanwhile_is_one_sentence(
    tmp_path: Path, hub: FakeHub, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Full(io.BytesIO):
        def write(self, _: Any) -> int:
            raise OSError(errno.ENOSPC, "No space left on device")

    true_open = Path.open

    def open_full(path: Path, mode: str = "r", *args: Any, **kwargs: Any) -> Any:
        return Full() if path.name == "model.bin" and mode in ("ab", "wb") else true_open(path, mode, *args, **kwargs)

    with monkeypatch.context() as patch:
        patch.setattr(Path, "open", open_full)
        with pytest.raises(ModelError, match=r"No space left on device\); make room there"):
            await store(tmp_path, hub).pull("tiny")
    await store(tmp_path, hub).pull("tiny")


async def test_no_hub_is_one_sentence(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    models = ModelStore(tmp_path, hub=Hub(f"http://127.0.0.1:{port}", retry_seconds=0), known={"tiny": TINY})
    with pytest.raises(ModelError, match=rf"^127.0.0.1:{port} cannot be reached; check the connection"):
        await models.pull("tiny")


@pytest.mark.parametrize(("status", "message"), [(404, r"no such model any more \(404\)"), (403, r"refused .*\(403\)")])
async def test_what_the_hub_refuses_is_one_sentence(tmp_path: Path, hub: FakeHub, status: int, message: str) -> None:
    hub.statuses = [status]
    with pytest.raises(ModelError, match=message):
        await store(tmp_path, hub).pull("tiny")
    assert len(hub.requests) == 1


async def test_a_hub_that_is_busy_is_asked_again(tmp_path: Path, hub: FakeHub) -> None:
    hub.statuses = [429, 503, 500]
    await store(tmp_path, hub).pull("tiny")
    hub.statuses = [503] * 10
    with pytest.raises(ModelError, match="broke off"):
        await store(tmp_path / "2", hub).pull("tiny")


async def test_a_repository_without_a_model_is_refused(tmp_path: Path, hub: FakeHub) -> None:
    del hub.repositories["owner/tiny"]["tokenizer.json"]
    with pytest.raises(ModelError, match="holds no faster-whisper model"):
        await store(tmp_path, hub).pull("tiny")


async def test_weights_of_another_format_are_refused_and_removed(tmp_path: Path, hub: FakeHub) -> None:
    hub.repositories["owner/tiny"]["model.bin"] = b"PK\x03\x04 a zip"
    with pytest.raises(ModelError, match="no CTranslate2 model"):
        await store(tmp_path, hub).pull("tiny")
    assert names(tmp_path / ".partial") == set()


async def test_something_else_at_the_address_is_refused(tmp_path: Path, hub: FakeHub) -> None:
    hub.statuses = [200]
    with pytest.raises(ModelError, match="no model hub"):
        await store(tmp_path, hub).pull("tiny")


async def test_a_model_in_a_subfolder_of_its_repository_is_fetched_flat(tmp_path: Path, hub: FakeHub) -> None:
    hub.repositories["owner/tiny"] = {f"ctranslate2/{name}": content for name, content in FILES.items()}
    hub.repositories["owner/tiny"]["model.bin"] = b"of another format"
    folder = await store(tmp_path, hub, dataclasses.replace(TINY, subfolder="ctranslate2")).pull("tiny")
    assert (folder / "model.bin").read_bytes() == WEIGHTS


async def test_a_newer_revision_replaces_what_was_left_of_an_older_download(tmp_path: Path, hub: FakeHub) -> None:
    hub.cuts = [1_000_000, *[0] * 20]
    with contextlib.suppress(ModelError):
        await store(tmp_path, hub).pull("tiny")
    hub.cuts, hub.revision = [], "f" * 40
    await store(tmp_path, hub).pull("tiny")
    assert names(tmp_path / ".partial") == set()


async def test_only_known_models_can_be_fetched(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="no model “huge” to fetch; choose one of tiny"):
        await store(tmp_path).pull("huge")


def test_the_list_of_known_models_claims_no_hash_that_nobody_has_seen() -> None:
    assert {"tiny", "base", "small"} <= set(KNOWN_MODELS)
    for known in KNOWN_MODELS.values():
        assert known.repository.count("/") == 1
        assert known.revision is None
        assert not any(known.sha256.values())
