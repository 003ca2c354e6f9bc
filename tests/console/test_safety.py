"""What subscribers and agents said stays text, whatever they said."""

from collections.abc import Iterator
from typing import Any

import pytest
from playwright.async_api import Page, expect

from tests.console.screen import Desk, open_card, open_page
from tests.factories.actions import put, retire
from tests.factories.contacts import call, complaint, moments_ago
from tests.factories.subscribers import LEAVING, subscriber

CANARY = "<img src=x onerror=seen()>"
PHONE = "+8613700001111"
DANGEROUS = "churn-card >> img, churn-card >> script, churn-card >> iframe, #lists img, #search img"


@pytest.fixture
def poisoned(desk: Desk) -> Iterator[str]:
    """Somebody of whom every word that can be chosen by anybody is markup."""
    api = desk.api
    said: dict[str, Any] = dict.fromkeys(("region", "brand", "value_tier", "owner"), CANARY)
    features = LEAVING | {"contract": CANARY, "payment_method": CANARY}
    contact = {"name": CANARY, "phone": PHONE}
    subscriber(api, contact=contact)
    api.put("/v1/groups/canary", json={"name": CANARY}).raise_for_status()
    id = subscriber(api, features=features, contact=contact, group_id="canary", **said)
    api.post(
        "/v1/interactions", json=call(id, reason=CANARY, request=CANARY, need="leave", agent_id=CANARY)
    ).raise_for_status()
    put(api, "canary_action", kind="information", name=CANARY, say={"en": CANARY})
    opened = complaint(id, description=CANARY, owner=CANARY, type="other", occurred_at=moments_ago(minutes=2))
    api.post("/v1/complaints", json=opened).raise_for_status()
    warned = api.post("/v1/warnings", json={"group_id": "canary", "owner": CANARY})
    warned.raise_for_status()
    decision = api.post("/v1/decisions", json={"subscriber_id": id, "channel": "call", "direction": "inbound"}).json()
    action = decision["actions"][-1]["code"]
    outcome = {"action": action, "outcome": "later", "reason": CANARY, "occurred_at": decision["decided_at"]}
    api.post(f"/v1/decisions/{decision['decision_id']}/outcomes", json=outcome).raise_for_status()
    yield id
    closed = {"result": "false_alarm"}
    api.patch(warned.headers["location"], json=closed, headers={"if-match": "*"}).raise_for_status()
    retire(api, "canary_action")


async def test_no_word_of_anybodys_becomes_markup(page: Page, desk: Desk, poisoned: str) -> None:
    await page.add_init_script("window.seen = () => { window.was_seen = true }")
    card = await open_card(page, desk, poisoned)
    await card.locator(".whynot summary").click()
    await expect(card.locator(".choice").first).to_contain_text(CANARY)
    for part in (".facts", ".history", ".open", ".last", ".say >> nth=0"):
        await expect(card.locator(part)).to_contain_text(CANARY)
    await page.locator("#search input").fill(PHONE)
    await page.keyboard.press("Enter")
    await expect(page.locator(".results")).to_contain_text(CANARY)

    assert await page.locator(DANGEROUS).count() == 0
    assert not await page.evaluate("window.was_seen")


async def test_no_text_can_be_made_markup_even_by_a_mistake_of_ours(page: Page, desk: Desk) -> None:
    await open_page(page, desk)
    refused = await page.evaluate(
        "(text) => { try { document.body.innerHTML = text } catch (error) { return error.name } }", CANARY
    )

    assert refused == "TypeError"


async def test_an_address_is_no_way_in(page: Page, desk: Desk) -> None:
    await page.add_init_script("window.seen = () => { window.was_seen = true }")
    card = await open_page(page, desk)
    await page.evaluate("text => { location.hash = encodeURIComponent(text) }", CANARY)

    await expect(card.locator(".state")).to_be_visible()
    assert await page.locator(DANGEROUS).count() == 0
    assert not await page.evaluate("window.was_seen")
