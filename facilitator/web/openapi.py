"""What the service takes and answers, as an OpenAPI document: made from the models that check it."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from importlib.metadata import version
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter
from pydantic.json_schema import models_json_schema

from facilitator.core.snapshot import Snapshot
from facilitator.core.stage import StageView

Schema = dict[str, Any]
_REFERENCE = "#/components/schemas/{model}"


class _Said(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class Played(_Said):
    """A prompt's first sound is played by this stage: at a session second that it tells, past or to come, or now."""

    played: Annotated[str, Field(max_length=64)]
    started_at: Annotated[float, Field(allow_inf_nan=False)] | None = None


class Unlocked(_Said):
    """The browser lets this stage play, or no longer."""

    unlocked: bool


StageLine: TypeAdapter[Played | Unlocked] = TypeAdapter(Played | Unlocked)
"""What a stage may send."""


class Ticket(_Said):
    """The one-time ticket of a link's fragment."""

    ticket: str


class Opened(BaseModel):
    """What a ticket opened."""

    scope: Literal["console", "stage"]


class Wanted(_Said):
    """For which page a new link is wanted."""

    scope: Literal["console", "stage"]


class Link(BaseModel):
    """A link that opens once."""

    url: str


class Strings(BaseModel):
    """The words of the pages, by key."""

    language: str
    strings: dict[str, str]


class Refusal(BaseModel):
    """Why a request was refused, in one sentence; a refused command also has a stable code."""

    error: str
    code: str | None = None


_REFUSALS = {
    "400": "it makes no sense",
    "401": "no token, cookie or ticket that opens anything",
    "403": "another origin, or a page or token that may not do that",
    "404": "there is nothing here",
    "409": "the session refuses it now",
    "413": "the body is over 64 KiB",
    "415": "the body is not application/json",
    "417": "an expectation that is not met",
    "421": "another Host than ours",
    "422": "it could not be done",
    "426": "this is a WebSocket",
}


@cache
def _shared() -> tuple[Schema, ...]:
    models = (Played, Unlocked, Ticket, Opened, Wanted, Link, Strings, Refusal)
    _, found = models_json_schema([(model, "validation") for model in models], ref_template=_REFERENCE)
    return tuple({name: schema} for name, schema in found["$defs"].items())


def document(commands: Mapping[str, type[BaseModel]]) -> Schema:
    """Return the document for a session that knows `commands`."""
    schemas: Schema = {name: schema for one in _shared() for name, schema in one.items()}
    for kind in (Snapshot, StageView):
        schema = TypeAdapter(kind).json_schema(ref_template=_REFERENCE, mode="serialization")
        schemas |= schema.pop("$defs", {})
        schemas[kind.__name__] = schema
    for name, model in commands.items():
        schema = model.model_json_schema(ref_template=_REFERENCE)
        schemas |= schema.pop("$defs", {})
        schema["properties"] = {
            "command": {"const": name},
            "if_step": {"type": ["string", "null"], "description": "Another present step than this one answers 409."},
            **schema.get("properties", {}),
        }
        schema["required"] = ["command", *schema.get("required", [])]
        schemas[f"command_{name}"] = schema
    either: Schema = {"oneOf": [{"$ref": f"#/components/schemas/command_{name}"} for name in commands]}
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "codev-facilitator",
            "version": version("codev-facilitator"),
            "description": (
                "The local service of one session, for this computer alone: a page's cookie, or a token that opens all "
                "or what it takes to drive or to watch, without the words of the contract and the plan."
            ),
        },
        "security": [{"token": []}],
        "paths": _paths(either),
        "components": {
            "schemas": schemas,
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
        },
    }


def _paths(command: Schema) -> Schema:
    shown = _answer("The snapshot, and what there is to say of a command beside it.", "Snapshot")
    return {
        "/healthz": {"get": {"summary": "Whether it answers", "security": [], **_answers(_plain("text/plain"))}},
        "/api/session": {
            "post": {
                "summary": "Exchange a link's ticket for a cookie, once",
                "security": [],
                "requestBody": _body({"$ref": "#/components/schemas/Ticket"}),
                **_answers(_answer("What it opened.", "Opened")),
            }
        },
        "/api/ticket": {
            "post": {
                "summary": "A new link to a page, which opens once",
                "requestBody": _body({"$ref": "#/components/schemas/Wanted"}),
                **_answers(_answer("The link.", "Link")),
            }
        },
        "/api/strings": {"get": {"summary": "The words of the pages", **_answers(_answer("The words.", "Strings"))}},
        "/api/state": {"get": {"summary": "What is to be shown now", **_answers(shown)}},
        "/api/commands": {
            "post": {"summary": "Do a command", "requestBody": _body(command), **_answers(shown)},
        },
        "/api/events": {
            "get": {
                "summary": "WebSocket: a snapshot, then what happens, and new snapshots. It takes nothing",
                **_answers(),
            }
        },
        "/api/stage": {
            "get": {
                "summary": "WebSocket: what the stage shows, and the prompts that it plays; takes `Played`, `Unlocked`",
                **_answers(),
            }
        },
        "/api/prompts/{id}.wav": {
            "get": {
                "summary": "The prompt that the stage is being told to play",
                "parameters": [
                    {"name": "id", "in": "path", "required": True, "schema": {"type": "string", "minLength": 1}}
                ],
                **_answers(_plain("audio/wav")),
            }
        },
        "/api/openapi.json": {"get": {"summary": "This document", **_answers(_plain("application/json"))}},
    }


def _body(schema: Schema) -> Schema:
    return {"required": True, "content": {"application/json": {"schema": schema}}}


def _answer(description: str, model: str) -> Schema:
    content = {"application/json": {"schema": {"$ref": f"#/components/schemas/{model}"}}}
    return {"description": description, "content": content}


def _plain(kind: str) -> Schema:
    return {"description": "As asked.", "content": {kind: {}}}


def _answers(good: Schema | None = None) -> Schema:
    refusals = {status: _answer(f"Refused: {why}.", "Refusal") for status, why in _REFUSALS.items()}
    return {"responses": refusals if good is None else {"200": good, **refusals}}
