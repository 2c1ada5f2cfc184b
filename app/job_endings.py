"""Ends, forgets and revives jobs for the gateway."""

from __future__ import annotations

from collections.abc import Sequence

from app import job_records
from app.errors import Conflict, JobNotCancelable, JobNotFailed
from app.job_reading import JobReader, job_not_found
from app.messages import JobError, JobRecord, Outcome

_OVERDUE_AT_ONCE = 200
_REMOVED_AT_ONCE = 200  # of each priority
_IMAGES_AT_ONCE = 100
_LATE_UPLOAD_SECONDS = 600  # longer than a worker tries to store an image
_OVERDUE = Outcome(error=JobError(code="deadline_exceeded", message="drawing did not start before the deadline"))

_REMOVED = Outcome(error=JobError(code="model_removed", message="the model was removed while the job waited for it"))


class JobEndings(JobReader):
    """What ends a job before its time, or gives it a second one, and what is left to tidy after it."""

    async def cancel(self, job_id: str, *, tenant: str | None = None) -> JobRecord:
        """End a job that is queued or running; one that is canceled already stays so.

        Raises:
            JobNotFound, JobNotCancelable, QueueUnavailable: as `end`.
        """
        await self.end(job_id, tenant=tenant)
        return await self.get(job_id, tenant=tenant)

    async def end(self, job_id: str, *, tenant: str | None = None) -> bool:
        """Cancel a job and tell whether this very call ended it: of several at once, one does.

        Raises:
            JobNotFound: as `get`.
            JobNotCancelable: it has succeeded or failed.
            QueueUnavailable: Redis does not answer.
        """
        if tenant is not None:
            await self.get(job_id, tenant=tenant)
        keep = self._settings.job_retention_seconds
        was = (await self._run("cancel", job_id, job_records.timestamp(), keep)).decode()
        if not was:
            raise job_not_found(job_id)
        if was in {"finished", "failed"}:
            raise JobNotCancelable(f"job {job_id} has already ended")
        return was in {"queued", "started"}

    async def delete(self, job_id: str) -> None:
        """Forget a job that has ended, at once; its images are the caller's to remove.

        Raises:
            JobNotFound: as `get`.
            Conflict: it has not ended, or was queued again just now.
            QueueUnavailable: Redis does not answer.
        """
        was = (await self._run("delete", job_id, _LATE_UPLOAD_SECONDS)).decode()
        if not was:
            raise job_not_found(job_id)
        if was in {"queued", "started"}:
            raise Conflict(f"job {job_id} has not ended")

    async def requeue(self, job_id: str) -> JobRecord:
        """Queue a failed job again, as if for the first time; what an operator does after a repair.

        Raises:
            JobNotFound: as `get`.
            JobNotFailed: it has not failed.
            QueueUnavailable: Redis does not answer.
        """
        was = (await self._run("requeue", job_id)).decode()
        if not was:
            raise job_not_found(job_id)
        if was != "failed":
            raise JobNotFailed(f"job {job_id} has not failed")
        return await self.get(job_id)

    async def end_overdue(self) -> list[tuple[str, str]]:
        """Fail jobs that wait beyond their deadline, a bounded number of them; return id and model of each.

        Raises:
            QueueUnavailable: Redis does not answer.
        """
        ended = await self._run("overdue", job_records.timestamp(), _OVERDUE.model_dump_json(), _OVERDUE_AT_ONCE)
        return [(job_id.decode(), model.decode()) for job_id, model in ended]

    async def fail_waiting(self, model: str) -> list[str]:
        """Fail jobs that wait for a model that is no longer served, a bounded number of them; return their ids.

        Raises:
            QueueUnavailable: Redis does not answer.
        """
        given = (model, job_records.timestamp(), _REMOVED.model_dump_json(), _REMOVED_AT_ONCE)
        return [job_id.decode() for job_id in await self._run("removed", *given)]

    async def images_due(self) -> list[str]:
        """Return ids of some jobs that are no longer kept, and so their images should not be either.

        Raises:
            QueueUnavailable: Redis does not answer.
        """
        return [job_id.decode() for job_id in await self._run("images_due", _IMAGES_AT_ONCE)]

    async def images_removed(self, job_ids: Sequence[str]) -> None:
        """Take note that their images are gone.

        Raises:
            QueueUnavailable: Redis does not answer.
        """
        await self._run("images_removed", *job_ids)
