"""What a decision was, in plain words for the person it concerns: from what was stored of it, and nothing else."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

from app.domain.features import in_words

REASONS_SHOWN: Final = 3


class Language(StrEnum):
    EN = "en"
    ZH_CN = "zh-CN"


@dataclass(frozen=True, slots=True)
class Explanation:
    """Sentences: how it came about, how likely they seem to leave and why, what is proposed, and why no more is."""

    how: str
    risk: str | None
    reasons: tuple[str, ...]
    proposed: tuple[str, ...]
    not_proposed: tuple[str, ...]
    rights: tuple[str, ...]


def explain(decision: Mapping[str, Any], language: Language) -> Explanation:
    """Explain a decision as it was recorded: its `score`, `actions`, `none_because` and `trace`."""
    words = _WORDS[language]
    score = decision["score"]
    drivers = score["drivers"] if score else ()
    return Explanation(
        how=words["how"].format(day=str(decision["decided_at"])[:10]),
        risk=_risk(score, words) if score else None,
        reasons=tuple(_reasons(drivers, words)),
        proposed=tuple(f"{action['name']}: {action['say']}" for action in decision["actions"]) or (words["nothing"],),
        not_proposed=tuple(_told(decision["trace"], language)),
        rights=(words["human"], words["say"], words["others"], words["object"]),
    )


def _risk(score: Mapping[str, Any], words: Mapping[str, str]) -> str:
    percent = round(100 * score["probability"])
    return words["risk"].format(percent=percent, days=score["horizon_days"])


def _reasons(drivers: Sequence[Mapping[str, Any]], words: Mapping[str, str]) -> Iterable[str]:
    """Name what weighs most on either side."""
    for effect in ("raises", "lowers"):
        named = [driver for driver in drivers if driver["effect"] == effect][:REASONS_SHOWN]
        if named:
            yield words[effect].format(what=words["comma"].join(_named(driver, words) for driver in named))


def _named(driver: Mapping[str, Any], words: Mapping[str, str]) -> str:
    name = str(driver["feature"]).replace("_", " ")
    value = in_words(driver["value"], unknown=words["unknown"], yes=words["yes"], no=words["no"])
    return words["known"].format(name=name, value=value)


def _told(trace: Iterable[Mapping[str, Any]], language: Language) -> Iterable[str]:
    """Say each reason once, however many actions it kept back, in the order in which they come."""
    codes = dict.fromkeys(entry["code"] for entry in trace if entry["verdict"] == "removed")
    return dict.fromkeys(WHY.get(code, OTHERWISE)[language] for code in codes)


_WORDS: Final[Mapping[Language, Mapping[str, str]]] = {
    Language.EN: {
        "how": "On {day} a computer worked out what to offer you, from what we know of you and by fixed rules.",
        "risk": "It takes the chance that you leave us within {days} days to be about {percent} in 100.",
        "raises": "What makes that more likely: {what}.",
        "lowers": "What makes that less likely: {what}.",
        "known": "{name} ({value})",
        "unknown": "not known",
        "yes": "yes",
        "no": "no",
        "comma": ", ",
        "nothing": "Nothing was proposed.",
        "human": "You may ask that a person looks at this decision.",
        "say": "You may tell us what is wrong or missing, and have it corrected.",
        "others": "You may choose what everybody is offered instead, whatever we know of them.",
        "object": "You may object to being assessed like this at all.",
    },
    Language.ZH_CN: {
        "how": "{day}，系统根据我们掌握的您的信息和既定规则，自动决定了向您推荐的内容。",
        "risk": "系统估计您在 {days} 天内离网的可能性约为 {percent}%。",
        "raises": "使其升高的因素：{what}。",
        "lowers": "使其降低的因素：{what}。",
        "known": "{name}（{value}）",
        "unknown": "未知",
        "yes": "是",
        "no": "否",
        "comma": "、",
        "nothing": "本次未作任何推荐。",
        "human": "您可以要求由人工复核此决定。",
        "say": "您可以指出其中的错误或遗漏，并要求更正。",
        "others": "您可以改为选择不针对个人特征、面向所有人的方案。",
        "object": "您可以拒绝接受此类自动化评估。",
    },
}
OTHERWISE: Final[Mapping[Language, str]] = {
    Language.EN: "Something was left out for another reason.",
    Language.ZH_CN: "其余因其他原因未予推荐。",
}


def _both(en: str, zh_cn: str) -> Mapping[Language, str]:
    return {Language.EN: en, Language.ZH_CN: zh_cn}


# By the code of a trace's entry.
WHY: Final[Mapping[str, Mapping[Language, str]]] = {
    "INVOLUNTARY": _both(
        "Your line is suspended or in arrears: nothing is offered meanwhile.", "您的号码处于停机或欠费状态，暂不推荐。"
    ),
    "CHURNED": _both("You have left us.", "您已离网。"),
    "NO_PROFILING": _both("You do not want to be assessed, and so are not.", "您拒绝自动化评估，因此未作评估。"),
    "CHANNEL": _both("Some things are not offered over this channel.", "部分内容不通过此渠道提供。"),
    "NOT_YET_VALID": _both("Some offers have not begun yet.", "部分优惠尚未开始。"),
    "NO_LONGER_VALID": _both("Some offers have ended.", "部分优惠已经结束。"),
    "NEGATIVE_MARGIN": _both(
        "Some offers would cost us more than your plan brings in.", "部分优惠的成本高于您的套餐收入。"
    ),
    "GROUP_MEMBER_EXIT": _both(
        "Your group pays one fee for all: some offers are made to the group.", "您所在集团统一付费，部分优惠面向集团。"
    ),
    "SHORT_TENURE": _both("Some offers are for those who are with us for longer.", "部分优惠面向入网更久的用户。"),
    "FAULT_FIRST": _both("A fault of yours is open: that is repaired first.", "您的故障尚未修复，我们先修复故障。"),
    "FACT_UNKNOWN": _both("For some offers we do not know enough of you.", "部分优惠所需的信息我们并不掌握。"),
    "NOT_ELIGIBLE": _both("The conditions of some offers do not fit you.", "部分优惠的条件与您的情况不符。"),
    "OPTED_OUT": _both("You have asked not to be contacted like this.", "您已选择不接受此类联系。"),
    "UNREACHABLE": _both("We have nothing on file to reach you by.", "我们没有可联系您的方式。"),
    "ALREADY_CLAIMED": _both("A colleague is in touch with you about this.", "已有同事就此事与您联系。"),
    "ANOTHER_KEEPER": _both("Somebody else looks after you.", "您由其他专员负责。"),
    "QUIET_HOURS": _both("It was a time of rest where you are.", "当时为您所在地的休息时间。"),
    "COMPLAINT_OPEN": _both("A complaint of yours is open: we solve it first.", "您的投诉尚未解决，我们先解决投诉。"),
    "GROUP_AT_RISK": _both(
        "We are talking with your group as a whole: offers are made to the group.",
        "我们正与您所在集团整体沟通，优惠面向集团。",
    ),
    "UPSET": _both("You were dissatisfied lately: we do not press you.", "您近期表示不满，我们暂不打扰。"),
    "COOL_DOWN": _both("You declined some of it not long ago.", "部分内容您不久前已拒绝。"),
    "ALREADY_ACCEPTED": _both("You have some of it already.", "部分内容您已享有。"),
    "CONTACT_CAP": _both("We have been in touch with you often enough lately.", "近期与您的联系次数已达上限。"),
    "RISK_UNKNOWN": _both("We know too little of you to weigh anything.", "我们掌握的信息不足，无法评估。"),
    "MARGIN_UNKNOWN": _both("We do not know what you spend: nothing is weighed.", "我们不掌握您的消费情况，无法评估。"),
    "SLEEPING_DOG": _both("Some contacts would do more harm than good.", "部分联系可能适得其反。"),
    "NOT_WORTH_IT": _both("Some offers change too little for what they cost.", "部分优惠的效果不足以抵消其成本。"),
    "SPEND_CAP": _both("You have had as much in offers as anybody may have.", "您享有的优惠已达上限。"),
    "ARPU_GUARD": _both("What may be given away this month has been given away.", "本月可让利的额度已用完。"),
    "BUDGET": _both("The day's money for offers is spent.", "当日优惠预算已用完。"),
    "CAPACITY": _both("All of the day's places are taken.", "当日名额已满。"),
    "HELD_OUT": _both(
        "By chance you are among those who are offered nothing for a while: that tells whether offers help.",
        "您被随机分入暂不推荐的对照组，用以检验优惠是否有效。",
    ),
    "CAMPAIGN_ARM": _both("By chance a campaign has another offer for you.", "某项活动随机为您安排了其他优惠。"),
    "BEYOND_LIMIT": _both("Others were proposed first.", "其他推荐优先。"),
}
