"""What OpenAPI says of errors: every error of a route, by status, as problem details with an example of each."""

from __future__ import annotations

from typing import Any, TypeAlias

from fastapi import FastAPI
from pydantic import BaseModel

from app.api.problems import CONTENT_TYPE, Problem, problem
from app.errors import (
    BudgetExceeded,
    BudgetSpent,
    EaselError,
    InvalidApiKey,
    InvalidRequest,
    JobFailed,
    MissingApiKey,
    ModelNotAllowed,
    ModelNotFound,
    ModelNotReady,
    ModerationBlocked,
    ModerationUnavailable,
    PayloadTooLarge,
    QueueFull,
    QueueUnavailable,
    RateLimited,
    UnsupportedMediaType,
    UnsupportedOption,
    UnsupportedSize,
)

Responses: TypeAlias = dict[int | str, dict[str, Any]]

SUBMISSION_ERRORS: tuple[type[EaselError], ...] = (
    *(InvalidRequest, UnsupportedOption, UnsupportedSize, BudgetExceeded, ModerationBlocked, ModelNotFound),
    *(PayloadTooLarge, UnsupportedMediaType),
    *(MissingApiKey, InvalidApiKey, ModelNotAllowed, RateLimited, BudgetSpent),
    *(QueueFull, QueueUnavailable, ModelNotReady, ModerationUnavailable),
)
ANY_OTHER: Responses = {"default": {"model": Problem, "description": "Any other error, in the same form."}}
_PROBLEM_SCHEMA = {"$ref": "#/components/schemas/Problem"}
_JOB_FAILED = JobFailed("generation_failed", "the model could not draw this request")


def errors(*kinds: type[EaselError]) -> Responses:
    """Declare the errors that a route may answer with."""
    responses: Responses = {}
    for kind in kinds:
        error = _JOB_FAILED if kind is JobFailed else kind((kind.__doc__ or "").partition("\n")[0])
        response = responses.setdefault(
            error.status, {"model": Problem, "description": "", "content": {CONTENT_TYPE: {"examples": {}}}}
        )
        example = {"summary": error.title, "value": problem(error, "req_0123456789abcdef").model_dump()}
        response["content"][CONTENT_TYPE]["examples"][error.code] = example
        response["description"] = "; ".join(filter(None, [response["description"], error.title]))
    return responses


def picture_body(form: type[BaseModel], body: type[BaseModel] | None = None, *, masked: bool = False) -> dict[str, Any]:
    """Describe a multipart form with an image, and the JSON body that may stand in its place."""
    fields = form.model_json_schema()
    pictures = {name: {"type": "string", "format": "binary"} for name in ("image", *(["mask"] if masked else []))}
    required = ["image", *fields.get("required", ())]
    schema = fields | {"properties": fields["properties"] | pictures, "required": required}
    content = {"multipart/form-data": {"schema": schema}}
    if body:
        content["application/json"] = {"schema": _inlined(body.model_json_schema())}
    return {"requestBody": {"required": True, "content": content}}


def describe_errors(app: FastAPI) -> None:
    """Give each declared error its real content type, which FastAPI cannot be told beside a model."""
    generate = app.openapi

    def openapi() -> dict[str, Any]:
        if app.openapi_schema is None:
            for path in generate()["paths"].values():
                for operation in path.values():
                    _retype(operation["responses"])
        return generate()

    app.openapi = openapi  # type: ignore[method-assign]  # FastAPI's documented way


def _inlined(schema: dict[str, Any]) -> dict[str, Any]:
    """Put definitions where they are meant, since references would look for them elsewhere."""
    definitions = schema.pop("$defs", {})

    def place(part: Any) -> Any:
        if isinstance(part, dict):
            name = str(part.get("$ref", "")).rpartition("/")[2]
            return place(definitions[name]) if name else {key: place(value) for key, value in part.items()}
        return [place(one) for one in part] if isinstance(part, list) else part

    inlined: dict[str, Any] = place(schema)
    return inlined


def _retype(responses: dict[str, Any]) -> None:
    for response in responses.values():
        content = response.get("content", {})
        if content.get("application/json", {}).get("schema") == _PROBLEM_SCHEMA:
            content.setdefault(CONTENT_TYPE, {})["schema"] = content.pop("application/json")["schema"]
