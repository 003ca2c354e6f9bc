"""Somebody who issues tokens: an identity provider with keys of its own, shown at an address."""

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from jwt.algorithms import ECAlgorithm, RSAAlgorithm

NAME, AUDIENCE = "https://login.operator.example", "stayline"


@dataclass
class Issuer:
    """Signs with `keys` by their name; what it shows may be changed."""

    keys: dict[str, Any] = field(default_factory=lambda: {"one": new_rsa()})
    asked: int = 0
    silent: bool = False

    def token(
        self, key: str = "one", algorithm: str = "RS256", *, header: dict[str, Any] | None = None, **claims: Any
    ) -> str:
        """Make a token; a claim given as None is left out."""
        now = int(time.time())
        usual = {"iss": NAME, "aud": AUDIENCE, "sub": "crm", "iat": now, "exp": now + 60, "scope": "subscribers:read"}
        said = {name: value for name, value in (usual | claims).items() if value is not None}
        return jwt.encode(said, self.keys[key], algorithm=algorithm, headers={"kid": key} | (header or {}))

    def shown(self) -> bytes:
        return json.dumps({"keys": [{**_public(key), "kid": name} for name, key in self.keys.items()]}).encode()


def new_rsa(bits: int = 2048) -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(65537, bits)


def new_ec() -> ec.EllipticCurvePrivateKey:
    return ec.generate_private_key(ec.SECP256R1())


def _public(key: Any) -> dict[str, Any]:
    algorithm = RSAAlgorithm if isinstance(key, rsa.RSAPrivateKey) else ECAlgorithm
    shown: dict[str, Any] = algorithm.to_jwk(key.public_key(), as_dict=True)
    return shown


@contextmanager
def showing(issuer: Issuer) -> Iterator[str]:
    """Show an issuer's keys at an address, which is yielded."""

    class Page(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            issuer.asked += 1
            body = issuer.shown()
            self.send_response(500 if issuer.silent else 200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Page) as page:
        threading.Thread(target=page.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{page.server_port}/keys"
        page.shutdown()
