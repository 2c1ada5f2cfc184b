"""Files in the library's own cache (HF_HOME), for models whose entry names a hub's id."""

from __future__ import annotations

from pathlib import Path

from huggingface_hub import constants, hf_hub_download

from models.hub.repository import explained


def cached_file(repo_id: str, path: str, revision: str | None) -> Path:
    """Return a file of a repository, fetched where it is not in the cache or no longer the newest.

    Raises:
        HubError: it is neither in the cache nor to be had.
    """
    with explained(constants.ENDPOINT, repo_id, revision):
        return Path(hf_hub_download(repo_id, path, revision=revision))
