"""A model hub on loopback: of the hub's API what a client needs to make a repository and commit files to it.

    with HubServer() as hub:
        hub.tokens["hf_jane"] = "jane"
        ...  # push to hub.url
        assert hub.repositories["jane/tiny"].files["README.md"] == b"…"

Small files come in the commit itself, safetensors and GGUF by the LFS protocol, as on the real one.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
import threading
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self

_LARGE = (".safetensors", ".gguf")
_WRITING = re.compile(
    r"/(?:api/models/)?([^/]+/[^/]+?)(\.git/info/lfs/objects/batch|/(?:preupload|commit)/main)"
)
# Some of the licences that the hub knows by name.
_LICENCES = ("apache-2.0", "mit", "llama3.1", "gemma", "unknown", "other")


@dataclass
class Repository:
    """What a repository holds, and each commit's message."""

    private: bool
    files: dict[str, bytes] = field(default_factory=lambda: {".gitattributes": b"*.safetensors lfs"})
    commits: list[str] = field(default_factory=list)


class HubServer:
    """tokens: whose each is; an owner's own repositories may be written to. cut: how many more uploads break
    off in the middle. uploads: the sizes of large files that arrived whole. paths: what was asked."""

    def __init__(self) -> None:
        self.tokens: dict[str, str] = {}
        self.repositories: dict[str, Repository] = {}
        self.large: dict[str, bytes] = {}
        self.uploads: list[int] = []
        self.paths: list[str] = []
        self.cut = 0
        outer = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                outer._answer(self)

            def do_HEAD(self) -> None:
                outer._answer(self)

            def do_POST(self) -> None:
                outer._answer(self)

            def do_PUT(self) -> None:
                outer._answer(self)

            def log_message(self, format: str, *args: Any) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_port}"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.server_close()

    def _answer(self, request: BaseHTTPRequestHandler) -> None:
        path = request.path.partition("?")[0]
        self.paths.append(f"{request.command} {path}")
        body = request.rfile.read(int(request.headers.get("Content-Length") or 0))
        if found := re.fullmatch(r"/lfs/(\w+)", path):
            self._take(request, found[1], body)
            return
        user = self.tokens.get((request.headers.get("Authorization") or "").removeprefix("Bearer "))
        if user is None:
            _send(request, 401, {"error": "Invalid credentials"})
        elif path == "/api/whoami-v2":
            _send(request, 200, {"name": user, "type": "user", "orgs": []})
        elif path == "/api/repos/create":
            self._create(request, user, json.loads(body))
        elif found := re.fullmatch(r"/api/models/([^/]+/[^/]+)(?:/revision/main)?", path):
            self._tell(request, found[1])
        elif path == "/api/validate-yaml":
            _send(request, 200, {"errors": _faults(json.loads(body)["content"]), "warnings": []})
        elif found := _WRITING.fullmatch(path):
            if found[1].partition("/")[0] != user:
                _send(request, 403, {"error": "You don't have the rights"})
            else:
                work = {".": self._batch, "p": self._sort, "c": self._commit}[found[2].strip("/")[0]]
                work(request, found[1], body)
        elif found := re.fullmatch(r"/([^/]+/[^/]+)/resolve/main/(.+)", path):
            self._give(request, self.repositories[found[1]].files[found[2]])
        else:
            _send(request, 404, {"error": "not here"})

    def _create(self, request: BaseHTTPRequestHandler, user: str, asked: dict[str, Any]) -> None:
        owner = asked.get("organization") or user
        name = f"{owner}/{asked['name']}"
        if owner != user:
            _send(request, 403, {"error": f"You don't have the rights to create a model under {owner}"})
        elif name in self.repositories:
            _send(request, 409, {"error": "You already created this model repo"})
        else:
            is_private = asked.get("visibility") == "private" or bool(asked.get("private"))
            self.repositories[name] = Repository(is_private)
            _send(request, 200, {"url": f"{self.url}/{name}", "name": name, "id": "1"})

    def _tell(self, request: BaseHTTPRequestHandler, name: str) -> None:
        there = self.repositories.get(name)
        if there is None:
            _send(request, 404, {"error": "Repository not found"}, {"X-Error-Code": "RepoNotFound"})
            return
        siblings = [{"rfilename": path} for path in there.files]
        told = {"_id": "1", "id": name, "modelId": name, "private": there.private, "siblings": siblings}
        _send(request, 200, {**told, "sha": "0" * 40, "tags": [], "downloads": 0, "likes": 0})

    def _sort(self, request: BaseHTTPRequestHandler, name: str, body: bytes) -> None:
        files = self.repositories[name].files
        told = []
        for one in json.loads(body)["files"]:
            is_large = one["path"].endswith(_LARGE)
            there = files.get(one["path"])
            oid = None if there is None else _oid(there, is_large)
            mode = "lfs" if is_large else "regular"
            told.append({"path": one["path"], "uploadMode": mode, "shouldIgnore": False, "oid": oid})
        _send(request, 200, {"files": told})

    def _batch(self, request: BaseHTTPRequestHandler, name: str, body: bytes) -> None:
        told = []
        for one in json.loads(body)["objects"]:
            action = {"upload": {"href": f"{self.url}/lfs/{one['oid']}"}}
            told.append({**one, **({} if one["oid"] in self.large else {"actions": action})})
        _send(request, 200, {"transfer": "basic", "objects": told})

    def _take(self, request: BaseHTTPRequestHandler, oid: str, body: bytes) -> None:
        if self.cut:
            self.cut -= 1
            request.close_connection = True
            request.connection.close()
            return
        if hashlib.sha256(body).hexdigest() != oid:
            _send(request, 400, {"error": "another file"})
            return
        self.large[oid] = body
        self.uploads.append(len(body))
        _send(request, 200, {})

    def _commit(self, request: BaseHTTPRequestHandler, name: str, body: bytes) -> None:
        there = self.repositories[name]
        for line in body.decode().splitlines():
            entry = json.loads(line)
            value = entry["value"]
            if entry["key"] == "header":
                there.commits.append(value["summary"])
            elif entry["key"] == "file":
                there.files[value["path"]] = base64.b64decode(value["content"])
            elif entry["key"] == "lfsFile":
                there.files[value["path"]] = self.large[value["oid"]]
            elif entry["key"] == "deletedFile":
                del there.files[value["path"]]
        oid = f"{len(there.commits):040x}"
        _send(request, 200, {"commitUrl": f"{self.url}/{name}/commit/{oid}", "commitOid": oid})

    def _give(self, request: BaseHTTPRequestHandler, content: bytes) -> None:
        headers = {"ETag": f'"{_oid(content, False)}"', "X-Repo-Commit": "0" * 40}
        request.send_response(200)
        for name, value in {**headers, "Content-Length": str(len(content))}.items():
            request.send_header(name, value)
        request.end_headers()
        if request.command != "HEAD":
            request.wfile.write(content)


def _faults(card: str) -> list[dict[str, str]]:
    """Return what the hub refuses of a card's front matter."""
    fields = dict(re.findall(r"^(license|base_model): (.*)$", card.split("---\n")[1], re.MULTILINE))
    faults = [] if fields["license"] in _LICENCES else ['"license" must be one of those that are known']
    if not re.fullmatch(r"[\w.-]+(/[\w.-]+)?", fields["base_model"]):
        faults.append('"base_model" must be the name of a model')
    return [{"message": fault} for fault in faults]


def _oid(content: bytes, is_large: bool) -> str:
    if is_large:
        return hashlib.sha256(content).hexdigest()
    return hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest()


def _send(
    request: BaseHTTPRequestHandler, status: int, plain: Any, headers: dict[str, str] | None = None
) -> None:
    body = json.dumps(plain).encode()
    request.send_response(status)
    for name, value in {**(headers or {}), "Content-Type": "application/json"}.items():
        request.send_header(name, value)
    request.send_header("Content-Length", str(len(body)))
    request.end_headers()
    if request.command != "HEAD":
        request.wfile.write(body)
