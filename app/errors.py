"""Every error that a caller can meet, as one tree.

EaselError
├── InvalidRequest (400)          the caller's fault; names the field in `param`
│   ├── UnsupportedOption         the model does not honour this field
│   ├── UnsupportedSize           the model cannot make this size
│   ├── BudgetExceeded            size, images and steps are too much together
│   ├── UrlNotAllowed             it leads where this service does not go
│   ├── UrlUnreachable            it does not give what was to be fetched
│   ├── ModerationBlocked         what this service does not draw or show
│   ├── InvalidImage              an input picture that cannot be used
│   └── ModelNotFound (404)
├── Unauthorized (401)
│   ├── MissingApiKey
│   └── InvalidApiKey             unknown, revoked or expired
├── NotFound (404)
│   ├── JobNotFound
│   ├── BatchNotFound
│   ├── ObjectNotFound
│   ├── FileNotFound
│   └── DeadLetterNotFound
├── Forbidden (403)
│   ├── InvalidSignature          a URL that was tampered with or has expired
│   ├── ModelNotAllowed           the API key is for other models
│   ├── OriginNotAllowed          a page in somebody's browser
│   └── OperatorsOnly
├── MethodNotAllowed (405)
├── Conflict (409)
│   ├── JobNotFailed
│   ├── JobNotCancelable
│   └── JobCanceled               by somebody else, while its client waited for the images
├── JobGone (410)                 an idempotency key is older than what it made
├── PayloadTooLarge (413)
├── UnsupportedMediaType (415)
├── Unprocessable (422)
│   └── IdempotencyKeyReused
├── JobFailed (500)               with the job's own error code
├── RateLimited (429)             always with Retry-After
│   ├── RateUsedUp                the API key's, for this minute
│   ├── BudgetSpent               the API key's, for this month
│   └── TooManyFiles
└── Unavailable (503)             always with Retry-After
    ├── QueueUnavailable
    ├── QueueFull
    ├── StorageUnavailable
    ├── ModelNotReady             no worker has announced this model yet
    ├── ModerationUnavailable
    └── JobTooSlow                the client waits no longer, so the job was canceled
"""

from __future__ import annotations


class EaselError(Exception):
    """An error with a status, a stable code and a title; the message is this occurrence's detail."""

    status = 500
    code = "internal_error"
    title = "Internal error"
    should_retry: bool | None = None  # None: the status tells

    def __init__(self, detail: str, *, param: str | None = None, retry_after_seconds: int | None = None) -> None:
        super().__init__(detail)
        self.detail = detail
        self.param = param
        self.retry_after_seconds = retry_after_seconds


class InvalidRequest(EaselError):
    """The request cannot be served as it is; `param` names the field."""

    status = 400
    code = "invalid_request"
    title = "Invalid request"


class UnsupportedOption(InvalidRequest):
    """The model does not honour this field, so it is refused rather than ignored."""

    code = "unsupported_option"
    title = "Option not supported by the model"


class UnsupportedSize(InvalidRequest):
    """The model cannot make pictures of this size."""

    code = "unsupported_size"
    title = "Size not supported by the model"


class BudgetExceeded(InvalidRequest):
    """Width, height, images and steps are each allowed, but too much together."""

    code = "budget_exceeded"
    title = "Too much work for one job"


class UrlNotAllowed(InvalidRequest):
    """The URL leads where this service does not go: not http, or not public."""

    code = "url_not_allowed"
    title = "URL not allowed"


class UrlUnreachable(InvalidRequest):
    """What the URL leads to could not be fetched in bounded time and size."""

    code = "url_unreachable"
    title = "URL cannot be fetched"


class ModerationBlocked(InvalidRequest):
    """This service does not draw what was asked for, or does not show what was drawn."""

    code = "moderation_blocked"
    title = "Blocked by moderation"


class InvalidImage(InvalidRequest):
    """The input picture is none, is damaged, or is more than is read."""

    code = "invalid_image"
    title = "Input picture cannot be used"


class ModelNotFound(InvalidRequest):
    """No model or alias of this name."""

    status = 404
    code = "model_not_found"
    title = "Model not found"


class Unauthorized(EaselError):
    """Nobody knows who the caller is."""

    status = 401
    code = "unauthorized"
    title = "Unauthorized"


class MissingApiKey(Unauthorized):
    """This service wants to know who is calling."""

    code = "missing_api_key"
    title = "API key missing"


class InvalidApiKey(Unauthorized):
    """The API key is unknown, revoked or expired."""

    code = "invalid_api_key"
    title = "API key invalid"


class NotFound(EaselError):
    """There is nothing at this address."""

    status = 404
    code = "not_found"
    title = "Not found"


class JobNotFound(NotFound):
    """No job of this id, or it has expired."""

    code = "job_not_found"
    title = "Job not found"


