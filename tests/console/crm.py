"""A CRM of somebody else's: pages on an origin of its own, into which the card is put."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Crm:
    def __init__(self, port: int) -> None:
        self.origin = f"http://localhost:{port}"
        self.pages: dict[str, str] = {}

    def put(self, name: str, body: str) -> str:
        """Lay a page out, and return its address."""
        self.pages[f"/{name}"] = (
            f"<!doctype html><html lang=en><title>CRM</title><main><h1>CRM</h1>{body}</main></html>"
        )
        return f"{self.origin}/{name}"


@contextmanager
def crm_serving() -> Iterator[Crm]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            page = crm.pages.get(self.path)
            self.send_response(200 if page else 404)
            self.send_header("Content-Type", "text/html; charset=utf-8")
            self.end_headers()
            self.wfile.write((page or "").encode())

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        crm = Crm(server.server_port)
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield crm
        server.shutdown()
        thread.join()
