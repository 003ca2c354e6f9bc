"""The console: static pages that use the public API as any other client does. Open to all: they hold no data."""

import gzip
import hashlib
from importlib.resources import files
from typing import Annotated, Final, NamedTuple

from fastapi import APIRouter, Path, Request
from fastapi.responses import RedirectResponse
from starlette.responses import Response

from app.errors import NotFound
from app.routers.deps import ResourcesDep
from app.schemas.base import SafeStr

router = APIRouter(include_in_schema=False)

_TYPES: Final = {
    "html": "text/html; charset=utf-8",
    "css": "text/css; charset=utf-8",
    "js": "text/javascript; charset=utf-8",
    "svg": "image/svg+xml",
}
# Scripts and styles are files of ours, never text in a page; and no text may become markup or script.
_POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; "
    "frame-src 'self'; base-uri 'none'; form-action 'self'; require-trusted-types-for 'script'; trusted-types 'none'; "
    "frame-ancestors 'self'"
)


class PageNotFound(NotFound):
    """There is no such page."""


class _File(NamedTuple):
    content: bytes
    zipped: bytes
    type: str
    etag: str


def _read() -> dict[str, _File]:
    """Read all files once: they are few and small, and what is looked up by its name cannot lead out of its folder."""
    found = {}
    for entry in (files("app") / "console").iterdir():
        if media_type := _TYPES.get(entry.name.rpartition(".")[2]):
            content = entry.read_bytes()
            etag = f'W/"{hashlib.sha256(content).hexdigest()[:32]}"'  # weak: zipped or not, it means the same
            found[entry.name] = _File(content, gzip.compress(content, mtime=0), media_type, etag)
    return found


_FILES: Final = _read()


@router.get("/console")
async def lead_to_console() -> RedirectResponse:
    return RedirectResponse("console/", 308)  # relative, so that it holds behind a proxy's prefix, too


@router.api_route("/console/{name:path}", methods=["GET", "HEAD"])
async def get_console_file(
    name: Annotated[SafeStr, Path(max_length=64)], request: Request, resources: ResourcesDep
) -> Response:
    file = _FILES.get(name or "index.html")
    if file is None:
        raise PageNotFound("the console has no page of this name")
    headers = {
        "ETag": file.etag,
        "Vary": "Accept-Encoding",
        "Cache-Control": "no-cache",  # kept, and asked about each time: a new version is seen at once
        "Content-Security-Policy": " ".join([_POLICY, *resources.settings.frame_ancestors]),
    }
    if file.etag in request.headers.get("if-none-match", ""):
        return Response(status_code=304, headers=headers)
    if "gzip" in request.headers.get("accept-encoding", ""):
        return Response(file.zipped, headers=headers | {"Content-Encoding": "gzip"}, media_type=file.type)
    return Response(file.content, headers=headers, media_type=file.type)
