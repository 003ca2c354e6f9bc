"""The one sentence an agent reads first: what matters most about this subscriber right now.

What went wrong comes before what we would like: nothing is offered while a complaint is open.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from types import MappingProxyType
from typing import Final

from app.domain.months import months_after

LONGEST: Final = 140
ENDS_WITHIN_MONTHS: Final = 2
_YEARS_WORTH_THANKS: Final = 3


@dataclass(frozen=True, slots=True)
class Situation:
    """What is known at the moment of contact; None where there is no such thing, or it may not be shown."""

    complaint_type: str | None = None
    complaint_late: bool = False
    group_at_risk: str | None = None
    dissatisfied_on: date | None = None
    callback_due_on: date | None = None
    leaving_said_on: date | None = None
    product_ends_on: date | None = None
    risk_band: str | None = None
    years_with_us: int | None = None


@dataclass(frozen=True, slots=True)
class _Prompt:
    name: str
    applies: Callable[[Situation], bool]


# The first that applies is said.
_IN_ORDER: Final = (
    _Prompt("late_complaint", lambda s: s.complaint_type is not None and s.complaint_late),
    _Prompt("open_complaint", lambda s: s.complaint_type is not None),
    _Prompt("group_at_risk", lambda s: s.group_at_risk is not None),
    _Prompt("dissatisfied", lambda s: s.dissatisfied_on is not None),
    _Prompt("callback", lambda s: s.callback_due_on is not None),
    _Prompt("leaving", lambda s: s.leaving_said_on is not None),
    _Prompt("product_ends", lambda s: s.product_ends_on is not None),
    _Prompt("at_risk", lambda s: s.risk_band in {"high", "critical"}),
    _Prompt("loyal", lambda s: (s.years_with_us or 0) >= _YEARS_WORTH_THANKS),
    _Prompt("nothing", lambda _: True),
)
_SENTENCES: Final[Mapping[str, Mapping[str, str]]] = MappingProxyType(
    {
        "en": {
            "late_complaint": "The {complaint_type} complaint is past its promise: first say what is being done.",
            "open_complaint": "A {complaint_type} complaint is open: start there, and offer nothing yet.",
            "group_at_risk": "{group_at_risk} may leave as a whole and is talked to as a whole: offer nothing here.",
            "dissatisfied": "Was not satisfied on {dissatisfied_on}: ask whether it is better now.",
            "callback": "Ask how the last service went: the callback is due by {callback_due_on}.",
            "leaving": "Spoke of leaving on {leaving_said_on}: ask what would make them stay.",
            "product_ends": "What they have ends on {product_ends_on}: ask what should follow.",
            "at_risk": "May be about to leave: ask what they are content with, and what not.",
            "loyal": "With us for {years_with_us} years: thank them.",
            "nothing": "Nothing is pending: ask how you can help.",
        },
        "zh-CN": {
            "late_complaint": "{complaint_type} 投诉已超过承诺时限：先说明处理进展。",
            "open_complaint": "有一件 {complaint_type} 投诉未结：先谈投诉，暂不推荐。",
            "group_at_risk": "所在集团 {group_at_risk} 有离网风险，由专人整体沟通：此处暂不推荐。",
            "dissatisfied": "{dissatisfied_on} 曾表示不满意：先问现在是否好转。",
            "callback": "请回访上次服务的感受：须在 {callback_due_on} 前完成。",
            "leaving": "{leaving_said_on} 曾提到离网：问问怎样才愿意留下。",
            "product_ends": "现有产品将于 {product_ends_on} 到期：问问到期后的打算。",
            "at_risk": "有离网风险：问问哪里满意、哪里不满意。",
            "loyal": "已陪伴我们 {years_with_us} 年：先表示感谢。",
            "nothing": "没有待办事项：请问有什么可以帮您。",
        },
    }
)


def prompt(situation: Situation, language: str) -> str:
    """Say the sentence, at most `LONGEST` characters of it, in `en` or `zh-CN`."""
    name = next(found.name for found in _IN_ORDER if found.applies(situation))
    known = {field: _shown(getattr(situation, field)) for field in Situation.__dataclass_fields__}
    sentence = _SENTENCES[language][name].format(**known)
    return sentence if len(sentence) <= LONGEST else sentence[: LONGEST - 1] + "…"


def _shown(value: object) -> str:
    return value.replace("_", " ") if isinstance(value, str) else str(value)


def is_ending(ends_on: date, on: date) -> bool:
    """Tell whether a product ends within two months of a day: that day and the last one count (requirement I14)."""
    return on <= ends_on <= months_after(on, ENDS_WITHIN_MONTHS)
