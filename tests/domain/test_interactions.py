"""What a contact was about, told from the answers to the two questions (K1, K2)."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.interactions import Need, Phase, classify_need

# In the order in which a need wins over those below it: by how much is lost when it is missed.
SAID = {
    Need.LEAVE: ["I want to cancel my line", "How do I get a porting code?", "我要销户", "想携号转网"],
    Need.COMPLAINT: ["I complain for the third time", "I have a complaint", "Unacceptable", "我要投诉", "对服务很不满"],
    Need.FAULT: ["There is no signal at home", "The line drops every evening", "家里没信号", "宽带断网了"],
    Need.BILLING: [
        "My bill is wrong",
        "I was charged twice",
        "Your billing",
        "账单不对",
        "为什么多扣费",
        "我的bill不对",
    ],
    Need.DEVICE_ENQUIRY: ["Which handset fits me?", "The router", "想换手机", "光猫的灯是红的"],
    Need.PLAN_ENQUIRY: ["Is there a cheaper plan?", "Roaming in Japan", "有什么套餐", "漫游怎么收"],
    Need.TRANSACT: ["I want to top up", "It was never activated", "办理副卡", "我想充值"],
    Need.OTHER: ["Good morning", "你好"],
}


@pytest.mark.parametrize(("need", "said"), [(need, said) for need, all_said in SAID.items() for said in all_said])
def test_the_need_is_told_from_the_words_in_english_and_chinese(need: Need, said: str) -> None:
    # K2
    assert classify_need(said).need is need
    assert classify_need(said.upper()).need is need


def test_every_need_has_been_heard() -> None:
    assert set(SAID) == set(Need)


def test_the_word_that_told_is_kept_as_evidence() -> None:
    assert classify_need("My BILL is wrong").source == "rule:bill"
    assert classify_need("我要投诉").source == "rule:投诉"
    assert classify_need("Good morning").source == "rule:none"


@pytest.mark.parametrize("need", list(SAID)[:-1])
def test_of_several_needs_the_one_that_costs_most_to_miss_wins(need: Need) -> None:
    needs = list(SAID)
    lesser = [said for other in needs[needs.index(need) :] for said in SAID[other]]
    assert classify_need(*reversed(lesser)).need is need


def test_both_answers_count_and_either_may_be_missing() -> None:
    # K1: why did they contact us, and what do they want?
    assert classify_need("There is no signal", "Otherwise I cancel my contract").need is Need.LEAVE
    assert classify_need(None, "我要销户").need is Need.LEAVE
    assert classify_need("我要销户", None).need is Need.LEAVE
    assert classify_need(None, None).need is Need.OTHER
    assert classify_need().need is Need.OTHER


@pytest.mark.parametrize("said", ["I want an explanation", "I board an aeroplane", "I am at the border"])
def test_a_word_inside_another_word_tells_nothing(said: str) -> None:
    # K2: an explanation is no plan, and a border no order.
    assert classify_need(said).need is Need.OTHER


@given(st.text(), st.text())
def test_any_answers_have_one_need_and_a_source_that_fits_its_column(reason: str, request: str) -> None:
    found = classify_need(reason, request)
    assert found.need in Need
    assert 0 < len(found.source) <= 32


def test_a_contact_is_before_during_or_after_a_sale() -> None:
    # G15
    assert [phase.value for phase in Phase] == ["pre_sale", "during_sale", "after_sale"]
