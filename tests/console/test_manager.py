"""The manager on Monday: who may leave, which promises were broken, what works, and whether the model still holds."""

import asyncio
import csv
import io
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from playwright.async_api import Locator, Page, expect

from tests.conftest import make_key
from tests.console.crm import Crm
from tests.console.office import ACTION, CANARY, LEAVERS, furnish, office
from tests.console.screen import STEADY, Desk, barriers, sign_in, texts
from tests.factories.groups import LEAVING_NOW, group
from tests.factories.models import TELCO_MAPPING
from tests.factories.population import training_rows
from tests.factories.runs import work_off
from tests.factories.subscribers import LEAVING, subscriber

TITLES_IN_CHINESE = (
    "预警名单",
    "有离网风险的集团",
    "四项关怀目标",
    "未结投诉",
    "理想、可接受与实际感知",
    "相对对照组的效果",
    "模型质量",
)
LARGEST_SHIFT = 0.01
VIEWS = ("watchlist", "groups", "pool", "complaints", "touchpoints", "campaigns", "model")


@pytest.fixture(scope="module")
def bare(new_database: Callable[[str], str], models_dir: Path, crm: Crm, worker_id: str) -> Iterator[Desk]:
    """An office on its first day."""
    with office(new_database(f"bare_{worker_id}"), models_dir, crm) as opened:
        yield opened


@pytest.fixture(scope="module")
def busy(
    new_database: Callable[[str], str], models_dir: Path, telco_csv: Path, crm: Crm, worker_id: str
) -> Iterator[tuple[Desk, Any]]:
    """An office with all there is to see, and its running campaign."""
    with office(new_database(f"busy_{worker_id}"), models_dir, crm) as opened:
        yield opened, furnish(opened, training_rows(telco_csv, TELCO_MAPPING, every=20))


@pytest.fixture
def full(busy: tuple[Desk, Any]) -> Desk:
    return busy[0]


@pytest.fixture
def reader(full: Desk) -> str:
    """A key that reads the list, and may not take it home."""
    return make_key(full.service.settings, {"scores:read"})


@pytest.fixture
def onlooker(full: Desk) -> str:
    """A key that reads of groups, and may not act for them."""
    return make_key(full.service.settings, {"care:read"})


@pytest.fixture
def stranger(bare: Desk) -> str:
    """A key for something else."""
    return make_key(bare.service.settings, {"claims:read"})


async def look(page: Page, where: Desk, view: str, key: str | None = None) -> Locator:
    """Open a view, and wait until nothing of it is on its way any more."""
    await sign_in(page, where, key)
    await page.goto(f"{where.url}manager.html#{view}")
    return await settled(page)


async def settled(page: Page) -> Locator:
    panel = page.locator("#view")
    await expect(panel.locator(".part, .parts").first).to_be_visible()
    await expect(panel.locator(".outline")).to_have_count(0)
    return panel


def rows_of(part: Locator) -> Locator:
    return part.locator("tbody tr")


async def fits(page: Page) -> None:
    """Nobody has to scroll the page sideways: on a small phone, or at 200 %."""
    for width in (320, 640):
        await page.set_viewport_size({"width": width, "height": 700})
        assert await page.evaluate("document.documentElement.scrollWidth") <= width
    await page.set_viewport_size({"width": 1280, "height": 900})


async def all_is_well(page: Page) -> None:
    await fits(page)
    await holds_no_markup(page)
    assert await barriers(page) == []


async def holds_no_markup(page: Page) -> None:
    assert await page.locator("#view img, #view script, #view iframe").count() == 0
    assert not await page.evaluate("window.was_seen")


@pytest.mark.parametrize(
    ("view", "told"),
    [
        ("watchlist", ["The base has not been scored yet", "Score the base"]),
        ("groups", ["No group shows signs of leaving", "No warning has been closed yet"]),
        ("pool", ["Watching as a routine", "nothing before", "Nobody is in the pool"]),
        ("complaints", ["No complaint is open", "No complaints in thirty days"]),
        ("touchpoints", ["Nobody has answered yet", "by stayline import"]),
        ("campaigns", ["There is no campaign yet", "with a share held out", "Smaller plan that fits the use"]),
        ("model", ["AUROC", "Nothing was scored in this time", "command line"]),
    ],
)
async def test_on_the_first_day_each_view_says_what_to_do_next(
    page: Page, bare: Desk, view: str, told: list[str]
) -> None:
    panel = await look(page, bare, view)

    for text in told:
        await expect(panel).to_contain_text(text)
    await all_is_well(page)


