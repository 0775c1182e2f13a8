"""The API's own description: it names what there is, and nothing made from it finds a defect."""

from __future__ import annotations

import asyncio
import re
import threading
from collections.abc import Iterator

import pytest
import schemathesis
from hypothesis import HealthCheck, settings
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import response_schema_conformance, status_code_conformance

from facilitator.commands import COMMANDS
from facilitator.web import openapi
from facilitator.web.service import Service
from tests.web.conftest import Door
from tests.web.meeting import FakeMeeting

DOCUMENT = openapi.document(COMMANDS)
SCHEMA = schemathesis.openapi.from_dict(DOCUMENT)


@pytest.fixture(scope="module")
def service() -> Iterator[Service]:
    """Return a service that answers in a thread of its own: schemathesis waits for each answer."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()

    async def begin() -> Service:
        service = Service(FakeMeeting())
        await service.start("127.0.0.1", 0)
        return service

    service = asyncio.run_coroutine_threadsafe(begin(), loop).result(10)
    yield service
    asyncio.run_coroutine_threadsafe(service.close(), loop).result(10)
    loop.call_soon_threadsafe(loop.stop)
    thread.join(10)
    loop.close()


@SCHEMA.parametrize()
@settings(max_examples=60, suppress_health_check=list(HealthCheck))
def test_nothing_made_from_the_document_is_a_defect(case: schemathesis.Case, service: Service) -> None:
    headers = {"Authorization": f"Bearer {service.token}"}
    answer = case.call(base_url=service.url, headers=headers, timeout=10)
    checks = [not_a_server_error, status_code_conformance, response_schema_conformance]
    case.validate_response(answer, checks=checks, headers=headers)


async def test_the_document_is_served_and_describes_every_command_with_if_step(door: Door) -> None:
    answer = await door.ask(door.get("/api/openapi.json"))
    assert (answer.status, answer.json) == (200, openapi.document(door.meeting.commands))
    named = {
        schema["properties"]["command"]["const"]
        for name, schema in answer.json["components"]["schemas"].items()
        if name.startswith("command_")
    }
    assert named == set(COMMANDS)
    extend = answer.json["components"]["schemas"]["command_extend"]
    assert {"command", "if_step", "minutes", "seconds"} == set(extend["properties"])
    assert extend["additionalProperties"] is False


def test_every_address_is_in_it_and_each_reference_leads_somewhere(door: Door) -> None:
    assert door.service._runner is not None
    served = {resource.canonical for resource in door.service._runner.app.router.resources()}
    assert {path for path in served if path.startswith(("/api", "/healthz"))} == set(DOCUMENT["paths"])
    references = set(re.findall(r"'\$ref': '#/components/schemas/(\w+)'", str(DOCUMENT)))
    assert references <= set(DOCUMENT["components"]["schemas"])
    assert {"Snapshot", "StageView", "RecordView"} <= set(DOCUMENT["components"]["schemas"])
