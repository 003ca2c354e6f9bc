"""Every state of the card says what is the matter and what to do next; what may not be told is not there."""

import asyncio
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.async_api import BrowserContext, Page, Route, expect

from tests.conftest import make_key
from tests.console.people import leaver, with_a_past
from tests.console.screen import Desk, barriers, open_card, open_page, sign_in
from tests.factories.subscribers import LEAVING, subscriber


@pytest.fixture
def away(desk: Desk) -> Iterator[Desk]:
    """A desk whose store may be taken away, and comes back after the test."""
    yield desk
    desk.road.open()
    assert desk.api.get("/readyz/store").status_code == 200


@pytest.fixture
def held_out(desk: Desk) -> Iterator[str]:
    rules: dict[str, Any] = desk.api.get("/v1/policy").json()
    rules = {name: value for name, value in rules.items() if name not in {"version", "published_at"}}
    desk.api.put("/v1/policy", json=rules | {"holdout_share": 0.999999}).raise_for_status()
    yield leaver(desk.api)
    desk.api.put("/v1/policy", json=rules).raise_for_status()


async def test_who_refuses_to_be_assessed_is_not(page: Page, desk: Desk) -> None:
    id = leaver(desk.api, consents={"profiling": False})
    desk.api.patch(f"/v1/subscribers/{id}", json={"region": "west"}, headers={"if-match": "*"}).raise_for_status()
    card = await open_card(page, desk, id)

    for part in (".risk", ".drivers", ".prompt", ".actions", ".changes"):
        await expect(card.locator(part)).to_have_count(0)
    assert await barriers(page) == []


async def test_who_refuses_marketing_is_shown_no_recommendation_of_before(page: Page, desk: Desk) -> None:
    id = with_a_past(desk.api, consents={"marketing": False, "sms": False})
    card = await open_card(page, desk, id)

    await expect(card.locator(".last")).to_have_count(0)
    await expect(card.locator(".facts")).to_contain_text("Allows contact by call, app, shop, web")


async def test_of_whom_nothing_is_known_the_card_says_so(page: Page, desk: Desk) -> None:
    card = await open_card(page, desk, subscriber(desk.api))

    await expect(card.locator(".risk")).to_contain_text("No risk can be told yet.")
    await expect(card.locator(".risk")).to_contain_text("after the next import")
    await expect(card.locator(".history")).to_contain_text("Nothing has happened yet.")
    assert await barriers(page) == []


async def test_old_facts_are_said_to_be_old(page: Page, desk: Desk) -> None:
    id = subscriber(desk.api)
    stored = desk.api.put(f"/v1/subscribers/{id}/snapshots/2026-01-31", json={"features": LEAVING})
    stored.raise_for_status()
    card = await open_card(page, desk, id)

    await expect(card.locator(".state.stale")).to_contain_text("(31 Jan 2026): ask before relying on it.")
    assert await barriers(page) == []


async def test_who_is_held_out_is_offered_nothing_and_counted(page: Page, desk: Desk, held_out: str) -> None:
    card = await open_card(page, desk, held_out)
    await expect(card.locator(".held")).to_contain_text("Held out")
    assert await barriers(page) == []
    await card.get_by_role("button", name="They are with me").click()

    await expect(card.locator(".head")).to_contain_text("Recorded")
    await expect(card.locator(".held")).to_contain_text("Held out")
    recorded = desk.api.get(f"/v1/subscribers/{held_out}/overview").json()["last_recommendation"]
    decision = desk.api.get(f"/v1/decisions/{recorded['decision_id']}").json()
    assert decision["arm"] == "holdout"


async def test_an_open_complaint_comes_before_any_offer(page: Page, desk: Desk) -> None:
    id = leaver(desk.api)
    opened = {"subscriber_id": id, "touchpoint": "hotline", "channel": "call", "type": "billing"}
    opened |= {"occurred_at": "2026-11-02T10:00:00Z", "description": "Charged twice"}
    desk.api.post("/v1/complaints", json=opened).raise_for_status()
    card = await open_card(page, desk, id)

    await expect(card.locator(".prompt")).to_contain_text("complaint")
    await expect(card.locator(".open")).to_contain_text("Charged twice")
    await card.locator(".whynot summary").click()
    await expect(card.locator(".whynot")).to_contain_text("A complaint is open: solve it first")
    assert await barriers(page) == []


async def test_a_member_of_a_group_at_risk_is_offered_nothing_and_why_is_said(page: Page, desk: Desk) -> None:
    """(D7)"""
    desk.api.put("/v1/groups/lakeside", json={"name": "Lakeside Clinic"}).raise_for_status()
    id = leaver(desk.api, group_id="lakeside")
    desk.api.post("/v1/warnings", json={"group_id": "lakeside", "owner": "mei"}).raise_for_status()
    card = await open_card(page, desk, id)

    await expect(card.locator(".prompt")).to_contain_text("Lakeside Clinic may leave as a whole")
    await expect(card.locator(".open")).to_contain_text("mei deals with it as a whole")
    await card.locator(".whynot summary").click()
    await expect(card.locator(".whynot")).to_contain_text("Their group may leave: dealt with as a whole")
    assert await barriers(page) == []


