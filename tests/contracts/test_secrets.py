"""No secret stands in the repository: no key of ours, no private key, no password in an address."""

import re
import subprocess
from pathlib import Path

from tests.contracts.repository import ROOT

SECRETS = {
    "an API key": re.compile(rb"sl_[A-Za-z0-9]{8}_[A-Za-z0-9_-]{43}"),
    "a private key": re.compile(rb"-----BEGIN [A-Z ]*PRIVATE KEY-----"),
    "a token": re.compile(rb"eyJ[A-Za-z0-9_-]{10,}\.eyJ[A-Za-z0-9_-]{10,}\."),
    "a cloud's key": re.compile(rb"\b(AKIA|ASIA)[A-Z0-9]{16}\b|\bgh[pousr]_[A-Za-z0-9]{36}\b"),
    "a password in an address": re.compile(
        rb"postgres(?:ql)?(?:\+\w+)?://[\w.-]+:(?!password|\$|secret|p)[^@\s/{]{4,}@"
    ),
    "32 random bytes": re.compile(rb"(?<![A-Za-z0-9+/=_-])[A-Za-z0-9+/]{43}=(?![A-Za-z0-9+/=])"),
}
MADE_UP = {"a password in an address", "a token"}  # by tests


def committed() -> list[Path]:
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, check=True, capture_output=True).stdout
    return [ROOT / name for name in listed.decode().split("\0") if name]


def test_no_secret_is_committed() -> None:
    files = committed()
    assert len(files) > 300
    found = [
        f"{what} in {path.relative_to(ROOT)}"
        for path in files
        if path.is_file() and path.name != Path(__file__).name
        for what, pattern in SECRETS.items()
        if pattern.search(path.read_bytes()) and not (what in MADE_UP and ROOT / "tests" in path.parents)
    ]
    assert found == []


def test_this_check_knows_a_secret() -> None:
    shapes = {
        "an API key": b"sl_12345678_" + b"a" * 43,
        "a private key": b"-----BEGIN RSA PRIVATE KEY-----",
        "a token": b"eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJjcm0ifQ.abc",
        "a cloud's key": b"AKIA" + b"Q" * 16,
        "a password in an address": b"postgresql://stayline:hunter22@store/stayline",
        "32 random bytes": b"key: " + b"A" * 43 + b"=",
    }
    assert {what for what, shape in shapes.items() if SECRETS[what].search(shape)} == SECRETS.keys()
