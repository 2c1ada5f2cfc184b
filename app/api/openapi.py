"""The OpenAPI document: FastAPI's, completed with what it cannot be told, in words that client generators know."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from fastapi import FastAPI
from fastapi.routing import APIRoute
from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from app.api.problems import CONTENT_TYPE

_COMPONENT = "#/components/schemas/{model}"
_PROBLEM = {"$ref": _COMPONENT.format(model="Problem")}
_FILE = {"type": "string", "format": "binary"}


def operation_id(route: APIRoute) -> str:
    """Call an operation as its function is called: so will generated clients."""
    return route.name


def definitions(*models: type[BaseModel], mode: Literal["validation", "serialization"]) -> dict[str, Any]:
    """Return a schema that holds models under their names; `complete` moves them to the components."""
    return models_json_schema([(model, mode) for model in models], ref_template=_COMPONENT)[1]


def picture_body(form: type[BaseModel], *pictures: str, body: type[BaseModel] | None = None) -> dict[str, Any]:
    """Describe a multipart form with pictures, the first of them required, and the JSON that may stand in its place."""
    content = {"multipart/form-data": {"schema": _reference(form) | {"$defs": {form.__name__: _form(form, pictures)}}}}
    if body:
        content["application/json"] = {"schema": _reference(body) | definitions(body, mode="validation")}
    return {"requestBody": {"required": True, "content": content}}


def event_content(data: Mapping[str, type[BaseModel]] | None = None) -> dict[str, Any]:
    """Describe server-sent events, as OpenAPI 3.2 does; `data` maps their names, where told, to what they carry."""
    if data is None:
        return {"text/event-stream": {"itemSchema": _event()}}
    events = [_event(name, model) for name, model in data.items()]
    return {"text/event-stream": {"itemSchema": {"oneOf": events} | definitions(*data.values(), mode="serialization")}}


def picture_content(media_type: str) -> dict[str, Any]:
    """Describe a picture; it is told of as plain bytes, too, which is the one name that client generators know."""
    return {kind: {"schema": _FILE} for kind in (media_type, "application/octet-stream")}


def operation_links(parameter: str, *operations: str) -> dict[str, Any]:
    """Say which operations take the id of what an answer shows."""
    parameters = {parameter: "$response.body#/id"}
    return {operation: {"operationId": operation, "parameters": parameters} for operation in operations}


def complete(app: FastAPI) -> None:
    """Let the application's document say what FastAPI cannot be told."""
    generate = app.openapi

    def openapi() -> dict[str, Any]:
        if app.openapi_schema is None:
            document = generate()
            _move_definitions(document["paths"], document["components"]["schemas"])
            for path in document["paths"].values():
                for operation in path.values():
                    _retype(operation["responses"])
        return generate()

    app.openapi = openapi  # type: ignore[method-assign]  # FastAPI's documented way


def _reference(model: type[BaseModel]) -> dict[str, Any]:
    return {"$ref": _COMPONENT.format(model=model.__name__)}


def _event(name: str | None = None, data: type[BaseModel] | None = None) -> dict[str, Any]:
    told = {"contentMediaType": "application/json", "contentSchema": _reference(data)} if data else {}
    event = {"type": "string"} | ({"const": name} if name else {})
    fields = {"event": event, "data": {"type": "string"} | told, "id": {"type": "string"}}
    return {"type": "object", "properties": fields, "required": ["event", "data"]}


def _form(form: type[BaseModel], pictures: tuple[str, ...]) -> dict[str, Any]:
    """Describe a form: it holds texts and files, so nothing in it is null."""
    schema = form.model_json_schema(ref_template=_COMPONENT)
    fields = {name: _without_null(field) for name, field in schema["properties"].items() if field.get("type") != "null"}
    required = [*schema.get("required", ()), pictures[0]]
    return schema | {"properties": fields | dict.fromkeys(pictures, _FILE), "required": required}


def _without_null(field: dict[str, Any]) -> dict[str, Any]:
    kinds = [one for one in field.get("anyOf", ()) if one.get("type") != "null"]
    return {name: value for name, value in field.items() if name not in {"anyOf", "default"}} | dict(*kinds)


def _move_definitions(part: Any, schemas: dict[str, Any]) -> None:
    if isinstance(part, dict):
        schemas |= part.pop("$defs", {})
    for one in part.values() if isinstance(part, dict) else part if isinstance(part, list) else ():
        _move_definitions(one, schemas)


def _retype(responses: dict[str, Any]) -> None:
    """Give each declared error its real content type, which FastAPI cannot be told beside a model."""
    for response in responses.values():
        content = response.get("content", {})
        if content.get("application/json", {}).get("schema") == _PROBLEM:
            content.setdefault(CONTENT_TYPE, {})["schema"] = content.pop("application/json")["schema"]