async def test_the_base_is_scored_from_here_and_its_progress_drawn(page: Page, bare: Desk) -> None:
    who = subscriber(bare.api, features=LEAVING)
    panel = await look(page, bare, "watchlist")
    await panel.get_by_role("button", name="Score the base").click()
    await expect(panel.get_by_role("progressbar")).to_be_visible()
    await expect(panel.locator(".progress")).to_contain_text("Waiting for a worker")
    await asyncio.to_thread(work_off, bare.service.settings)

    await expect(rows_of(panel)).to_have_count(1)
    await expect(panel.get_by_role("link", name=who)).to_have_attribute("href", f"./#{who}")
    await expect(panel.get_by_role("button", name="Score again")).to_be_visible()
    await all_is_well(page)


async def test_the_list_says_who_how_likely_why_and_what_next(page: Page, full: Desk) -> None:
    panel = await look(page, full, "watchlist")
    first = rows_of(panel).first

    await expect(first.get_by_role("img")).to_be_visible()
    await expect(first.locator(".tag")).to_have_text("critical")
    assert len(await texts(first.locator("td li"))) == 2
    item = full.api.get("/v1/watchlist").json()["items"][0]
    await expect(first).to_contain_text(item["subscriber_id"])
    await expect(first).to_contain_text((item["next_action"] or {}).get("name") or item["none_because"].split("; ")[0])
    await expect(first).to_contain_text(CANARY)
    await fits(page)
    await holds_no_markup(page)


async def test_the_list_is_loaded_on_sorted_and_filtered(page: Page, full: Desk) -> None:
    panel = await look(page, full, "watchlist")
    await expect(rows_of(panel)).to_have_count(50)
    await panel.get_by_role("button", name="Load more").click()
    await expect(rows_of(panel)).to_have_count(LEAVERS)
    await expect(panel).to_contain_text(f"All {LEAVERS} are loaded.")

    await panel.get_by_role("button", name="Subscriber").click()
    ids = await texts(panel.locator("tbody th"))
    assert ids == sorted(ids, key=lambda id: int(id.removeprefix("sub-")))
    await panel.get_by_role("button", name="Subscriber").press("Enter")
    assert await texts(panel.locator("tbody th")) == ids[::-1]
    await expect(panel.get_by_role("columnheader", name="Subscriber")).to_have_attribute("aria-sort", "descending")

    await panel.get_by_label("Region").fill("nowhere")
    await panel.get_by_label("Region").press("Enter")
    await expect(panel).to_contain_text("Nobody fits")
    await panel.get_by_role("button", name="Clear").click()
    await expect(rows_of(panel)).to_have_count(50)
    await panel.get_by_label("Risk").select_option("low")
    await expect(panel).to_contain_text("Nobody fits")
    await panel.get_by_label("Risk").select_option("threshold")
    await panel.get_by_label("Least, in %").fill("1")
    await panel.get_by_role("button", name="Apply").click()
    await expect(rows_of(panel)).to_have_count(50)


async def test_a_row_opens_the_agents_page_on_that_subscriber(page: Page, full: Desk) -> None:
    panel = await look(page, full, "watchlist")
    link = panel.locator("tbody a").first
    who = await link.inner_text()
    await link.click()

    await expect(page.locator("churn-card h2")).to_have_text(who)
    assert "?" not in page.url


async def test_the_list_is_exported_as_the_api_writes_it(page: Page, full: Desk, tmp_path: Path) -> None:
    panel = await look(page, full, "watchlist")
    async with page.expect_download() as downloading:
        await panel.get_by_role("button", name="CSV").click()
    download = await downloading.value
    await download.save_as(tmp_path / "list.csv")
    async with page.expect_download() as downloading:
        await panel.get_by_role("button", name="Parquet").click()
    await (await downloading.value).save_as(tmp_path / "list.parquet")

    assert download.suggested_filename == "watchlist.csv"
    listed = list(csv.DictReader(io.StringIO((tmp_path / "list.csv").read_text())))
    expected = full.api.get("/v1/watchlist", params={"limit": 200}).json()["items"]
    assert [row["id"] for row in listed] == [item["subscriber_id"] for item in expected]
    assert pq.read_table(tmp_path / "list.parquet").column("id").to_pylist() == [row["id"] for row in listed]
    await expect(panel.locator(".told")).to_have_text("Saved, files: 1")


async def test_who_may_not_export_is_told_so(page: Page, full: Desk, reader: str) -> None:
    panel = await look(page, full, "watchlist", reader)
    await panel.get_by_role("button", name="CSV").click()

    await expect(panel.locator(".exports")).to_have_text("Your key may not export: it lacks watchlist:export.")
    await expect(panel.locator(".exports button")).to_have_count(0)


