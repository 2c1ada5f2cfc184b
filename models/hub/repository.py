"""One revision of a repository on a Hugging Face hub: what it holds, and its bytes.

The library reads HF_ENDPOINT, HF_TOKEN and HF_HUB_OFFLINE. Its errors become HubError here.
"""

from __future__ import annotations

import contextlib
import io
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, BinaryIO, Self

import httpx2
from huggingface_hub import HfApi, constants, hf_hub_url
from huggingface_hub.errors import (
    EntryNotFoundError,
    GatedRepoError,
    HfHubHTTPError,
    HFValidationError,
    OfflineModeIsEnabled,
    RepositoryNotFoundError,
    RevisionNotFoundError,
    SafetensorsParsingError,
)
from huggingface_hub.file_download import http_get
from huggingface_hub.utils import build_hf_headers  # type: ignore[attr-defined]

from models.hub import HubError


@dataclass(frozen=True, slots=True)
class RemoteFile:
    """A file as the hub lists it: large ones by SHA-256, others as git does."""

    path: str
    num_bytes: int
    sha256: str | None
    git_sha1: str


@dataclass(frozen=True, slots=True)
class Repository:
    """A repository at one commit, and the hub that has it."""

    hub: str
    id: str
    commit: str
    files: dict[str, RemoteFile]

    @classmethod
    def at(cls, repo_id: str, revision: str | None, hub: str | None = None) -> Self:
        """Look up the commit of a branch, tag or commit, and its files; `hub` is an address, or HF_ENDPOINT's.

        Raises:
            HubError: no such repository or revision, or the hub does not answer.
        """
        hub = hub or constants.ENDPOINT
        with explained(hub, repo_id, revision):
            found = HfApi(hub).model_info(repo_id, revision=revision, files_metadata=True)
        files = [
            RemoteFile(file.rfilename, file.size or 0, file.lfs.sha256 if file.lfs else None, file.blob_id or "")
            for file in found.siblings or ()
        ]
        return cls(hub, repo_id, found.sha or "", {file.path: file for file in files})

    def read_json(self, path: str) -> dict[str, Any]:
        """Read a small file.

        Raises:
            HubError: it cannot be had, or is not the JSON of an object.
        """
        content = io.BytesIO()
        self.download(self.files[path], content, lambda _: None)
        try:
            return dict(json.loads(content.getvalue()))
        except ValueError as error:
            raise HubError(f"{self.id}: {path}: {error}") from error

    def check_header(self, path: str) -> None:
        """Read the beginning of a file of weights, before the rest of it is fetched.

        Raises:
            HubError: it is no safetensors file, whatever its name says, or cannot be had.
        """
        with explained(self.hub, self.id, self.commit):
            try:
                HfApi(self.hub).parse_safetensors_file_metadata(self.id, path, revision=self.commit)
            except (SafetensorsParsingError, UnicodeDecodeError) as error:
                raise HubError(f"{self.id}: {path} is no safetensors file, whatever its name says") from error

    def download(
        self, file: RemoteFile, into: BinaryIO, report: Callable[[int], None], *, begun_bytes: int = 0
    ) -> None:
        """Write a file's bytes, from `begun_bytes` on; `report` hears of each piece how long it is.

        Raises:
            HubError: it cannot be had; what was written stays.
        """
        with explained(self.hub, self.id, self.commit):
            http_get(
                hf_hub_url(self.id, file.path, revision=self.commit, endpoint=self.hub),
                into,
                resume_size=begun_bytes,
                headers=build_hf_headers(),
                expected_size=file.num_bytes,
                displayed_filename=file.path,
                tqdm_class=lambda **_: _Bar(report),  # type: ignore[arg-type]
            )


class _Bar:
    """As much of a progress bar as the library uses."""

    def __init__(self, report: Callable[[int], None]) -> None:
        self.update = report

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        return


@contextlib.contextmanager
def explained(hub: str, repo_id: str, revision: str | None) -> Iterator[None]:
    """Turn the library's errors into HubError."""
    try:
        yield
    except HFValidationError as error:
        raise HubError(f"{repo_id!r} is no id of a repository: it must look like owner/name") from error
    except GatedRepoError as error:
        page = f"{hub}/{repo_id}"
        raise HubError(f"{repo_id} is gated: accept its terms on {page}, then set HF_TOKEN to your token") from error
    except RepositoryNotFoundError as error:
        raise HubError(f"{hub} has no {repo_id}, or it is private: then set HF_TOKEN") from error
    except RevisionNotFoundError as error:
        raise HubError(f"{repo_id} has no revision {revision!r}") from error
    except OfflineModeIsEnabled as error:
        raise HubError("HF_HUB_OFFLINE is set: unset it where there is a network") from error
    except HfHubHTTPError as error:
        reason = error.server_message or error.response.reason_phrase
        raise HubError(f"{hub} answers {error.response.status_code}: {reason}") from error
    except EntryNotFoundError as error:
        raise HubError(f"{repo_id}: {error}") from error
    except httpx2.TransportError as error:
        raise HubError(f"{hub} cannot be reached, or fell silent: {error}") from error
