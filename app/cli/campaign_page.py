"""What a campaign brought, drawn: one page that needs nothing but itself."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from markupsafe import Markup

from app.domain.campaigns import HOLDOUT
from app.ml.training.report.charts import BOTTOM, LEFT, NAMES, RIGHT, ROW, TOP
from app.ml.training.report.numbers import count, plain, share
from app.ml.training.report.sheet import page as sheet
from app.ml.training.report.sheet import points, table
from app.ml.training.report.svg import Scale, bottom_axis, drawing, label, left_axis, line, path, tag
from app.models import Campaign

VERDICTS: Final = {
    "works": "It works: fewer of the treated left than of the holdout, beyond what chance does.",
    "does_not": "It does not work: what it may bring at most is less than would be worthwhile.",
    "not_enough_data": "There is not enough data to tell.",
}


def page(campaign: Campaign, found: Mapping[str, Any]) -> str:
    """Draw an evaluation; whatever somebody wrote is escaped."""
    effect, roi = found["effect"], found["roi"]
    told = [
        tag("p", tag("strong", VERDICTS[found["verdict"].value])),
        tag("p", f"Goal: {campaign.goal}"),
        tag(
            "p",
            f"{campaign.starts_on} to {campaign.ends_on}, owned by {campaign.owner}; {count(campaign.enrolled)}"
            f" took part, {share(campaign.holdout_share)} of them held out, {count(campaign.overlapping)} were left out"
            " for being in another campaign.",
        ),
        tag("p", "Fewer left by ", tag("strong", _points(effect)), ". However often one looks, it stays true."),
        tag(
            "p",
            f"Value out {roi['value_out']} ({roi['value_low']} to {roi['value_high']}), cost {roi['cost_in']}: ",
            tag("strong", f"ROI {_ratio(roi)}"),
            ".",
        ),
    ]
    people = found["participation"]
    sections = [
        tag("section", tag("h2", "Did it work?"), *told),
        tag("section", tag("h2", "The effect over time"), _over_time(found["over_time"])),
        tag(
            "section",
            tag("h2", "By arm"),
            table(
                ["Arm", "Members", "Left", "Rate", "Fewer left"],
                [
                    [
                        a["arm"],
                        count(a["members"]),
                        count(a["left"]),
                        share(a["rate"]),
                        "–" if a["arm"] == HOLDOUT else _points(a["prevented"]),
                    ]
                    for a in found["arms"]
                ],
            ),
        ),
        tag("section", tag("h2", "Who was helped, and who was harmed"), _segments(found["segments"])),
        tag(
            "section",
            tag("h2", "Did they take part, and were they satisfied?"),
            table(
                ["", ""],
                [
                    ["treated", count(people["treated"])],
                    ["offered it", count(people["offered"])],
                    ["answered", count(people["answered"])],
                    ["accepted", count(people["accepted"])],
                    ["satisfied since", _share(people["satisfied"])],
                    ["many come, few buy", "yes" if people["draws_but_does_not_sell"] else "no"],
                    ["contacts we began", _share(found["proactive_share"])],
                ],
            ),
        ),
        tag(
            "section",
            tag("h2", "Satisfaction in the three months after it"),
            table(
                ["Month", "Answers", "Treated", "Holdout"],
                [
                    [
                        f"{r['since']} to {r['until']}",
                        *(
                            [r["state"].replace("_", " "), "", ""]
                            if r["state"] != "measured"
                            else [count(r["answers"]), _share(r["treated"]), _share(r["holdout"])]
                        ),
                    ]
                    for r in found["satisfaction"]
                ],
            ),
        ),
        tag("section", tag("h2", "Inquiries a day since it began"), _inquiries(found["inquiries"])),
        tag("section", tag("h2", "Recovered, and never failed"), _recovery(found["recovery"])),
        tag(
            "section",
            tag("h2", "Saved, by what was the matter"),
            table(
                ["Reason", "Retained", "Churned", "Save rate"],
                [
                    [s["reason"], count(s["retained"]), count(s["churned"]), share(s["save_rate"])]
                    for s in found["save_rates"]
                ],
            )
            if found["save_rates"]
            else tag("p", "No result has been recorded."),
        ),
    ]
    return sheet(campaign.name, f"Campaign {campaign.id}, as of {found['as_of']:%Y-%m-%d %H:%M}", sections)


def _points(interval: Mapping[str, float] | None) -> str:
    return "unknown" if interval is None else points(interval)


def _ratio(roi: Mapping[str, Any]) -> str:
    if roi["roi"] is None:
        return "unknown"
    return f"{roi['roi']:.2f} [{roi['roi_low']:.2f}, {roi['roi_high']:.2f}]"


def _share(value: float | None) -> str:
    return "unknown" if value is None else share(value)


def _over_time(days: Sequence[Mapping[str, Any]]) -> Markup:
    """The effect as it stood on each day, within its interval."""
    if len(days) < 2:  # noqa: PLR2004  # a line has two ends
        return tag("p", "It began today: there is nothing to draw yet.")
    low, high = min(day["low"] for day in days), max(day["high"] for day in days)
    across, up = Scale(0, days[-1]["day"], LEFT, RIGHT), Scale(low, high, BOTTOM, TOP)
    band = [(across(day["day"]), up(day["high"])) for day in days]
    band += [(across(day["day"]), up(day["low"])) for day in reversed(days)]
    parts = [
        left_axis(up, LEFT, RIGHT, "fewer left, share of the members", share),
        bottom_axis(across, BOTTOM, "days since the start", plain),
        path(band, "band"),
        line((LEFT, up(0)), (RIGHT, up(0)), "chance"),
        path([(across(day["day"]), up(day["value"])) for day in days], "curve curve-0"),
    ]
    last = days[-1]
    words = f"On day {last['day']}: {_points(last)}."
    return drawing("The effect over time", words, *parts, height=BOTTOM + 36) + tag("p", words)


def _segments(segments: Sequence[Mapping[str, Any]]) -> Markup:
    """One row a value of an attribute: right of the line fewer left, left of it more."""
    known = [one for one in segments if one["prevented"]]
    if not known:
        return tag("p", "No attribute has both treated and held-out members.")
    reach = max(abs(one["prevented"][end]) for one in known for end in ("low", "high"))
    bottom = TOP + ROW * len(known)
    across = Scale(-reach, reach, NAMES, RIGHT)
    parts = [
        bottom_axis(across, bottom, "fewer left", share),
        line((across(0), TOP - 6), (across(0), bottom), "chance"),
    ]
    for number, one in enumerate(known):
        y, effect = TOP + ROW * number + 6, one["prevented"]
        parts.append(label(f"{one['attribute']} {one['value']}", 0, y + 3.5, 19))
        parts.append(line((across(effect["low"]), y), (across(effect["high"]), y), "curve curve-0"))
        parts.append(line((across(effect["value"]), y - 5), (across(effect["value"]), y + 5), "curve curve-0"))
    note = tag("p", "Each looked at by itself: a hint where to look next, and no proof.")
    return drawing("Effect by attribute", "Intervals of the effect.", *parts, height=bottom + 36) + note


def _inquiries(inquiries: Mapping[str, Any]) -> Markup:
    days, ratio = inquiries["days"], inquiries["ratio"]
    if ratio is None or len(days) < 2:  # noqa: PLR2004  # a line has two ends
        return tag("p", "There is nothing usual to compare with, or it began only now.")
    top = max(1.0, *(max(day["inquiries"], day["usual"]) for day in days))
    across, up = Scale(0, len(days) - 1, LEFT, RIGHT), Scale(0, top, BOTTOM, TOP)
    parts = [
        left_axis(up, LEFT, RIGHT, "inquiries a day", plain),
        bottom_axis(across, BOTTOM, "days since the start", plain),
        path([(across(n), up(day["usual"])) for n, day in enumerate(days)], "chance"),
        path([(across(n), up(day["inquiries"])) for n, day in enumerate(days)], "curve curve-0"),
    ]
    words = f"{ratio['value']:.2f} times the usual of these weekdays [{ratio['low']:.2f}, {ratio['high']:.2f}]."
    return drawing("Inquiries a day", words, *parts, height=BOTTOM + 36) + tag("p", words)


def _recovery(recovery: Mapping[str, Any]) -> Markup:
    told = (
        f"Of {count(recovery['recovered'])} whose complaints were settled before it began"
        f" {count(recovery['recovered_left'])} left; of {count(recovery['never_failed'])} who never complained"
        f" {count(recovery['never_failed_left'])} did."
    )
    return tag(
        "p",
        told,
        f" The recovered leave less often by {_points(recovery['fewer_leave'])}." if recovery["fewer_leave"] else "",
    )