async def test_groups_show_their_signals_and_are_dealt_with_as_a_whole(page: Page, full: Desk) -> None:
    """(D7)"""
    panel = await look(page, full, "groups")
    card = panel.locator("article")

    await expect(card).to_have_count(1)
    await expect(card.get_by_role("heading", level=3)).to_contain_text(CANARY)
    await expect(card.locator(".tiles")).to_contain_text("240")
    await expect(rows_of(card)).to_have_count(3)
    await expect(rows_of(card).nth(1)).to_contain_text("-33%")
    await expect(panel.locator(".warned")).to_contain_text("false alarm")
    await all_is_well(page)
    await card.get_by_role("button", name="Done: Visit the one who decides").click()
    await expect(card.locator(".playbook .met-yes")).to_have_count(1)
    assert [step["done_at"] is not None for step in open_warning(full)["playbook"]] == [True, False, False, False]
    await card.get_by_label("How it ended").select_option("they stayed")
    await card.get_by_role("button", name="Close").click()
    await expect(card).to_contain_text("they stayed.")
    assert full.api.get("/v1/warnings", params={"open": "true"}).json()["items"] == []


async def test_who_may_only_read_is_told_so_when_they_change_a_group(page: Page, full: Desk, onlooker: str) -> None:
    group_id = group(full.api, LEAVING_NOW)
    full.api.post("/v1/warnings", json={"group_id": group_id}).raise_for_status()
    panel = await look(page, full, "groups", onlooker)
    await panel.get_by_label("How it ended").select_option("they left")
    await panel.get_by_role("button", name="Close").click()

    await expect(panel.locator("article [role=status]")).to_contain_text("lacks the scope care:write")
    assert open_warning(full)["result"] is None
    assert await barriers(page) == []


def open_warning(desk: Desk) -> Any:
    [warning] = desk.api.get("/v1/warnings", params={"open": "true"}).json()["items"]
    return warning


async def test_the_pool_is_seen_from_each_side_and_cut_down_to_a_level(page: Page, full: Desk) -> None:
    """(E2, E10)"""
    told = full.api.get("/v1/reports/pool").json()
    panel = await look(page, full, "pool")
    sides = panel.locator(".sides")
    total = sides.locator(".cuts")

    await expect(panel.locator(".goals .tiles > div")).to_have_count(4)
    await expect(total).to_contain_text(f"{told['total']} in the pool")
    await expect(sides.get_by_role("heading", level=3)).to_have_count(6)
    await expect(rows_of(panel.locator(".in-pool"))).to_have_count(told["total"])
    await all_is_well(page)
    complaints = next(each["cases"] for each in told["marginals"]["source"] if each["level"] == "complaint")
    await sides.get_by_role("button", name="Only a complaint").click()
    await expect(total).to_contain_text(f"{complaints} in the pool")
    await expect(sides.get_by_role("heading", level=3)).to_have_count(5)
    assert await barriers(page) == []
    await sides.get_by_role("button", name="No longer only Came in by: a complaint").click()
    await expect(total).to_contain_text(f"{told['total']} in the pool")


async def test_the_goals_of_care_show_what_the_api_tells(page: Page, full: Desk) -> None:
    """(E2)"""
    panel = await look(page, full, "pool")
    for goal in full.api.get("/v1/reports/care-goals").json()["items"]:
        await expect(panel.locator(".goals .tiles")).to_contain_text(f"{goal['part']} of {goal['whole']} ")


async def test_the_pool_is_exported_as_the_api_writes_it(page: Page, full: Desk, tmp_path: Path) -> None:
    """(E10)"""
    panel = await look(page, full, "pool")
    async with page.expect_download() as saving:
        await panel.get_by_role("button", name="CSV").click()
    await (await saving.value).save_as(tmp_path / "pool.csv")
    told = full.api.get("/v1/reports/pool", headers={"accept": "text/csv"})

    assert (tmp_path / "pool.csv").read_bytes() == told.content


async def test_complaints_show_the_most_urgent_first_and_what_was_kept(page: Page, full: Desk) -> None:
    panel = await look(page, full, "complaints")
    urgent = panel.locator(".urgent")

    await expect(urgent).to_contain_text("2 are open, 1 of them past their due time.")
    assert await texts(urgent.locator("tbody .tag.critical, tbody .tag.major")) == ["critical", "major"]
    await expect(rows_of(urgent).first).to_contain_text(CANARY)
    await expect(rows_of(urgent).first).to_contain_text("late")
    await expect(panel.locator(".promises")).to_contain_text("50%")
    severities = panel.locator(".severity")
    assert await texts(severities.locator("tbody td.number")) == ["0", "1", "0", "0", "0", "1", "1", "0", "0"]
    await expect(severities.get_by_role("img").first).to_have_accessible_name("Kept 0, Broken 1, Still running 0")
    assert set(await texts(panel.locator(".owners tbody th"))) == {CANARY, "ann", "ben"}
    await all_is_well(page)


