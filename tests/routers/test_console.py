"""The console's files: open to all, guarded by what the browser is told, and nothing but files of the console."""

import re
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

import app
from app.settings import Settings
from tests.conftest import serving
from tests.factories.answers import problem
from tests.service import Service, client_of

FILES = {path.name: path.read_bytes() for path in (Path(app.__file__).parent / "console").iterdir()}
IMPORTED = re.compile(r"""(?m)^import (?:.* from )?"\./([^"]+)";$""")


@pytest.fixture
def anybody(service: Service) -> Iterator[httpx.Client]:
    with client_of(service.base_url) as client:
        yield client


def policy(answer: httpx.Response) -> dict[str, str]:
    rules = (rule.strip().partition(" ") for rule in answer.headers["content-security-policy"].split(";"))
    return {name: value for name, _, value in rules}


def test_the_console_leads_to_its_page(anybody: httpx.Client) -> None:
    led = anybody.get("/console")

    assert led.status_code == 308
    assert led.headers["location"] == "console/"
    page = anybody.get("/console/")
    assert page.status_code == 200
    assert page.headers["content-type"] == "text/html; charset=utf-8"
    assert page.content == anybody.get("/console/index.html").content


@pytest.mark.parametrize(("name", "type"), [("api.js", "text/javascript"), ("theme.css", "text/css")])
def test_a_file_has_its_type_and_is_not_guessed_at(anybody: httpx.Client, name: str, type: str) -> None:
    file = anybody.get(f"/console/{name}")

    assert file.headers["content-type"] == f"{type}; charset=utf-8"
    assert file.headers["x-content-type-options"] == "nosniff"
    assert file.headers["referrer-policy"] == "no-referrer"


def test_only_files_of_ours_run_and_nobody_else_may_frame_the_page(anybody: httpx.Client) -> None:
    told = policy(anybody.get("/console/"))

    assert told["default-src"] == "'none'"
    assert told["script-src"] == told["style-src"] == told["connect-src"] == "'self'"
    assert told["base-uri"] == "'none'"
    assert told["require-trusted-types-for"] == "'script'"
    assert told["frame-ancestors"] == "'self'"


def test_those_whom_the_settings_name_may_frame_the_page(settings: Settings) -> None:
    named = ["https://crm.example", "http://desk.example:8080"]
    told = Settings.model_validate(settings.model_dump() | {"frame_ancestors": named})
    with serving(told) as running:
        answer = running.client.get("/console/")

    assert policy(answer)["frame-ancestors"] == "'self' https://crm.example http://desk.example:8080"


def test_a_file_that_is_known_is_not_sent_again(anybody: httpx.Client) -> None:
    first = anybody.get("/console/api.js")
    again = anybody.get("/console/api.js", headers={"If-None-Match": first.headers["etag"]})

    assert first.headers["cache-control"] == "no-cache"
    assert again.status_code == 304
    assert not again.content
    assert anybody.get("/console/dom.js").headers["etag"] != first.headers["etag"]


def test_a_file_is_zipped_for_whom_that_suits(anybody: httpx.Client) -> None:
    plain = anybody.get("/console/api.js", headers={"Accept-Encoding": "identity"})
    zipped = anybody.get("/console/api.js", headers={"Accept-Encoding": "gzip"})

    assert "content-encoding" not in plain.headers
    assert zipped.headers["content-encoding"] == "gzip"
    assert zipped.headers["vary"] == plain.headers["vary"] == "Accept-Encoding"
    assert zipped.content == plain.content
    assert int(zipped.headers["content-length"]) < int(plain.headers["content-length"])


def test_a_head_tells_what_a_get_would(anybody: httpx.Client) -> None:
    told = anybody.head("/console/api.js")

    assert told.status_code == 200
    assert not told.content
    assert told.headers["etag"] == anybody.get("/console/api.js").headers["etag"]


@pytest.mark.parametrize(
    "name",
    ["nothing.js", "../main.py", "..%2fmain.py", "%2e%2e/settings.py", "/etc/passwd", "__init__.py", "a" * 65, "%00"],
)
def test_no_other_file_is_to_be_had(service: Service, name: str) -> None:
    url = httpx.URL(service.base_url).copy_with(raw_path=f"/console/{name}".encode())
    answer = httpx.get(url)

    assert answer.status_code in {404, 422}
    problem(answer, answer.status_code)
    assert "frame-ancestors 'none'" in answer.headers["content-security-policy"]


def test_metrics_know_the_console_by_one_name(anybody: httpx.Client) -> None:
    anybody.get("/console/api.js")
    anybody.get("/console/nobody-knows-this-one.js")
    shown = anybody.get("/metrics").text

    assert 'route="/console/{name:path}"' in shown
    assert "nobody-knows" not in shown


def test_the_console_is_no_part_of_the_api(api: httpx.Client) -> None:
    assert not [path for path in api.get("/openapi.json").json()["paths"] if path.startswith("/console")]


def test_every_file_of_the_console_is_served(anybody: httpx.Client) -> None:
    assert len(FILES) > 20
    assert {name for name in FILES if anybody.get(f"/console/{name}").content != FILES[name]} == set()


@pytest.mark.parametrize("page", ["index.html", "card.html", "manager.html"])
def test_a_page_names_beforehand_all_that_it_will_load(page: str) -> None:
    """So that the browser asks for all of it at once, and for nothing else."""
    text = FILES[page].decode()
    [script] = re.findall('<script type="module" src="([^"]+)"', text)
    needed = {script}
    while more := {name for file in needed for name in IMPORTED.findall(FILES[file].decode())} - needed:
        needed |= more

    assert set(re.findall('<link rel="modulepreload" href="([^"]+)"', text)) == needed - {script}
