"""A small server that speaks as the Hugging Face hub does when a file is downloaded."""

import hashlib
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

COMMIT = "0123456789abcdef0123456789abcdef01234567"


@dataclass
class Hub:
    """What the server has, how it misbehaves, and what it was asked."""

    files: dict[str, bytes] = field(default_factory=dict)
    """Contents by ``owner/name/file``."""
    gated: set[str] = field(default_factory=set)
    breaks: list[int] = field(default_factory=list)
    """The next answers break off after so many bytes, one after the other."""
    fails: bool = False
    """Answer every download with status 500."""
    status: int | None = None
    """Answer everything with this status."""
    moved: dict[str, str] = field(default_factory=dict)
    """New names of repositories that were renamed."""
    revisions: set[str] = field(default_factory=lambda: {"main", COMMIT})
    asked: list[tuple[str, str, str | None]] = field(default_factory=list)
    """Method, file and range of each request."""
    paths: list[str] = field(default_factory=list)
    url: str = ""


@contextmanager
def serve() -> Iterator[Hub]:
    """Serve a hub on 127.0.0.1."""
    hub = Hub()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_HEAD(self) -> None:
            answer(hub, self)

        def do_GET(self) -> None:
            answer(hub, self)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    hub.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield hub
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def answer(hub: Hub, request: BaseHTTPRequestHandler) -> None:
    """Answer one request for a file."""
    found = re.fullmatch(r"/([^/]+/[^/]+)/resolve/([^/]+)/([^/?]+)", request.path)
    repository, revision, file = found.groups() if found else ("", "", "")
    wanted = request.headers.get("Range")
    hub.paths.append(request.path)
    hub.asked.append((request.command, f"{repository}/{file}", wanted))
    content = hub.files.get(f"{repository}/{file}")
    if hub.status is not None:
        refuse(request, hub.status, "")
    elif repository in hub.moved:
        refuse(request, 307, "", request.path.replace(repository, hub.moved[repository]))
    elif repository in hub.gated:
        refuse(request, 403, "GatedRepo")
    elif not any(name.startswith(f"{repository}/") for name in hub.files):
        refuse(request, 404, "RepoNotFound")
    elif revision not in hub.revisions:
        refuse(request, 404, "RevisionNotFound")
    elif content is None:
        refuse(request, 404, "EntryNotFound")
    elif hub.fails and request.command == "GET":
        refuse(request, 500, "")
    else:
        send(hub, request, content, int(wanted.removeprefix("bytes=").partition("-")[0]) if wanted else None)


def refuse(request: BaseHTTPRequestHandler, status: int, code: str, location: str = "") -> None:
    """Answer with an error as the hub words it, or with where the repository is now."""
    request.send_response(status)
    if location:
        request.send_header("Location", location)
    request.send_header("X-Error-Code", code)
    request.send_header("Content-Length", "0")
    request.end_headers()


def send(hub: Hub, request: BaseHTTPRequestHandler, content: bytes, start: int | None) -> None:
    """Send a file, or its end, or only its headers."""
    body = content[start or 0 :]
    request.send_response(200 if start is None else 206)
    etag = f'"{hashlib.sha256(content).hexdigest()}"'
    request.send_header("ETag", etag)
    request.send_header("X-Linked-Etag", etag)
    request.send_header("X-Linked-Size", str(len(content)))
    request.send_header("X-Repo-Commit", COMMIT)
    request.send_header("Accept-Ranges", "bytes")
    request.send_header("Content-Length", str(len(body)))
    if start is not None:
        request.send_header("Content-Range", f"bytes {start}-{len(content) - 1}/{len(content)}")
    request.end_headers()
    if request.command == "HEAD":
        return
    if hub.breaks:
        request.wfile.write(body[: hub.breaks.pop(0)])
        request.close_connection = True  # with less than was promised
    else:
        request.wfile.write(body)