async def test_what_takes_long_is_said_to(page: Page, desk: Desk) -> None:
    card = await open_card(page, desk, leaver(desk.api))

    async def later(route: Route) -> None:
        await asyncio.sleep(3)
        await route.continue_()

    await page.route("**/v1/decisions*", later)
    await card.get_by_role("button", name="They are with me").click()
    await expect(card.locator(".state.slow")).to_contain_text("Waiting for an answer")
    assert await barriers(page) == []

    await expect(card.locator(".head")).to_contain_text("Recorded")
    await expect(card.locator(".state.slow")).to_have_count(0)


@pytest.mark.parametrize(
    ("id", "told"), [("nobody-at-all", "There is no subscriber nobody-at-all"), ("", "No subscriber was chosen")]
)
async def test_nobody_is_a_state_as_well(page: Page, desk: Desk, id: str, told: str) -> None:
    await sign_in(page, desk)
    await page.goto(f"{desk.url}#{id}")

    await expect(page.locator("churn-card .state")).to_contain_text(told)
    assert await barriers(page) == []


async def test_who_may_not_see_subscribers_is_told(page: Page, desk: Desk, blind: str) -> None:
    await sign_in(page, desk, key=blind)
    await page.goto(f"{desk.url}#{leaver(desk.api)}")

    await expect(page.locator("churn-card .state")).to_contain_text("You may not see this subscriber")
    await expect(page.locator(".list")).to_have_count(0)
    assert await barriers(page) == []


async def test_who_may_only_look_sees_no_actions(page: Page, desk: Desk, onlooker: str) -> None:
    id = leaver(desk.api)
    await sign_in(page, desk, key=onlooker)
    await page.goto(f"{desk.url}#{id}")

    await expect(page.locator("churn-card h2")).to_have_text(id)
    await expect(page.locator("churn-card .actions")).to_have_count(0)


@pytest.fixture
def blind(desk: Desk) -> str:
    return make_key(desk.service.settings, {"campaigns:read"})


@pytest.fixture
def onlooker(desk: Desk) -> str:
    return make_key(desk.service.settings, {"subscribers:read", "interactions:read"})


async def test_without_a_store_the_card_waits_and_says_so(page: Page, away: Desk) -> None:
    id = leaver(away.api)
    card = await open_page(page, away)
    away.road.refuse()
    await page.locator("#search input").fill(id)
    await page.evaluate("id => { location.hash = id }", id)
    await expect(card.locator(".state.away")).to_contain_text("Go on with the call.", timeout=10_000)
    assert await barriers(page) == []
    away.road.open()

    await expect(card.locator("h2")).to_have_text(id, timeout=10_000)
    await expect(card.locator(".state")).to_have_count(0)


async def test_what_is_said_while_the_store_is_away_is_recorded_once_when_it_is_back(page: Page, away: Desk) -> None:
    id = leaver(away.api)
    card = await open_card(page, away, id)
    await card.get_by_label("Why did they contact us?").fill("The line is dead")
    await card.get_by_label("What do they want?").fill("A repair")
    away.road.refuse()
    await card.get_by_role("button", name="Save").click()
    await expect(card.locator(".state.away")).to_be_visible(timeout=10_000)
    await expect(card.get_by_label("What do they want?")).to_have_value("A repair")
    away.road.open()

    await expect(card.locator(".events q").first).to_have_text("The line is dead → A repair", timeout=10_000)
    assert len(away.api.get("/v1/interactions", params={"subscriber_id": id}).json()["items"]) == 1


async def test_without_a_connection_nothing_is_lost(page: Page, desk: Desk) -> None:
    id = leaver(desk.api)
    context: BrowserContext = page.context
    card = await open_card(page, desk, id)
    await context.set_offline(True)
    await expect(card.locator(".state.offline")).to_contain_text("what you typed is kept")
    first = card.locator(".choice").first
    await first.get_by_role("button", name="Later").click()
    assert await barriers(page) == []
    await context.set_offline(False)

    await expect(first.locator(".answered")).to_have_text("later")
    await expect(card.locator(".state")).to_have_count(0)


async def test_what_cannot_be_done_is_told_in_the_services_own_words(page: Page, desk: Desk) -> None:
    id = leaver(desk.api)
    card = await open_card(page, desk, id)
    await card.get_by_role("button", name="They are with me").click()
    await expect(card.locator(".head")).to_contain_text("Recorded")
    last = desk.api.get(f"/v1/subscribers/{id}/overview").json()["last_recommendation"]
    said = {"action": last["action"], "outcome": "declined", "occurred_at": last["decided_at"]}
    desk.api.post(f"/v1/decisions/{last['decision_id']}/outcomes", json=said).raise_for_status()
    await card.locator(".choice").first.get_by_role("button", name="Accept").click()

    await expect(card.locator(".state.error")).to_contain_text("That did not work")
    await expect(card.locator(".state.error .detail")).not_to_be_empty()
    assert await barriers(page) == []
