"""A decision in plain words: every reason that can keep something back has its sentence, in every language."""

import ast
from typing import Any

import pytest

from app.domain.explanations import OTHERWISE, WHY, Language, explain
from tests.contracts.repository import sources

CODE = r"[A-Z][A-Z_]+"
DECISION: dict[str, Any] = {
    "decided_at": "2026-10-31T09:30:00+00:00",
    "actions": [{"name": "A better plan", "say": "This fits how you use it."}],
    "none_because": None,
    "score": {
        "probability": 0.6132,
        "horizon_days": 30,
        "drivers": [
            {"feature": "tenure_months", "value": 1, "effect": "raises"},
            {"feature": "online_security", "value": False, "effect": "raises"},
            {"feature": "contract", "value": "Two year", "effect": "lowers"},
            {"feature": "segment", "value": None, "effect": "lowers"},
            {"feature": "partner", "value": True, "effect": "none"},
        ],
    },
    "trace": [
        {"action": "a", "verdict": "kept", "code": "CHOSEN"},
        {"action": "b", "verdict": "removed", "code": "CAPACITY"},
        {"action": "c", "verdict": "removed", "code": "COMPLAINT_OPEN"},
        {"action": "d", "verdict": "removed", "code": "CAPACITY"},
    ],
}


def codes_of_the_engine() -> set[str]:
    """What stands first in a Removal, wherever one is made."""
    found = set()
    for source in sources("app/domain/decisions").values():
        for node in ast.walk(ast.parse(source)):
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "Removal":
                code = node.args[0]
                found.add(code.value if isinstance(code, ast.Constant) else ast.unparse(code))
    return {str(code) for code in found}


def test_every_reason_has_its_words() -> None:
    codes = codes_of_the_engine()
    assert len(codes) > 25
    assert codes <= WHY.keys() | {"HELD_OUT"}
    assert all(words.keys() == set(Language) for words in (*WHY.values(), OTHERWISE))


def test_a_decision_is_told_in_sentences() -> None:
    told = explain(DECISION, Language.EN)
    assert "2026-10-31" in told.how
    assert told.risk == "It takes the chance that you leave us within 30 days to be about 61 in 100."
    assert told.reasons == (
        "What makes that more likely: tenure months (1), online security (no).",
        "What makes that less likely: contract (Two year), segment (not known).",
    )
    assert told.proposed == ("A better plan: This fits how you use it.",)
    assert told.not_proposed == (
        "All of the day's places are taken.",
        "A complaint of yours is open: we solve it first.",
    )
    assert len(told.rights) == 4


def test_a_decision_is_told_in_chinese() -> None:
    told = explain(DECISION, Language.ZH_CN)
    assert told.risk == "系统估计您在 30 天内离网的可能性约为 61%。"
    assert told.reasons[0] == "使其升高的因素：tenure months（1）、online security（否）。"


@pytest.mark.parametrize("language", Language)
def test_a_decision_for_nothing_and_of_nobody_known_is_told_as_such(language: Language) -> None:
    told = explain(DECISION | {"actions": [], "score": None, "trace": []}, language)
    assert (told.risk, told.reasons, told.not_proposed) == (None, (), ())
    assert len(told.proposed) == 1


def test_a_reason_from_before_or_after_this_version_has_words_too() -> None:
    trace = [{"action": "a", "verdict": "removed", "code": "UNHEARD_OF"}]
    assert explain(DECISION | {"trace": trace}, Language.EN).not_proposed == (OTHERWISE[Language.EN],)


def test_a_number_is_told_as_people_write_it() -> None:
    drivers = [{"feature": "months", "value": 1.0, "effect": "raises"}]
    told = explain(DECISION | {"score": DECISION["score"] | {"drivers": drivers}}, Language.EN)
    assert told.reasons == ("What makes that more likely: months (1).",)
