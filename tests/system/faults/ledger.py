"""What clients were told, what was found at the end, and whether the two agree."""

from __future__ import annotations

import collections
from dataclasses import dataclass, field

from app.messages import JobRecord

MOST_JOBS_IN_HAND = 24  # of one worker: a batch in the generator and two on their way to storage
_WORKER_DIES = {"kill", "term"}
_ANSWER_IS_LOST = {"gateway", "redis", "cut", "lost_submission", "latency"}


@dataclass
class Ledger:
    """The outside's own account of one run."""

    seed: int
    strikes: collections.Counter[str] = field(default_factory=collections.Counter)
    busy_strikes: int = 0
    refusals: collections.Counter[str] = field(default_factory=collections.Counter)
    longest_refusal_seconds: float = 0.0
    accepted: dict[str, str] = field(default_factory=dict)  # idempotency key -> id
    contradictions: list[str] = field(default_factory=list)  # keys that were told a second id
    jobs: list[JobRecord] = field(default_factory=list)
    listed: int = 0  # jobs that the queue knows of
    successful_results: collections.Counter[int] = field(default_factory=collections.Counter)
    wrong_images: list[str] = field(default_factory=list)
    leftovers: list[str] = field(default_factory=list)
    exit_codes: collections.Counter[int] = field(default_factory=collections.Counter)
    counters: dict[str, float] = field(default_factory=dict)  # of all processes, dead ones included

    @property
    def statuses(self) -> dict[str, int]:
        """How many jobs ended how."""
        return dict(collections.Counter(job.status.value for job in self.jobs))

    @property
    def attempts(self) -> dict[int, int]:
        """How many jobs needed how many attempts."""
        return dict(sorted(collections.Counter(job.attempts for job in self.jobs).items()))

    @property
    def worst_seconds(self) -> float:
        """The longest time from acceptance to outcome."""
        return max((job.finished_at - job.created_at).total_seconds() for job in self.jobs if job.finished_at)

    @property
    def uncounted(self) -> dict[str, int]:
        """How many submissions and endings the counters of `/metrics` missed; negative: counted twice."""
        counted = {name: int(self.counters.get(name, 0)) for name in ("jobs_submitted", "jobs_finished")}
        return {name: len(self.jobs) - number for name, number in counted.items()}

    @property
    def holds(self) -> bool:
        """Whether each accepted job has succeeded, with one visible result, and nothing else is there."""
        count = len(set(self.accepted.values()))
        once = self.statuses == {"succeeded": count} and self.successful_results == {1: count}
        alone = count == len(self.accepted) == self.listed and not self.contradictions
        return once and alone and not self.wrong_images and not self.leftovers and self.counters_hold

    @property
    def counters_hold(self) -> bool:
        """Whether `/metrics` says the same, but for what a process had no time to count after Redis had taken it."""
        if not self.counters:
            return True
        deaths = sum(self.strikes[kind] for kind in _WORKER_DIES)
        lost_answers = sum(self.refusals.values()) if self.strikes.keys() & _ANSWER_IS_LOST else 0
        return (
            0 <= self.uncounted["jobs_finished"] <= MOST_JOBS_IN_HAND * deaths
            and 0 <= self.uncounted["jobs_submitted"] <= lost_answers
        )

    def __str__(self) -> str:
        """Say it in some lines."""
        lines = [
            f"seed {self.seed}: {len(self.accepted)} jobs accepted, {self.listed} listed, {self.statuses}",
            f"  strikes {sum(self.strikes.values())}: {dict(self.strikes)}, {self.busy_strikes} at busy workers",
            f"  successful results per job {dict(self.successful_results)}, attempts {self.attempts}",
            f"  worst from acceptance to outcome {self.worst_seconds:.1f} s",
            f"  refusals {dict(self.refusals)}, the longest after {self.longest_refusal_seconds:.1f} s",
            f"  contradictions {self.contradictions}, wrong images {self.wrong_images}, left over {self.leftovers}",
            f"  exit codes {dict(self.exit_codes)}",
        ]
        if self.counters:
            lines.append(f"  counters {self.counters}; uncounted {self.uncounted}")
        return "\n".join([*lines, "  HOLDS" if self.holds else "  DOES NOT HOLD"])