async def test_touchpoints_show_gaps_targets_and_how_few_answered(page: Page, full: Desk) -> None:
    panel = await look(page, full, "touchpoints")
    gaps = panel.locator(".gaps")

    await expect(rows_of(gaps)).to_have_count(4)
    of_few = rows_of(gaps).filter(has_text=CANARY)
    await expect(of_few.first).to_contain_text("too few answers")
    await expect(of_few.filter(has_text="Empathy").get_by_role("img")).to_have_accessible_name(
        "Found 44; enough 67, wished for 89"
    )
    await expect(of_few.filter(has_text="Empathy").locator(".tag.below")).to_have_text("below")
    roles = panel.locator(".roles")
    await expect(rows_of(roles).filter(has_text="Customer service")).to_contain_text("missed")
    await expect(rows_of(roles).filter(has_text="Service advisor")).to_contain_text("no answers yet")
    await expect(rows_of(panel.locator(".places")).filter(has_text=CANARY)).to_contain_text("too few answers")
    await all_is_well(page)

    await page.get_by_label("A research company").check()
    await expect(panel.locator(".gaps")).to_contain_text("Nobody has answered yet")
    await expect(rows_of(panel.locator(".places"))).to_have_count(1)


async def test_campaigns_show_their_effect_and_claim_nothing_too_early(page: Page, busy: tuple[Desk, Any]) -> None:
    where, running = busy
    panel = await look(page, where, "campaigns")
    effects = panel.locator(".effects")

    await expect(rows_of(effects).filter(has_text="Draft")).to_contain_text("not begun")
    row = rows_of(effects).filter(has_text="Running")
    await expect(row).to_contain_text("nothing yet")
    effect = where.api.get(f"/v1/campaigns/{running['id']}/evaluation").json()["effect"]
    spoken = f"at least {100 * effect['low']:+.1f}, at most {100 * effect['high']:+.1f}"
    await expect(row.get_by_role("img")).to_have_accessible_name(f"0.0 points fewer left, {spoken}")
    await expect(panel.locator(".trade-off")).to_contain_text("Repair of the network fault behind the complaint")
    await all_is_well(page)

    await row.get_by_role("link").click()
    await expect(panel.locator(".because")).to_contain_text("both help and harm are still possible")
    await expect(panel.locator(".made")).to_contain_text(CANARY)
    arms = panel.locator(".arms")
    expected = {ACTION.replace("_", " ").capitalize(), "Held out"}
    assert set(await texts(arms.locator("tbody th"))) == expected
    await all_is_well(page)
    await page.get_by_role("link", name="All campaigns").click()
    await expect(rows_of(effects)).to_have_count(3)


async def test_what_past_campaigns_brought_is_exported(page: Page, full: Desk) -> None:
    panel = await look(page, full, "campaigns")
    await expect(rows_of(panel.locator(".effects")).filter(has_text="Past")).to_contain_text("ended")
    async with page.expect_download() as downloading:
        await panel.get_by_role("button", name="CSV").click()

    assert (await downloading.value).suggested_filename == "campaigns.csv"


async def test_the_model_is_shown_with_its_measures_in_words_and_its_drift(page: Page, full: Desk) -> None:
    panel = await look(page, full, "model")
    [model] = full.api.get("/v1/models").json()["items"]
    card = full.api.get(f"/v1/models/{model['name']}/versions/{model['version']}").json()["manifest"]

    await expect(panel.locator(".card")).to_contain_text(model["version"])
    await expect(panel.locator(".label-note")).to_contain_text(card["label_note"])
    auroc = rows_of(panel.locator(".card")).filter(has_text="AUROC")
    await expect(auroc).to_contain_text(f"{card['metrics']['auroc']:.2f}")
    await expect(auroc).to_contain_text(f"{card['metrics']['auroc']:.0%} of the cases")
    drift = rows_of(panel.locator(".drift"))
    await expect(drift.nth(1)).to_contain_text("Monthly charge")
    await expect(drift.nth(1)).to_contain_text("major")
    await all_is_well(page)


async def test_nothing_moves_once_it_can_be_seen(page: Page, full: Desk) -> None:
    await page.add_init_script(STEADY)
    await sign_in(page, full)
    shifts = {}
    for view in VIEWS:
        await page.goto(f"{full.url}manager.html?{view}#{view}")
        await settled(page)
        shifts[view] = await page.evaluate("window.shifts")

    assert [view for view in VIEWS if shifts[view] > LARGEST_SHIFT] == [], shifts


