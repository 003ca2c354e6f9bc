"""The card, while the phone rings: who, why, what to say, and what they said to it."""

import re
from typing import Any

from playwright.async_api import Page, expect

from tests.console.people import leaver, with_a_past
from tests.console.screen import Desk, barriers, open_card, open_page, texts
from tests.factories.subscribers import STAYING, subscriber


async def test_an_agent_finds_somebody_sees_why_acts_and_sees_it_in_the_history(page: Page, desk: Desk) -> None:
    id = with_a_past(desk.api)
    card = await open_page(page, desk)
    await page.locator("#search input").fill(id)
    await page.keyboard.press("Enter")

    await expect(card.locator("h2")).to_have_text(id)
    await expect(card.locator(".facts")).to_contain_text("Gold")
    await expect(card.locator(".facts")).to_contain_text("since 1 Mar 2024")
    await expect(card.locator(".facts")).not_to_contain_text("+8613877665544")
    await expect(card.get_by_role("img")).to_have_attribute(
        "aria-label", re.compile("Risk of leaving: .*30 days, band")
    )
    await expect(card.locator(".drivers")).to_contain_text("Months with us")
    await expect(card.locator(".drivers")).to_contain_text("month to month")
    kinds = await texts(card.locator(".events strong"))
    assert kinds == ["Complaint resolved", "Survey answer", "Taken into care", "Complaint opened", "Contact"]
    assert await barriers(page) == []

    first = card.locator(".choice").first
    said = await first.locator(".say").inner_text()
    await first.get_by_role("button", name="Accept").click()

    await expect(first.locator(".answered")).to_have_text("accepted")
    await expect(card.locator(".events .what").first).to_contain_text("Their answer accepted, ")
    await expect(card.locator(".last .tag")).to_have_text("accepted")
    told = desk.api.get(f"/v1/subscribers/{id}/overview").json()["last_recommendation"]
    assert (told["feedback"], told["say"]) == ("accepted", said)


async def test_opening_a_card_is_no_decision_and_the_call_is_one(page: Page, desk: Desk) -> None:
    id = leaver(desk.api)
    card = await open_card(page, desk, id)
    assert desk.api.get(f"/v1/subscribers/{id}/overview").json().get("last_recommendation") is None

    await card.get_by_role("button", name="They are with me").click()

    await expect(card.locator(".head")).to_contain_text("Recorded")
    await expect(card.locator(".events")).to_contain_text("Recommended")
    assert desk.api.get(f"/v1/subscribers/{id}/overview").json()["last_recommendation"]["feedback"] is None


async def test_a_refusal_is_recorded_with_its_reason(page: Page, desk: Desk) -> None:
    id = leaver(desk.api)
    card = await open_card(page, desk, id)
    first = card.locator(".choice").first
    await first.get_by_role("button", name="Decline").click()
    await first.get_by_placeholder("In their words").fill("twice the price of my neighbour's")
    assert await barriers(page) == []
    await first.get_by_role("button", name="Too dear").click()

    await expect(first.locator(".answered")).to_have_text("declined")
    decision = desk.api.get(f"/v1/subscribers/{id}/overview").json()["last_recommendation"]
    assert decision["feedback"] == "declined"


async def test_a_refusal_by_keys_alone_keeps_every_word(page: Page, desk: Desk) -> None:
    id = leaver(desk.api)
    card = await open_card(page, desk, id)
    action = await card.locator(".choice").first.get_attribute("data-action")
    await page.keyboard.press("d")
    await expect(card.get_by_placeholder("In their words")).to_be_focused()
    await page.keyboard.type("my neighbour pays less")
    assert desk.api.get(f"/v1/subscribers/{id}/overview").json().get("last_recommendation") is None
    async with page.expect_request("**/outcomes") as sending:
        await page.keyboard.press("Enter")

    await expect(card.locator(f"[data-action={action}] .answered")).to_have_text("declined")
    await expect(card.get_by_role("status")).to_have_text("Declined. It stands in the history.")
    said: Any = (await sending.value).post_data_json
    assert (said["action"], said["outcome"], said["reason"]) == (action, "declined", "my neighbour pays less")


