"""The card in a CRM on another origin: by a script tag and in a frame."""

import time

import jwt
import pytest
from playwright.async_api import FrameLocator, Page, expect

from app.services.tokens import OUR_AUDIENCE
from app.vault import Vault
from tests.console.people import leaver
from tests.console.screen import Desk, barriers

HEARD = """
    window.heard = [];
    const hear = ({ type, detail }) => heard.push([type, detail]);
"""
NAMES = "['churn-decision', 'churn-outcome', 'churn-contact', 'churn-token-needed']"


def by_script(desk: Desk, id: str, token: str) -> str:
    return desk.crm.put(
        f"script-{id}",
        f"""
        <script type="module" src="{desk.url}churn-card.js"></script>
        <churn-card id="card" subscriber="{id}" live></churn-card>
        <script>
            {HEARD}
            for (const name of {NAMES}) document.addEventListener(name, hear);
            card.token = {token!r};
        </script>
        """,
    )


def by_frame(desk: Desk, id: str, token: str) -> str:
    return desk.crm.put(
        f"frame-{id}",
        f"""
        <iframe id="card" title="Stayline" sandbox="allow-scripts allow-same-origin allow-forms"
            src="{desk.url}card.html" width="1000" height="900"></iframe>
        <script>
            {HEARD}
            const origin = {desk.service.base_url!r};
            const hand = (more) => card.contentWindow.postMessage({{ type: "churn-card", ...more }}, origin);
            addEventListener("message", (message) => {{
                if (message.source !== card.contentWindow || message.origin !== origin) return;
                if (message.data.type !== "churn-card-ready") hear(message.data);
                else hand({{ subscriber: {id!r}, live: true, token: {token!r} }});
            }});
        </script>
        """,
    )


def expired(desk: Desk, token: str) -> str:
    """The same token as it would be taken a quarter of an hour later."""
    claims = jwt.decode(token, options={"verify_signature": False})
    [key] = Vault(desk.service.settings.keys).signing_keys(OUR_AUDIENCE.encode())
    return jwt.encode(claims | {"exp": int(time.time()) - 1}, key, "HS256")


async def heard(page: Page) -> dict[str, dict[str, object]]:
    return dict(await page.evaluate("heard"))


async def answers_in(card: FrameLocator | Page, id: str) -> str:
    """Accept what is recommended first; returns its code."""
    await expect(card.locator("churn-card h2")).to_have_text(id)
    first = card.locator(".choice").first
    await first.get_by_role("button", name="Accept").click()
    await expect(first.locator(".answered")).to_have_text("accepted")
    return await first.get_attribute("data-action") or ""


async def test_by_a_script_tag_the_card_works_and_tells_the_page(page: Page, desk: Desk) -> None:
    id = leaver(desk.api)
    await page.goto(by_script(desk, id, desk.token(id)))
    action = await answers_in(page, id)

    told = await heard(page)
    assert told["churn-decision"]["arm"] == "treatment"
    assert told["churn-outcome"] == {
        "decision_id": told["churn-decision"]["decision_id"],
        "action": action,
        "outcome": "accepted",
        "subscriber_id": id,
    }
    assert await barriers(page) == []


async def test_in_a_frame_the_card_works_and_tells_the_page(page: Page, desk: Desk) -> None:
    id = leaver(desk.api)
    await page.goto(by_frame(desk, id, desk.token(id)))
    action = await answers_in(page.frame_locator("#card"), id)

    told = await heard(page)
    assert told["churn-outcome"]["action"] == action
    assert told["churn-decision"]["subscriber_id"] == id
    assert await barriers(page) == []


@pytest.mark.parametrize("embedded", [by_script, by_frame])
async def test_an_expired_token_is_told_and_another_goes_on_with_what_was_typed(
    page: Page, desk: Desk, embedded: object
) -> None:
    id = leaver(desk.api)
    token = desk.token(id)
    is_framed = embedded is by_frame
    await page.goto((by_frame if is_framed else by_script)(desk, id, token))
    card = page.frame_locator("#card") if is_framed else page
    await expect(card.locator("churn-card h2")).to_have_text(id)
    await _hand(page, expired(desk, token), is_framed=is_framed)
    await card.get_by_label("Why did they contact us?").fill("Typed before it expired")
    await card.get_by_label("What do they want?").fill("Patience")
    await card.get_by_role("button", name="Save").click()
    await expect(card.locator(".state.expired")).to_contain_text("what you typed is kept")
    assert await barriers(page) == []
    assert "churn-token-needed" in await heard(page)
    await _hand(page, desk.token(id), is_framed=is_framed)

    await expect(card.locator(".events q").first).to_have_text("Typed before it expired → Patience")
    await expect(card.locator(".state")).to_have_count(0)
    assert len(desk.api.get("/v1/interactions", params={"subscriber_id": id}).json()["items"]) == 1


