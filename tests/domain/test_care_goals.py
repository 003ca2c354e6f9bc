"""Each goal of care has a measure of its own (E2)."""

from app.domain.care_goals import MEASURES, CareGoal, CareMeasure, share


def test_each_goal_has_one_measure_of_its_own() -> None:
    assert set(MEASURES) == set(CareGoal)
    assert sorted(MEASURES.values()) == sorted(CareMeasure)


def test_a_part_of_nothing_is_no_share() -> None:
    assert share(0, 0) is None
    assert share(1, 4) == 0.25