class BatchNotFound(NotFound):
    """No batch of this id, or it has expired."""

    code = "batch_not_found"
    title = "Batch not found"


class ObjectNotFound(NotFound):
    """No stored object under this key."""

    code = "object_not_found"
    title = "Object not found"


class FileNotFound(NotFound):
    """No uploaded file of this id, or it has expired."""

    code = "file_not_found"
    title = "File not found"


class DeadLetterNotFound(NotFound):
    """No webhook event of this id was given up, or it is no longer kept."""

    code = "dead_letter_not_found"
    title = "Dead letter not found"


class Forbidden(EaselError):
    """The caller may not do this."""

    status = 403
    code = "forbidden"
    title = "Forbidden"


class InvalidSignature(Forbidden):
    """The signed URL was changed or has expired."""

    code = "invalid_signature"
    title = "URL signature invalid or expired"


class ModelNotAllowed(Forbidden):
    """The API key is for other models."""

    code = "model_not_allowed"
    title = "Model not allowed"


class OriginNotAllowed(Forbidden):
    """A page of another origin may not call this service; `EASEL_CORS_ORIGINS` names those that may."""

    code = "origin_not_allowed"
    title = "Origin not allowed"


class OperatorsOnly(Forbidden):
    """The address is for those who run the service."""

    code = "operators_only"
    title = "Operators only"


class MethodNotAllowed(EaselError):
    """There is something at this address, but it does not take this method."""

    status = 405
    code = "method_not_allowed"
    title = "Method not allowed"


class Conflict(EaselError):
    """The state of the thing does not allow this."""

    status = 409
    code = "conflict"
    title = "Conflict"


class JobNotFailed(Conflict):
    """Only a job that has failed can be queued again."""

    code = "job_not_failed"
    title = "Job has not failed"


class JobNotCancelable(Conflict):
    """The job has already ended."""

    code = "job_not_cancelable"
    title = "Job has already ended"


class JobCanceled(Conflict):
    """The job was canceled before its images were there."""

    code = "job_canceled"
    title = "Job canceled"
    should_retry = False


class JobGone(EaselError):
    """What this idempotency key made is no longer kept; a new key makes a new job."""

    status = 410
    code = "job_gone"
    title = "Job no longer kept"


class PayloadTooLarge(EaselError):
    """The body is larger than this service accepts."""

    status = 413
    code = "payload_too_large"
    title = "Payload too large"


class UnsupportedMediaType(EaselError):
    """The body is not of a type that this route reads."""

    status = 415
    code = "unsupported_media_type"
    title = "Unsupported media type"


class Unprocessable(EaselError):
    """The request contradicts an earlier one."""

    status = 422
    code = "unprocessable"
    title = "Unprocessable request"


class IdempotencyKeyReused(Unprocessable):
    """The idempotency key was used before with another body."""

    code = "idempotency_key_reused"
    title = "Idempotency key reused with another body"


class JobFailed(EaselError):
    """The job ran and failed; running it again would fail again."""

    title = "Job failed"
    should_retry = False

    def __init__(self, code: str, detail: str) -> None:
        super().__init__(detail)
        self.code = code


class RateLimited(EaselError):
    """The caller has too much in flight; try again after `retry_after_seconds`."""

    status = 429
    code = "rate_limited"
    title = "Too many requests"


class RateUsedUp(RateLimited):
    """The API key's requests or images of a minute are used up."""


class BudgetSpent(RateLimited):
    """The API key's budget for this month does not suffice for this job; Retry-After is the end of the month."""

    code = "insufficient_quota"
    title = "Budget spent"
    should_retry = False


class TooManyFiles(RateLimited):
    """The caller keeps as many files as are allowed; one that is deleted makes room."""

    code = "too_many_files"
    title = "Too many files"
    should_retry = False


class Unavailable(EaselError):
    """The service cannot do this now; try again after `retry_after_seconds`."""

    status = 503
    code = "unavailable"
    title = "Service unavailable"


class QueueUnavailable(Unavailable):
    """Redis does not answer."""

    code = "queue_unavailable"
    title = "Queue unavailable"


class QueueFull(Unavailable):
    """The queue has reached its bound."""

    code = "queue_full"
    title = "Queue full"


class StorageUnavailable(Unavailable):
    """The object store does not answer."""

    code = "storage_unavailable"
    title = "Storage unavailable"


class ModelNotReady(Unavailable):
    """The catalogue lists the model, but no worker has loaded it yet."""

    code = "model_not_ready"
    title = "Model not ready"


class ModerationUnavailable(Unavailable):
    """The check of what may be drawn does not work, so nothing passes it."""

    code = "moderation_unavailable"
    title = "Moderation unavailable"


class JobTooSlow(Unavailable):
    """The images were not there in the longest time that a client waits for them in one request."""

    code = "job_too_slow"
    title = "Images not ready in time"
