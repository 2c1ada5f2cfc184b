"""Where finished images lie and how clients reach them: one contract, kept by files and by S3."""

from __future__ import annotations

from app.settings import Settings
from app.storage.contract import ObjectStore, content_type_of, folder_of_job

__all__ = ["ObjectStore", "content_type_of", "folder_of_job", "open_store"]


def open_store(settings: Settings) -> ObjectStore:
    """Open the store that the settings name; S3 is contacted only to make the bucket, where the settings say so.

    Raises:
        StorageUnavailable: the data folder cannot be used, or the bucket cannot be made.
    """
    if settings.storage == "s3":
        from app.storage.s3 import S3Store  # noqa: PLC0415  boto3 takes half a second to import

        store = S3Store(settings)
        if settings.s3_create_bucket:
            store.create_bucket()
        return store
    from app.storage.files import FileStore  # noqa: PLC0415  beside its sibling

    return FileStore.open(settings.data_dir, settings.url_secret)