async def _hand(page: Page, token: str, *, is_framed: bool) -> None:
    await page.evaluate("token => hand({ token })" if is_framed else "token => { card.token = token }", token)


async def test_a_frame_listens_to_nobody_but_the_page_around_it(page: Page, desk: Desk) -> None:
    id, other = leaver(desk.api), leaver(desk.api)
    await page.goto(by_frame(desk, id, desk.token(id)))
    card = page.frame_locator("#card")
    await expect(card.locator("churn-card h2")).to_have_text(id)
    said = f"{{ type: 'churn-card', subscriber: {other!r} }}"
    stranger = desk.crm.put("stranger", f"<script>top.frames[0].postMessage({said}, '*')</script>")
    framed = "src => { const frame = document.createElement('iframe'); frame.src = src; document.body.append(frame) }"
    await page.evaluate(framed, stranger)
    await page.wait_for_timeout(200)

    await expect(card.locator("churn-card h2")).to_have_text(id)


async def test_a_card_nobody_hands_a_token_says_what_it_waits_for(page: Page, desk: Desk) -> None:
    await page.goto(f"{desk.url}card.html")
    await page.evaluate("document.querySelector('churn-card').setAttribute('subscriber', 'somebody')")

    await expect(page.locator("churn-card .state.waiting")).to_contain_text("Waiting for the page around this card")
    assert await barriers(page) == []


async def test_the_demo_crm_shows_both(page: Page, desk: Desk) -> None:
    id = leaver(desk.api)
    await page.goto(f"{desk.url}demo-crm.html")
    await page.get_by_label("API key").fill(desk.service.key)
    await page.get_by_label("Subscriber").fill(id)
    await page.get_by_role("button", name="Open the card").click()
    framed = page.frame_locator("iframe")
    await expect(page.locator("#crm > .two > section > churn-card h2")).to_have_text(id)
    await expect(framed.locator("churn-card h2")).to_have_text(id)
    assert await barriers(page) == []
    await page.get_by_role("button", name="Let the token expire").click()
    await framed.get_by_role("button", name="They are with me").click()

    await expect(framed.locator(".head")).to_contain_text("Recorded")
    await expect(page.get_by_role("log")).to_contain_text("churn-token-needed")
    await expect(page.get_by_role("log")).to_contain_text("churn-decision")


async def test_a_call_that_arrives_at_an_open_card_is_recorded_and_loses_nothing(page: Page, desk: Desk) -> None:
    id = leaver(desk.api)
    await page.goto(by_script(desk, id, desk.token(id)))
    await expect(page.locator("churn-card h2")).to_have_text(id)
    await page.evaluate("card.removeAttribute('live'); card.setAttribute('direction', 'outbound')")
    await expect(page.locator(".begin")).to_be_visible()
    await page.get_by_label("Why did they contact us?").fill("Half a sent")
    await page.evaluate("card.setAttribute('live', '')")

    await expect(page.locator(".head")).to_contain_text("Recorded")
    await expect(page.get_by_role("button", name="No answer").first).to_be_visible()
    await expect(page.get_by_label("Why did they contact us?")).to_have_value("Half a sent")


async def test_another_subscribers_token_shows_another_subscriber(page: Page, desk: Desk) -> None:
    one, other = leaver(desk.api), leaver(desk.api)
    await page.goto(by_script(desk, one, desk.token(one)))
    await expect(page.locator("churn-card h2")).to_have_text(one)
    await page.evaluate("id => card.setAttribute('subscriber', id)", other)
    await expect(page.locator("churn-card .state")).to_contain_text("There is no subscriber")
    await page.evaluate("token => { card.token = token }", desk.token(other))

    await expect(page.locator("churn-card h2")).to_have_text(other)
