"""The OpenAPI description, generated from the table of routes and the models it names. Pure."""

from __future__ import annotations

import re
from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from meritocrab import __version__
from meritocrab.localapi import protocol as p
from meritocrab.localapi.routes import ROUTES, Format, Route

NUMBERS = frozenset({"id", "number"})
"""Parts of paths that are numbers."""

ERRORS = {
    400: "The request cannot be read",
    404: "There is no such thing",
    408: "The request did not come in time",
    409: "Somebody was first, it came too late, or it is ambiguous",
    413: "The body is longer than 64 kB",
    415: "The body is not application/json",
    422: "A value is wrong",
    503: "The database does not answer, or too many are connected at once",
}
REFERENCE = "#/components/schemas/{model}"


def document() -> dict[str, Any]:
    """The whole description, OpenAPI 3.1."""
    references, schemas = _schemas()
    paths: dict[str, Any] = {}
    for route in ROUTES:
        paths.setdefault(route.path, {})[route.method.lower()] = _operation(route, references)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "meritocrab's local API",
            "version": __version__,
            "description": "Over a Unix socket; the peer's user is the actor. Logins and texts are untrusted.",
        },
        "servers": [{"url": "http://localhost", "description": "the Unix socket"}],
        "paths": paths,
        "components": {"schemas": schemas},
    }


def _models() -> list[type[BaseModel]]:
    found: dict[str, type[BaseModel]] = {"ErrorAnswer": p.ErrorAnswer}
    found |= {model.__name__: model for model in p.STREAM_EVENTS.values()}
    for route in ROUTES:
        for model in (route.answer, route.body):
            if model is not None:
                found[model.__name__] = model
    return list(found.values())


def _schemas() -> tuple[dict[type[BaseModel], dict[str, Any]], dict[str, Any]]:
    models = _models()
    references, definitions = models_json_schema(
        [(model, _mode(model)) for model in models], ref_template=REFERENCE
    )
    by_model = {model: references[model, _mode(model)] for model in models}
    return by_model, definitions["$defs"]


def _mode(model: type[BaseModel]) -> Any:
    return "validation" if issubclass(model, p.Body) else "serialization"


def _operation(route: Route, references: dict[type[BaseModel], dict[str, Any]]) -> dict[str, Any]:
    operation: dict[str, Any] = {
        "operationId": route.name,
        "summary": route.summary,
        "parameters": [*_path_parameters(route), *_query_parameters(route), *_headers(route)],
        "responses": _responses(route, references),
    }
    if route.body is not None:
        required = any(field.is_required() for field in route.body.model_fields.values())
        content = {Format.JSON.value: {"schema": references[route.body]}}
        operation["requestBody"] = {"required": required, "content": content}
    return operation


def _path_parameters(route: Route) -> list[dict[str, Any]]:
    names = re.findall(r"{(\w+)}", route.path)
    schemas = {
        name: {"type": "integer", "minimum": 1} if name in NUMBERS else {"type": "string"} for name in names
    }
    return [{"name": name, "in": "path", "required": True, "schema": schemas[name]} for name in names]


def _query_parameters(route: Route) -> list[dict[str, Any]]:
    schema = route.query.model_json_schema()
    definitions = schema.get("$defs", {})
    return [
        {"name": name, "in": "query", "required": False, "schema": _inlined(value, definitions)}
        for name, value in schema.get("properties", {}).items()
    ]


def _inlined(value: Any, definitions: dict[str, Any]) -> Any:
    """Parameters are few and small: their enumerations stand where they are used."""
    if isinstance(value, dict):
        reference = value.get("$ref")
        if isinstance(reference, str):
            rest = {key: each for key, each in value.items() if key != "$ref"}
            return {**_inlined(definitions[reference.rpartition("/")[2]], definitions), **rest}
        return {key: _inlined(each, definitions) for key, each in value.items()}
    return [_inlined(each, definitions) for each in value] if isinstance(value, list) else value


def _headers(route: Route) -> list[dict[str, Any]]:
    if not route.is_act:
        return []
    text = "Repeating an act under the same id does it once and gets the first answer"
    schema = {"type": "string", "pattern": p.REQUEST_ID}
    return [{"name": p.IDEMPOTENCY_HEADER, "in": "header", "description": text, "schema": schema}]


def _responses(route: Route, references: dict[type[BaseModel], dict[str, Any]]) -> dict[str, Any]:
    schema = {"type": "object"} if route.answer is None else references[route.answer]
    if route.format is not Format.JSON:
        schema = {"type": "string"}
    found = {"200": {"description": "Done", "content": {route.format.value: {"schema": schema}}}}
    if route.answer is p.ActAnswer:
        found["202"] = {"description": "Accepted, not handled yet", "content": found["200"]["content"]}
    error = {"application/json": {"schema": references[p.ErrorAnswer]}}
    for status in _statuses(route):
        found[str(status)] = {"description": ERRORS[status], "content": error}
    if route.name == "health":
        found["503"] = {"description": "The daemon is unhealthy", "content": found["200"]["content"]}
    return found


def _statuses(route: Route) -> list[int]:
    statuses = {422}
    if route.path.startswith("/api"):
        statuses.add(503)
    if "{" in route.path:
        statuses.add(404)
    if "cursor" in route.query.model_fields:
        statuses |= {400, 404}
    if route.is_act:
        statuses |= {400, 408, 409, 413, 415}
    return sorted(statuses)