async def test_who_may_not_see_is_told_which_scope_is_missing(page: Page, bare: Desk, stranger: str) -> None:
    needed = (
        "scores:read",
        "care:read",
        "reports:read",
        "complaints:read",
        "surveys:read",
        "campaigns:read",
        "scores:read",
    )
    for view, scope in zip(VIEWS, needed, strict=True):
        panel = await look(page, bare, view, stranger)
        refused = panel.locator(".trouble.forbidden")
        await expect(refused.first).to_contain_text("Your key may not read this")
        assert any(f"lacks the scope {scope}" in text for text in await texts(refused))
        await expect(refused.get_by_role("button")).to_have_count(0)
    assert await barriers(page) == []


async def test_while_the_store_is_away_it_says_so_and_goes_on_by_itself(page: Page, full: Desk) -> None:
    await look(page, full, "complaints")
    full.road.refuse()
    try:
        await page.get_by_role("tab", name="Campaigns").click()
        trouble = page.locator(".trouble.away").first
        await expect(trouble).to_contain_text("It is tried again by itself.")
        assert await barriers(page) == []
    finally:
        full.road.open()
    await trouble.get_by_role("button", name="Try now").click()

    await expect(rows_of(page.locator(".effects"))).to_have_count(3)


async def test_without_a_connection_it_says_so_and_goes_on_when_there_is_one(page: Page, full: Desk) -> None:
    await look(page, full, "complaints")
    await page.context.set_offline(True)
    await page.get_by_role("tab", name="Model").click()
    await expect(page.locator(".trouble.offline").first).to_contain_text("No connection")
    await page.context.set_offline(False)

    await expect(page.locator(".card")).to_contain_text("AUROC")


async def test_a_mistake_is_told_with_the_number_to_give_to_support(page: Page, full: Desk) -> None:
    panel = await look(page, full, "campaigns/none")

    await expect(panel.locator(".trouble.error")).to_contain_text("tell support the number ")
    assert await barriers(page) == []


async def test_the_views_are_tabs_that_the_arrow_keys_move_through(page: Page, bare: Desk) -> None:
    await look(page, bare, "watchlist")
    await page.get_by_role("tab", name="Watchlist").focus()
    for key, name in (("Right", "Groups"), ("Left", "Watchlist"), ("Left", "Model"), ("Right", "Watchlist")):
        await page.keyboard.press(f"Arrow{key}")
        tab = page.get_by_role("tab", name=name)
        await expect(tab).to_be_focused()
        await expect(tab).to_have_attribute("aria-selected", "true")
    assert page.url.endswith("#watchlist")


async def test_whoever_has_no_key_signs_in_first(page: Page, bare: Desk) -> None:
    await page.goto(f"{bare.url}manager.html#model")
    await page.get_by_label("API key").fill("wrong")
    await page.get_by_role("button", name="Sign in").click()
    await expect(page.get_by_role("alert")).to_contain_text("not known or has expired")
    await page.get_by_label("API key").fill(bare.service.key)
    await page.get_by_role("button", name="Sign in").click()

    await expect(page.locator(".card")).to_contain_text("AUROC")


async def test_all_of_it_speaks_chinese(page: Page, full: Desk) -> None:
    await look(page, full, "watchlist")
    await page.get_by_label("Language").select_option("zh-CN")
    for view, title in zip(VIEWS, TITLES_IN_CHINESE, strict=True):
        await page.goto(f"{full.url}manager.html#{view}")
        await expect(page.locator(".part h2").first).to_contain_text(title)
        await expect(page.locator(".outline")).to_have_count(0)
        await expect(page.locator("#view")).not_to_contain_text("manager.")
    assert await page.evaluate("document.documentElement.lang") == "zh-CN"


async def test_each_sentence_is_there_in_each_language_with_the_same_places(page: Page, bare: Desk) -> None:
    await page.goto(f"{bare.url}manager.html")
    differing = await page.evaluate(
        """async () => {
            const { MANAGER } = await import("./manager-messages.js");
            const places = (text) => (text.match(/\\{\\w+\\}/g) ?? []).sort().join();
            const [en, zh] = [MANAGER.en, MANAGER["zh-CN"]];
            const names = new Set([...Object.keys(en), ...Object.keys(zh)]);
            return [...names].filter((name) => !en[name] || !zh[name] || places(en[name]) !== places(zh[name]));
        }"""
    )

    assert differing == []
