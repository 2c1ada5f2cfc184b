"""What OpenAPI says of errors: every error of a route, by status, as problem details with an example of each."""

from __future__ import annotations

from typing import Any, TypeAlias

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
    OperatorsOnly,
    OriginNotAllowed,
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
    *(MissingApiKey, InvalidApiKey, ModelNotAllowed, OriginNotAllowed, RateLimited, BudgetSpent),
    *(QueueFull, QueueUnavailable, ModelNotReady, ModerationUnavailable),
)
ANY_OTHER: Responses = {"default": {"model": Problem, "description": "Any other error, in the same form."}}
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


# What whoever guards a door may answer before any of its routes does.
TENANTS_ERRORS = errors(InvalidRequest, MissingApiKey, InvalidApiKey, RateLimited, QueueUnavailable)
OPERATORS_ERRORS = errors(InvalidRequest, MissingApiKey, OperatorsOnly, RateLimited)
