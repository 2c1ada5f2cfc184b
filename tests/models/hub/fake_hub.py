"""A Hugging Face hub on loopback with the repositories of a test: the addresses that a download needs.

It answers as the hub does: file lists with sizes and digests, ETag and X-Repo-Commit, redirects, ranges, X-Error-Code.
"""

import hashlib
import http.server
import json
import threading
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import unquote, urlsplit

from huggingface_hub.utils.sha import git_hash

LARGE_FILES = (".safetensors", ".bin")  # by git-lfs: listed with a SHA-256
TOKEN = "hf_fake"


@dataclass
class FakeRepository:
    """Files at one commit, which the branch `main` leads to."""

    files: dict[str, bytes]
    commit: str = "0123456789abcdef0123456789abcdef01234567"
    gated: bool = False
    listed_sizes: dict[str, int] = field(default_factory=dict)  # where the list is to lie

    @classmethod
    def of(cls, folder: Path, **options) -> "FakeRepository":
        """Take the files of a folder."""
        paths = [path for path in folder.rglob("*") if path.is_file()]
        return cls({path.relative_to(folder).as_posix(): path.read_bytes() for path in paths}, **options)

    def description(self, repo_id: str) -> dict:
        """Describe itself as `/api/models/ID?blobs=true` does."""
        return {
            "id": repo_id,
            "sha": self.commit,
            "gated": self.gated,
            "siblings": list(map(self._sibling, self.files)),
        }

    def _sibling(self, path: str) -> dict:
        content = self.files[path]
        size = self.listed_sizes.get(path, len(content))
        listed = {"rfilename": path, "size": size, "blobId": git_hash(content)}
        if path.endswith(LARGE_FILES):
            listed["lfs"] = {"size": size, "sha256": hashlib.sha256(content).hexdigest(), "pointerSize": 130}
        return listed


class FakeHub(http.server.ThreadingHTTPServer):
    """Serves `repositories`, and remembers of each file asked for from which byte on."""

    daemon_threads = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), _Answers)
        self.repositories: dict[str, FakeRepository] = {}
        self.served: list[tuple[str, str]] = []  # path and range
        threading.Thread(target=self.serve_forever, args=(0.02,), daemon=True).start()

    @property
    def url(self) -> str:
        """Its address, for HF_ENDPOINT."""
        return f"http://127.0.0.1:{self.server_port}"

    def stop(self) -> None:
        """Answer nobody any more."""
        self.shutdown()
        self.server_close()


class _Answers(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: FakeHub

    def do_GET(self) -> None:
        """Route to a description or a file."""
        parts = [unquote(part) for part in urlsplit(self.path).path.strip("/").split("/")]
        if parts[:2] == ["api", "models"]:
            self._describe("/".join(parts[2:4]), *parts[5:6])
        elif parts[0] == "storage":
            self._serve("/".join(parts[3:]), self.server.repositories["/".join(parts[1:3])])
        elif parts[2:3] == ["resolve"]:
            self._resolve("/".join(parts[:2]), parts[3], "/".join(parts[4:]))
        else:  # such as the library's own registries
            self._refuse(404, "EntryNotFound", "Not found")

    do_HEAD = do_GET  # noqa: N815 - http.server's own spelling

    def _describe(self, repo_id: str, revision: str = "main") -> None:
        if (found := self._find(repo_id, revision)) is not None:
            self._send(200, json.dumps(found.description(repo_id)).encode(), {"Content-Type": "application/json"})

    def _resolve(self, repo_id: str, revision: str, path: str) -> None:
        found = self._find(repo_id, revision)
        if found is None:
            return
        if found.gated and self.headers.get("authorization") != f"Bearer {TOKEN}":
            self._refuse(401, "GatedRepo", f"Access to model {repo_id} is restricted.")
        elif path not in found.files:
            self._refuse(404, "EntryNotFound", "Entry not found")
        elif path.endswith(LARGE_FILES):  # lies elsewhere
            headers = {"X-Repo-Commit": found.commit, "X-Linked-Size": str(len(found.files[path]))}
            tag = hashlib.sha256(found.files[path]).hexdigest()
            self._send(302, b"", headers | {"X-Linked-ETag": f'"{tag}"', "Location": f"/storage/{repo_id}/{path}"})
        else:
            self._serve(path, found)

    def _find(self, repo_id: str, revision: str) -> FakeRepository | None:
        found = self.server.repositories.get(repo_id)
        if found is None:
            self._refuse(401, "RepoNotFound", "Invalid username or password.")
        elif revision not in {"main", found.commit}:
            self._refuse(404, "RevisionNotFound", "Invalid rev id")
            return None
        return found

    def _serve(self, path: str, repository: FakeRepository) -> None:
        content, asked = repository.files[path], self.headers.get("range", "")
        self.server.served.append((path, asked))
        headers = {"ETag": f'"{git_hash(content)}"', "X-Repo-Commit": repository.commit, "Accept-Ranges": "bytes"}
        if not asked:
            self._send(200, content, headers)
            return
        first, _, last = asked.removeprefix("bytes=").partition("-")
        piece = content[int(first) : int(last) + 1 if last else None]
        headers["Content-Range"] = f"bytes {first}-{int(first) + len(piece) - 1}/{len(content)}"
        self._send(206, piece, headers)

    def _refuse(self, status: int, code: str, message: str) -> None:
        self._send(status, b"", {"X-Error-Code": code, "X-Error-Message": message})

    def _send(self, status: int, body: bytes, headers: dict[str, str]) -> None:
        self.send_response(status)
        for name, value in {**headers, "Content-Length": str(len(body))}.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(body)

    def log_message(self, *_arguments) -> None:
        """Be quiet."""
