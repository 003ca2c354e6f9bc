"""The agent's own page: signing in, finding, what there is to do."""

import re

import httpx
import pytest
from playwright.async_api import Page, Request, expect

from tests.console.people import PROFILE, leaver
from tests.console.screen import Desk, barriers, kept_in, open_card, open_page, texts
from tests.factories.contacts import call, moments_ago
from tests.factories.runs import score_base


@pytest.fixture
def scored(desk: Desk) -> Desk:
    leaver(desk.api)
    score_base(desk.api, desk.service.settings)
    return desk


async def test_a_key_signs_in_and_stays_in_its_tab(page: Page, desk: Desk) -> None:
    asked: list[Request] = []
    page.on("request", kept_in(asked))
    await page.goto(desk.url)
    assert await barriers(page) == []
    await page.get_by_label("API key").fill("sl_0_not_a_key")
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("alert")).to_have_text("This key is not known or has expired.")
    await page.get_by_label("API key").fill(desk.service.key)
    await page.keyboard.press("Enter")
    await expect(page.locator(".list").first).to_be_visible()
    await expect(page.locator("churn-card .state")).to_contain_text("No subscriber was chosen")
    assert await barriers(page) == []

    assert not [request.url for request in asked if desk.service.key in request.url]
    assert await page.evaluate("localStorage.length") == 0
    assert await page.evaluate("document.cookie") == ""
    await page.get_by_role("button", name="Sign out").click()
    await expect(page.get_by_label("API key")).to_be_visible()
    assert await page.evaluate("sessionStorage.length") == 0


async def test_a_phone_is_searched_for_and_stands_in_no_address(page: Page, desk: Desk) -> None:
    phone = "+8613911223344"
    id = leaver(desk.api, contact=PROFILE["contact"] | {"phone": phone})
    asked: list[Request] = []
    await open_card(page, desk, leaver(desk.api))
    page.on("request", kept_in(asked))
    await page.locator("#search input").fill("+86 139-1122 3344")
    await page.keyboard.press("Enter")

    await expect(page.locator("churn-card h2")).to_have_text(id)
    assert not [request.url for request in asked if "1122" in request.url]
    assert phone not in await page.content()


async def test_several_found_are_walked_by_arrows(page: Page, desk: Desk) -> None:
    ids = [leaver(desk.api) for _ in range(2)]
    await open_card(page, desk, ids[0])
    await page.locator("#search input").fill("sub-")
    await page.keyboard.press("Enter")
    await expect(page.locator(".results button").first).to_be_focused()
    assert await barriers(page) == []
    await page.keyboard.press("ArrowDown")
    wanted = await page.locator(".results button strong").nth(1).inner_text()
    await page.keyboard.press("Enter")

    await expect(page.locator("churn-card h2")).to_have_text(wanted)


async def test_nobody_found_is_said_with_what_to_do(page: Page, desk: Desk) -> None:
    await open_card(page, desk, leaver(desk.api))
    for wanted in ("nobody-of-this-name", "not an id!", "+1"):
        await page.locator("#search input").fill(wanted)
        await page.keyboard.press("Enter")
        await expect(page.locator(".results .empty")).to_contain_text("Nobody was found")


async def test_a_likely_leaver_is_found_from_the_list(page: Page, scored: Desk) -> None:
    await open_page(page, scored)
    first = page.locator(".leavers a").first
    id = await first.locator(".id").inner_text()
    await expect(first).to_contain_text("Months with us →")
    await first.click()

    await expect(page.locator("churn-card h2")).to_have_text(id)
    await expect(page.locator("churn-card .choice").first).to_be_visible()


async def test_my_tasks_are_mine_and_are_done_here(page: Page, desk: Desk) -> None:
    for agent in ("lin", "bo"):
        wish = call(leaver(desk.api), need="leave", agent_id=agent, occurred_at=moments_ago(days=2))
        desk.api.post("/v1/interactions", json=wish).raise_for_status()
    await open_page(page, desk, agent="lin")
    mine = page.locator(".tasks li")
    await expect(mine).to_have_count(1)
    assert await texts(mine.locator(".told")) == ["Follow-up: Wants to leave"]
    assert await barriers(page) == []
    await mine.get_by_role("button").click()

    await expect(page.locator(".tasks li")).to_have_count(0)
    assert _open_tasks(desk.api, "lin") == 0
    assert _open_tasks(desk.api, "bo") == 1


def _open_tasks(api: httpx.Client, owner: str) -> int:
    return len(api.get("/v1/tasks", params={"owner": owner, "status": "open"}).json()["items"])


async def test_single_keys_can_be_switched_off(page: Page, desk: Desk) -> None:
    await open_card(page, desk, leaver(desk.api))
    await page.keyboard.press("?")
    assert await barriers(page) == []
    await page.get_by_label("Single keys work on the whole page").uncheck()
    await page.keyboard.press("Escape")
    await page.locator("body").click(position={"x": 2, "y": 2})
    await page.keyboard.press("?")

    await expect(page.locator("dialog")).to_have_count(0)


async def test_the_page_speaks_both_languages(page: Page, desk: Desk) -> None:
    card = await open_card(page, desk, leaver(desk.api))
    await page.get_by_label("Language").select_option("zh-CN")

    await expect(page).to_have_title("Stayline 工作台")
    await expect(card.locator("#risk-title")).to_have_text("离网风险")
    await expect(card.locator(".drivers")).to_contain_text("在网月数")
    assert await page.locator("html").get_attribute("lang") == "zh-CN"
    assert await barriers(page) == []


async def test_every_sentence_is_there_in_both_languages(page: Page, desk: Desk) -> None:
    await page.goto(f"{desk.url}card.html")
    messages: dict[str, dict[str, str]] = await page.evaluate("import('./messages.js').then((file) => file.MESSAGES)")
    english, chinese = messages["en"], messages["zh-CN"]

    assert english.keys() == chinese.keys()
    assert {name for name in english if places(english[name]) != places(chinese[name])} == set()


def places(sentence: str) -> list[str]:
    return sorted(re.findall(r"{\w+}", sentence))


async def test_what_was_typed_of_one_is_there_again_after_another(page: Page, desk: Desk) -> None:
    one, other = (leaver(desk.api) for _ in range(2))
    card = await open_card(page, desk, one)
    reason = card.get_by_label("Why did they contact us?")
    await reason.fill("The bill rose again")
    await page.evaluate(f"location.hash = '{other}'")
    await expect(card.locator("h2")).to_have_text(other)
    await expect(reason).to_have_value("")
    await page.evaluate(f"location.hash = '{one}'")
    await expect(card.locator("h2")).to_have_text(one)

    await expect(reason).to_have_value("The bill rose again")


async def test_what_an_agent_logs_bears_their_name(page: Page, desk: Desk) -> None:
    id = leaver(desk.api)
    card = await open_page(page, desk, agent="mei")
    await page.evaluate(f"location.hash = '{id}'")
    await card.get_by_label("Why did they contact us?").fill("The bill rose again")
    await card.get_by_label("What do they want?").fill("A cheaper plan")
    await card.get_by_role("button", name="Save").click()

    await expect(card.get_by_role("status")).to_have_text("Saved. It stands in the history.")
    [contact] = desk.api.get("/v1/interactions", params={"subscriber_id": id}).json()["items"]
    assert contact["agent_id"] == "mei"