async def test_a_call_is_logged_without_leaving_the_card(page: Page, desk: Desk) -> None:
    id = leaver(desk.api)
    card = await open_card(page, desk, id)
    await card.get_by_role("button", name="Save").click()
    await expect(card.locator(".status")).to_have_text("Answer both questions.")
    assert await barriers(page) == []
    await card.get_by_label("Why did they contact us?").fill("The bill rose again")
    await card.get_by_label("What do they want?").fill("A cheaper plan")
    await card.get_by_label("upset").check()
    await card.get_by_role("button", name="Save").click()

    await expect(card.locator(".events q").first).to_have_text("The bill rose again → A cheaper plan")
    await expect(card.get_by_label("What do they want?")).to_have_value("")
    [contact] = desk.api.get("/v1/interactions", params={"subscriber_id": id}).json()["items"]
    assert (contact["sentiment"], contact["touchpoint"], contact["direction"]) == ("negative", "hotline", "inbound")


async def test_all_of_it_goes_by_the_keyboard(page: Page, desk: Desk) -> None:
    id = leaver(desk.api)
    card = await open_page(page, desk)
    await page.keyboard.press("/")
    await page.keyboard.type(id)
    await page.keyboard.press("Enter")
    await expect(card.locator("h2")).to_have_text(id)
    await page.keyboard.press("2")
    second = card.locator(".choice").nth(1)
    await expect(second).to_be_focused()
    await page.keyboard.press("d")
    await page.keyboard.press("Enter")
    await expect(second.locator(".answered")).to_have_text("declined")
    await page.keyboard.press("l")
    await expect(card.locator(".choice").first.locator(".answered")).to_have_text("later")
    await page.keyboard.press("w")
    await expect(card.locator(".whynot li").first).to_be_visible()
    await page.keyboard.press("c")
    await page.keyboard.type("1 a d l: no key while typing")
    await page.keyboard.press("Tab")
    await page.keyboard.type("Peace")
    await page.keyboard.press("Tab")
    await page.keyboard.press("Tab")
    await page.keyboard.press("Enter")

    await expect(card.locator(".events q").first).to_have_text("1 a d l: no key while typing → Peace")


async def test_the_others_are_told_with_their_reasons(page: Page, desk: Desk) -> None:
    card = await open_card(page, desk, leaver(desk.api))
    await card.locator(".whynot summary").click()
    advice = desk.api.get("/v1/actions", params={"limit": 200}).json()["items"]

    assert await card.locator(".whynot li").count() + await card.locator(".choice").count() == len(advice)
    await expect(card.locator(".whynot")).to_contain_text("The conditions do not fit")
    names = {action["name"] for action in desk.api.get("/v1/actions", params={"limit": 200}).json()["items"]}
    await expect(card.locator(".whynot")).not_to_contain_text("features.")
    await expect(card.locator(".whynot .name").first).not_to_have_text("")
    assert set(await texts(card.locator(".whynot .name"))) <= names
    assert await barriers(page) == []


async def test_a_reason_that_lowers_the_risk_points_the_other_way(page: Page, desk: Desk) -> None:
    card = await open_card(page, desk, subscriber(desk.api, features=STAYING))

    assert await card.locator(".bar.lowers").count() > 0
    await expect(card.locator(".drivers li").first).to_contain_text("lowers the risk")


async def test_what_has_changed_lately_of_their_profile_is_told(page: Page, desk: Desk) -> None:
    """Requirement I12."""
    id = leaver(desk.api, value_tier="silver")
    for change in ({"value_tier": "gold", "region": "west"}, {"owner": "mei"}):
        desk.api.patch(f"/v1/subscribers/{id}", json=change, headers={"if-match": "*"}).raise_for_status()
    card = await open_card(page, desk, id)

    told = await texts(card.locator(".changes li"))
    assert [line.rpartition(" this minute")[0] for line in told] == [
        "Looked after by: mei, was not set",
        "Region: west, was east",
        "Tier: Gold, was Silver",
    ]
    assert await barriers(page) == []


async def test_nothing_is_told_of_a_profile_that_is_as_it_began(page: Page, desk: Desk) -> None:
    card = await open_card(page, desk, leaver(desk.api))

    await expect(card.locator(".changes")).to_have_count(0)


async def test_what_was_typed_stays_in_another_language(page: Page, desk: Desk) -> None:
    card = await open_card(page, desk, leaver(desk.api))
    await card.get_by_label("Why did they contact us?").fill("The bill rose again")
    await card.get_by_label("upset").check()
    await page.get_by_label("Language").select_option("zh-CN")

    await expect(card.locator("textarea[name=reason]")).to_have_value("The bill rose again")
    await expect(card.locator("input[value=negative]")).to_be_checked()
    await expect(card.locator("#log-title")).to_contain_text("记录")
    await expect(card.locator(".say").first).to_contain_text(re.compile("[一-鿿]"))
    await expect(card.locator(".prompt")).to_contain_text(re.compile("[一-鿿]"))
    await expect(card.locator("textarea[name=reason]")).to_have_value("The bill rose again")
