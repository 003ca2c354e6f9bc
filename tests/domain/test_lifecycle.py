"""The lifecycle: key points in four stages, and which moves lead from one to another."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.lifecycle import KEY_POINTS, MOVES, KeyPoint, LifecycleStep, Stage, require_step, stage_of

points = st.sampled_from(KeyPoint)


def may(before: KeyPoint | None, after: KeyPoint | None) -> bool:
    try:
        require_step(before, after)
    except LifecycleStep:
        return False
    return True


def test_there_are_a_dozen_key_points_and_more_in_four_stages() -> None:
    """(J2)"""
    assert len(KeyPoint) >= 12
    assert set(KEY_POINTS) == set(Stage)
    assert len(Stage) == 4


def test_each_key_point_belongs_to_one_stage() -> None:
    """(J4)"""
    assert sorted(point for points in KEY_POINTS.values() for point in points) == sorted(KeyPoint)
    assert all(point in KEY_POINTS[stage_of(point)] for point in KeyPoint)


@given(points)
def test_who_stands_nowhere_may_stand_anywhere_and_be_taken_out_again(point: KeyPoint) -> None:
    """(J1)"""
    assert may(None, point)
    assert may(point, None)
    assert may(point, point)


@given(points, points)
def test_a_move_is_taken_where_the_table_has_it_and_refused_with_the_moves_it_has(
    before: KeyPoint, after: KeyPoint
) -> None:
    """(J1)"""
    if before == after or after in MOVES[before]:
        require_step(before, after)
        return
    with pytest.raises(LifecycleStep) as refused:
        require_step(before, after)
    told = refused.value.detail.partition(";")[0].removeprefix(f"from {before} a subscriber moves to ")
    assert set(told.split(", ")) == set(MOVES[before])


@given(points)
def test_no_key_point_is_a_dead_end_and_each_can_be_reached_from_the_first(point: KeyPoint) -> None:
    reached = {KeyPoint.INTENT}
    while more := {after for before in reached for after in MOVES[before]} - reached:
        reached |= more

    assert point in reached
    assert MOVES[point]
    assert point not in MOVES[point]


@pytest.mark.parametrize(
    ("before", "after", "allowed"),
    [
        ("intent", "application", True),
        ("intent", "loyalty", False),
        ("application", "first_bill", False),
        ("first_bill", "arpu_growth", True),
        ("arpu_growth", "retention", True),
        ("retention", "left", True),
        ("left", "loyalty", False),
        ("left", "win_back", True),
        ("win_back", "activation", True),
        ("loyalty", "intent", False),
    ],
)
def test_a_life_takes_the_steps_it_should(before: str, after: str, *, allowed: bool) -> None:
    """(J1)"""
    assert may(KeyPoint(before), KeyPoint(after)) is allowed
