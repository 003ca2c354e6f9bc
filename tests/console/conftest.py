"""A real browser on a real service: one of each a worker, and a CRM on another origin.

Tests are coroutines that run on one loop of their own. The browser's blocking interface would leave a running loop
behind in the worker's thread, on which nothing else could run.
"""

import asyncio
import inspect
import shutil
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from contextlib import asynccontextmanager
from typing import Any, TypeVar

import pytest
from playwright.async_api import Browser, Page, async_playwright

from tests.conftest import make_settings, serving
from tests.console.crm import Crm, crm_serving
from tests.console.screen import Desk, watched
from tests.factories.dictionary import lay_dictionary
from tests.factories.forwarder import forwarding

ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
Result = TypeVar("Result")
Run = Callable[[Coroutine[Any, Any, Result]], Result]


def find_chromium() -> str | None:
    names = ("chromium", "chromium-browser", "google-chrome")
    return next((path for name in names if (path := shutil.which(name))), None)


@pytest.fixture(scope="session")
def run() -> Iterator[Run[Any]]:
    loop = asyncio.new_event_loop()
    yield loop.run_until_complete
    loop.close()


@pytest.hookimpl(tryfirst=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> bool | None:
    """Run a test that is a coroutine on the loop that its browser lives on."""
    if not asyncio.iscoroutinefunction(pyfuncitem.obj):
        return None
    names = inspect.signature(pyfuncitem.obj).parameters
    test = pyfuncitem.obj(**{name: pyfuncitem.funcargs[name] for name in names})
    run: Any = pyfuncitem.funcargs["run"]
    run(test)
    return True


@pytest.fixture(scope="session")
def crm() -> Iterator[Crm]:
    with crm_serving() as serving_crm:
        yield serving_crm


@pytest.fixture(scope="session")
def desk(crm: Crm, new_database: Callable[[str], str], models_dir: Any, worker_id: str) -> Iterator[Desk]:
    """The service that the browser meets, over a road to its store that can be closed; the CRM may embed it."""
    with forwarding(new_database(f"console_{worker_id}")) as road:
        road.open()
        embedded = {"allowed_origins": [crm.origin], "frame_ancestors": [crm.origin]}
        settings = make_settings(road.database_url, models_dir, **embedded)
        lay_dictionary(settings)
        with serving(settings) as running:
            yield Desk(running, road, crm)


@pytest.fixture(scope="session")
def browser(run: Run[Any]) -> Iterator[Browser]:
    chromium = find_chromium()
    if chromium is None:
        pytest.skip("there is no chromium on this machine: apt-get install chromium")
    opened = _browser(chromium)
    yield run(opened.__aenter__())
    run(opened.__aexit__(None, None, None))


@asynccontextmanager
async def _browser(chromium: str) -> AsyncIterator[Browser]:
    async with async_playwright() as playwright:
        found = await playwright.chromium.launch(executable_path=chromium, args=ARGUMENTS)
        yield found
        await found.close()


@pytest.fixture
def page(browser: Browser, run: Run[Any]) -> Iterator[Page]:
    """A page of nobody's before, on which nothing may fail that the test did not expect."""
    opened = _page(browser)
    yield run(opened.__aenter__())
    run(opened.__aexit__(None, None, None))


@asynccontextmanager
async def _page(browser: Browser) -> AsyncIterator[Page]:
    context = await browser.new_context(viewport={"width": 1280, "height": 900}, locale="en-GB", timezone_id="UTC")
    context.set_default_timeout(5_000)
    found = await context.new_page()
    faults = watched(found)
    yield found
    await context.close()
    assert not faults
