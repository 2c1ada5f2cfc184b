"""Brings a repository into a folder of its own, named after its commit, so that nothing is ever overwritten.

Files gather in `.pulling` beside it and stay there when a pull is interrupted; the next one goes on from the last
byte. The folder appears by one rename, once all content has the digests that the hub lists.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from filelock import FileLock, Timeout
from huggingface_hub.utils.sha import git_hash

from models.hub import HubError
from models.hub.checksums import NoChecksums, differences, sha256_of, write_checksums
from models.hub.choice import INDEX, WEIGHTS, choose_adapter, choose_pipeline
from models.hub.repository import RemoteFile, Repository

UNFINISHED = ".pulling"


@dataclass(frozen=True, slots=True)
class Plan:
    """What is to be fetched, and the folder that it makes."""

    repository: Repository
    variant: str | None
    files: list[RemoteFile]
    folder: Path

    @property
    def is_pipeline(self) -> bool:
        """Whether it is a whole pipeline, not an adapter for one."""
        return any(file.path == INDEX for file in self.files)

    @property
    def num_bytes(self) -> int:
        """The size of all files together."""
        return sum(file.num_bytes for file in self.files)

    @property
    def unfinished(self) -> Path:
        """Where files gather until all are there."""
        return self.folder.parent / UNFINISHED / self.folder.name

    @property
    def begun_bytes(self) -> int:
        """How much an earlier pull has left there."""
        return sum(_size(self.unfinished / file.path) for file in self.files)


def plan_pull(repo_id: str, revision: str | None, variant: str | None, models: Path, hub: str | None = None) -> Plan:
    """Ask the hub what belongs to the model; nothing is written.

    Raises:
        HubError: there is no such thing, or it has no safetensors to load.
    """
    repository = Repository.at(repo_id, revision, hub)
    is_pipeline = INDEX in repository.files
    if not is_pipeline and variant is not None:
        raise HubError(f"{repo_id} is no pipeline, so there is no variant of it")
    index = repository.read_json(INDEX) if is_pipeline else {}
    try:
        paths = choose_pipeline(repository.files, index, variant) if is_pipeline else choose_adapter(repository.files)
    except HubError as error:
        raise HubError(f"{repo_id}: {error}") from error
    name = "--".join([*repo_id.split("/"), repository.commit[:12], *([variant] if variant else [])])
    return Plan(repository, variant, [repository.files[path] for path in paths], models / name)


def is_pulled(plan: Plan) -> bool:
    """Tell whether the folder is there already; if so, it is read and compared with its checksums.

    Raises:
        HubError: it is there, and damaged.
    """
    if not plan.folder.exists():
        return False
    try:
        found = list(differences(plan.folder))
    except NoChecksums as error:
        found = [str(error)]
    if found:
        raise HubError(f"{plan.folder} is damaged ({'; '.join(found)}): remove it and pull again")
    return True


def pull(plan: Plan, report: Callable[[int], None]) -> None:
    """Fetch what is missing, check it, and let the folder appear; `report` hears how many bytes came.

    Raises:
        HubError: the disk is too small, another pull is at work, or a file cannot be had or is not what the hub lists.
    """
    try:
        plan.unfinished.mkdir(parents=True, exist_ok=True)
        with FileLock(plan.unfinished.with_name(f"{plan.folder.name}.lock"), timeout=0):
            _check_room(plan)
            for file in plan.files:
                if file.path.endswith(WEIGHTS):
                    plan.repository.check_header(file.path)
            _remove_others(plan.unfinished, (file.path for file in plan.files))
            write_checksums(plan.unfinished, {file.path: _fetch(plan, file, report) for file in plan.files})
            plan.unfinished.rename(plan.folder)
    except Timeout as error:
        raise HubError(f"another pull of {plan.folder.name} is at work") from error
    except OSError as error:
        raise HubError(f"{plan.folder}: {error.strerror or error}; what has come stays for the next try") from error


def _check_room(plan: Plan) -> None:
    needed, free = plan.num_bytes - plan.begun_bytes, shutil.disk_usage(plan.unfinished).free
    if needed > free:
        raise HubError(f"{plan.folder.parent} has {free / 1e9:.1f} GB free, and {needed / 1e9:.1f} GB are needed")


def _fetch(plan: Plan, file: RemoteFile, report: Callable[[int], None]) -> str:
    """Bring one file to its end, from where it is, and return its digest."""
    path = plan.unfinished / file.path
    path.parent.mkdir(parents=True, exist_ok=True)
    if _size(path) > file.num_bytes:
        path.unlink()
    with path.open("ab") as into:
        plan.repository.download(file, into, report, begun_bytes=_size(path))
        into.flush()
        os.fsync(into.fileno())
    digest = sha256_of(path)
    as_listed = digest == file.sha256 if file.sha256 else git_hash(path.read_bytes()) == file.git_sha1
    if not as_listed:
        path.unlink()
        raise HubError(f"{file.path}: what came is not what the hub lists, and was removed: pull again")
    return digest


def _remove_others(folder: Path, paths: Iterable[str]) -> None:
    """Remove what no longer belongs there, such as a list of checksums whose rename did not come about."""
    wanted = {folder / path for path in paths}
    for path in folder.rglob("*"):
        if path.is_file() and path not in wanted:
            path.unlink()


def _size(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0
