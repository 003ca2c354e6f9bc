"""A table becomes a dataset: every row labelled, or left out for a reason that is counted."""

import csv
from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.features import Feature, FeatureType
from app.domain.formulas import parse_formula
from app.errors import Invalid
from app.ml.dataset import Dataset
from app.ml.manifest import ChurnKind
from app.pipelines.deriving import DatedLater, UndatedTable
from app.pipelines.labelled import Labelled, TenureUnknown, read
from app.pipelines.mapping import Mapping
from app.pipelines.observations import RowsRefused
from app.pipelines.questions import Question, TargetRefused
from app.pipelines.tables import open_table

OWN = Question("port_out", 30, target="left", positive="yes")
KINDS: tuple[ChurnKind, ...] = ("port_out", "downgrade", "arpu_decline")
Read = Callable[..., Labelled]

PANEL: dict[str, Any] = {
    "id": "id",
    "as_of": {"column": "day"},
    "fields": {"bill": {"to": "features.bill", "type": "number"}},
    "label": {
        "port_out": {"column": "status", "values": ["ported"]},
        "downgrade": {"column": "brand", "ladder": ["gold", "basic"]},
        "arpu_decline": {"column": "bill", "tiers": [50, 150], "months": 2},
        "involuntary": {"column": "arrears", "values": ["yes"]},
    },
}
HEADER = "id,day,status,brand,bill,arrears"


@pytest.fixture
def reading(tmp_path: Path) -> Read:
    """Read a table from its text, or a panel from its rows."""

    def reading(text: str, mapping: dict[str, Any], question: Question = OWN, **how: Any) -> Labelled:
        path = tmp_path / "table.csv"
        path.write_text(text, encoding="utf-8")
        return read(open_table(path), Mapping.model_validate(mapping), question, **how)

    return reading


def month(number: int) -> date:
    return date(2026, number, 1)


def panel(*rows: str) -> str:
    """Write rows such as `s-1 3 active gold 200` as a panel of first days of months."""
    lines = [HEADER]
    for row in rows:
        id, number, *cells = row.split()
        lines.append(",".join([id, month(int(number)).isoformat(), *cells, *[""] * (4 - len(cells))]))
    return "\n".join([*lines, ""])


def labels(dataset: Dataset) -> dict[str, list[int]]:
    """Return the months of each subscriber's rows that are labelled as followed by churn."""
    found: dict[str, list[int]] = {}
    for id, day, label in zip(dataset.ids, dataset.dates or [], dataset.labels.tolist(), strict=True):
        found.setdefault(id, []).extend([day.month] if label else [])
    return found


# ── a table with a label of its own ──

FLAT: dict[str, Any] = {"id": "id", "fields": {"tenure": {"to": "features.tenure_months", "type": "number"}}}
ROWS = "id,tenure,left,why\n1,2,yes,price\n2,2,no,\n3,40,yes,arrears\n4,50,no,arrears\n5,60,yes,\n"


def test_a_row_with_the_positive_value_left_and_any_other_stayed(reading: Read) -> None:
    dataset = reading(ROWS, FLAT, declared=frozenset({"tenure_months"})).dataset
    assert dataset.labels.tolist() == [True, False, True, False, True]
    assert (dataset.ids, dataset.columns) == (["1", "2", "3", "4", "5"], {"tenure_months": [2, 2, 40, 50, 60]})
    assert dataset.declared == {"tenure_months"}
    assert (dataset.dates, dataset.groups, dataset.segments) == (None, None, {})


def test_those_below_the_least_tenure_are_left_out_leavers_and_stayers_alike(reading: Read) -> None:  # A10
    read = reading(ROWS, FLAT | {"min_tenure_months": "3"})
    assert read.dataset.ids == ["3", "4", "5"]
    assert read.cleaning.rows.filtered == {"short tenure": 2}


def test_the_question_may_set_or_lift_the_least_tenure(reading: Read) -> None:  # A10
    def kept(limit: float) -> list[str]:
        question = Question("port_out", 30, "left", "yes", min_tenure_months=limit)
        return reading(ROWS, FLAT | {"min_tenure_months": "3"}, question).dataset.ids

    assert (kept(0), kept(45)) == (["1", "2", "3", "4", "5"], ["4", "5"])


def test_an_unknown_tenure_is_not_a_short_one(reading: Read) -> None:  # A10
    text = "id,tenure,left\n1,,yes\n2,3,no\n3,2.9,no\n"
    assert reading(text, FLAT | {"min_tenure_months": "3"}).dataset.ids == ["1", "2"]


def test_the_short_tenure_rule_needs_a_tenure(reading: Read) -> None:  # A10
    with pytest.raises(TenureUnknown, match="tenure_months"):
        reading(ROWS, {"id": "id", "min_tenure_months": "3"})


def test_who_had_to_leave_is_no_leaver_and_who_was_in_arrears_and_stayed_stayed(reading: Read) -> None:  # A11
    read = reading(ROWS, FLAT | {"label": {"involuntary": {"column": "why", "values": ["arrears", "fraud"]}}})
    assert read.dataset.ids == ["1", "2", "4", "5"]
    assert read.cleaning.rows.filtered == {"involuntary leavers": 1}


@pytest.mark.parametrize(
    ("text", "mapping", "question", "sentence"),
    [
        (ROWS, FLAT, Question("port_out", 30, "gone", "yes"), "the table has no column 'gone' to learn from"),
        (ROWS, FLAT, Question("port_out", 30, "left"), "--positive"),
        (ROWS, FLAT, Question("port_out", 30), "--target and --positive, or as label.port_out"),
        (ROWS, FLAT, Question("port_out", 30, "left", "Yes"), "no row has the value 'Yes' in the column 'left'"),
        (ROWS, FLAT | {"min_tenure_months": "99"}, OWN, "'yes' in the column 'left'; rows left out: 5 (short tenure)"),
        (ROWS, FLAT, Question("port_out", 30, "tenure", "2"), "the mapping takes the target 'tenure' as a feature"),
        ("id,tenure,left\n1,2,yes\n2,2,\n", FLAT, OWN, "line 3: left is empty, and nobody knows"),
        ("id,tenure,left\n1,2,yes\n2,2,no\n1,3,no\n", FLAT, OWN, "line 4: id repeats that of line 2"),
        ("id,tenure,left\n1,2,yes\n2,long,no\n", FLAT, OWN, "line 3: tenure is not a number"),
        ("id,tenure,left\n1,2,yes\n2,2\n", FLAT, OWN, "line 3: has 2 fields where the header has 3"),
        (ROWS, FLAT | {"group": "vpmn"}, OWN, "names the column 'vpmn', which the table does not have"),
        (ROWS, FLAT | {"segments": ["area"]}, OWN, "names the column 'area'"),
    ],
)
def test_what_cannot_be_learned_from_is_said_in_one_line(
    reading: Read, text: str, mapping: dict[str, Any], question: Question, sentence: str
) -> None:
    with pytest.raises(Invalid) as refused:
        reading(text, mapping, question)
    assert sentence in refused.value.detail


def test_refused_rows_are_told_and_left_out_if_somebody_hears_of_them(reading: Read) -> None:
    rejects: list[Any] = []
    text = "id,tenure,left\n1,2,yes\n2,long,no\n1,3,no\n4,1,\n5\n6,3,no\n"
    read = reading(text, FLAT, reject=rejects.append)
    assert read.dataset.ids == ["1", "6"]
    assert [(reject.line, reject.field) for reject in rejects] == [(3, "tenure"), (4, "id"), (5, "left"), (6, "")]
    assert read.cleaning.rows.filtered == {"refused": 4}


def test_an_empty_table_is_left_to_the_training_to_refuse(reading: Read) -> None:
    assert reading("id,tenure,left\n", FLAT).dataset.ids == []


def test_the_progress_ends_at_one(reading: Read) -> None:
    told: list[float] = []
    reading(ROWS, FLAT, progress=told.append)
    assert told[-1] == 1


def test_groups_and_segments_are_read_from_columns_and_from_the_profile(reading: Read) -> None:
    text = "id,left,club,town,kind,plan\n1,yes,g1, North ,post,a\n2,no,,,-,b\n"
    fields = {
        "town": {"to": "profile.region", "type": "text"},
        "kind": {"to": "profile.payment_type", "type": "text", "missing": ["-"]},
        "club": {"to": "profile.group_id", "type": "text"},
    }
    dataset = reading(text, {"id": "id", "fields": fields, "segments": ["plan"]}).dataset
    assert dataset.groups == ["g1", None]
    assert dataset.segments == {"region": ["North", None], "payment_type": ["post", None], "plan": ["a", "b"]}
    assert reading(text, {"id": "id", "group": "plan"}).dataset.groups == ["a", "b"]


# ── a panel ──

THREE_KINDS = panel(
    *(f"loyal {month} active gold 200" for month in range(1, 7)),
    *(f"ported {month} active gold 200" for month in range(1, 4)),
    "ported 4 ported gold 200",
    *(f"stepped {month} active {'gold' if month < 4 else 'basic'} 200" for month in range(1, 7)),
    *(f"saved {month} active gold {200 if month < 4 else 80}" for month in range(1, 7)),
    *(f"all {month} active gold 200" for month in range(1, 4)),
    "all 4 ported basic 20",
)
MONTHS_AHEAD = {"port_out": [3], "downgrade": [3], "arpu_decline": [3]}


@pytest.mark.parametrize("kind", KINDS)
def test_each_subscriber_gets_exactly_the_label_of_what_came(reading: Read, kind: ChurnKind) -> None:  # A1, A2
    of_kind = {"port_out": "ported", "downgrade": "stepped", "arpu_decline": "saved"}[kind]
    found = labels(reading(THREE_KINDS, PANEL, Question(kind, 31)).dataset)
    assert {id for id, months in found.items() if months} == {of_kind, "all"}
    assert found[of_kind] == found["all"] == [3]


def test_a_label_looks_strictly_forward_and_its_last_day_counts(reading: Read) -> None:
    text = panel(*(f"a {n} active" for n in (1, 2, 3)), "a 4 ported", "b 1 active", "b 9 active")
    assert labels(reading(text, PANEL, Question("port_out", 31)).dataset)["a"] == [3]
    assert labels(reading(text, PANEL, Question("port_out", 59)).dataset)["a"] == [2, 3]  # 1 February + 59 days
    with pytest.raises(TargetRefused, match="followed by a port_out within 30 days, as 'status' tells it"):
        reading(text, PANEL, Question("port_out", 30))


def test_rows_that_are_no_observations_are_counted_by_their_reason(reading: Read) -> None:
    text = panel(
        *(f"a {n} active" for n in (1, 2)), "a 3 ported", "a 4 ported", "a 5 active",
        *(f"b {n} active" for n in (1, 2, 3, 4, 5)),
    )  # fmt: skip
    read = reading(text, PANEL, Question("port_out", 31))
    assert labels(read.dataset) == {"a": [2], "b": []}
    # The panel ends on 1 May, the window of April on the 2nd.
    assert read.cleaning.rows.filtered == {"already left": 3, "label window not over": 2}
    assert (read.cleaning.rows.read, read.cleaning.rows.kept) == (10, 5)


def test_a_row_whose_window_is_not_over_is_left_out_even_if_the_event_has_come(reading: Read) -> None:
    text = panel("a 1 active", "a 2 ported", "b 1 active", "b 2 active", "b 3 active")
    with pytest.raises(TargetRefused, match=r"rows left out: 4 \(label window not over\), 1 \(already left\)"):
        reading(text, PANEL, Question("port_out", 90))


def test_who_left_in_arrears_is_no_leaver_on_any_day(reading: Read) -> None:  # A11
    text = panel(
        "a 1 active gold 9 no", "a 2 active gold 9 yes", "a 3 ported gold 9 no",
        "b 1 active gold 9 yes", "b 2 active gold 9 no", "b 3 active gold 9 no", "b 4 ported gold 9 no",
        "c 1 active gold 9 yes", "c 2 active gold 9 yes", "c 3 active gold 9 yes", "c 9 active gold 9 yes",
        "d 1 active gold 9 no", "d 2 ported gold 9 yes",
    )  # fmt: skip
    read = reading(text, PANEL, Question("port_out", 31))
    assert labels(read.dataset) == {"a": [], "b": [3], "c": []}
    assert read.cleaning.rows.filtered == {"involuntary leavers": 2, "already left": 3, "label window not over": 1}


def test_a_blank_cell_tells_of_no_event(reading: Read) -> None:
    text = panel("a 1", "a 2", "a 3 ported", "b 1", "b 5")
    assert labels(reading(text, PANEL, Question("port_out", 31)).dataset) == {"a": [2], "b": []}


@pytest.mark.parametrize(
    ("kind", "rows", "sentence"),
    [
        ("downgrade", ["a 1 active gold", "a 2 active silver"], "line 3: brand is no rung of the ladder"),
        (
            "port_out",
            ["a 1 active gold", "b 1 active gold", "a 1 active gold"],
            "line 4: id repeats that of line 2 for the same day",
        ),
        ("arpu_decline", ["a 1 active gold much"], "line 2: bill is not a number"),
    ],
)
def test_a_row_that_tells_nonsense_is_named(reading: Read, kind: ChurnKind, rows: list[str], sentence: str) -> None:
    with pytest.raises(RowsRefused, match=sentence):
        reading(panel(*rows), PANEL, Question(kind, 31))


@pytest.mark.parametrize("day", ["", "soon"])
def test_a_row_of_no_day_is_named(reading: Read, day: str) -> None:
    with pytest.raises(RowsRefused, match="line 2: day is"):
        reading(f"{HEADER}\na,{day},active,,,\n", PANEL, Question("port_out", 31))


@pytest.mark.parametrize(
    ("mapping", "question", "sentence"),
    [
        (PANEL | {"as_of": {"date": "2026-10-31"}}, Question("port_out", 31), "label.port_out needs the column"),
        (PANEL | {"label": {}}, Question("downgrade", 31), "label.downgrade in the mapping"),
        (PANEL, Question("port_out", 31, as_of=date(2026, 1, 1)), "the rows that the column 'day' dates"),
        (PANEL | {"as_of": {"column": "month"}}, Question("port_out", 31), "'month', which the table does not have"),
        (
            PANEL | {"label": {"port_out": {"column": "state", "values": ["x"]}}},
            Question("port_out", 31),
            "'state', which the table does not have",
        ),
    ],
)
def test_a_panel_that_cannot_answer_the_question_is_refused(
    reading: Read, mapping: dict[str, Any], question: Question, sentence: str
) -> None:
    with pytest.raises(Invalid) as refused:
        reading(panel("a 1 active gold 9 no"), mapping, question)
    assert sentence in refused.value.detail


histories = st.lists(
    st.tuples(st.sampled_from("abc"), st.integers(0, 40), st.booleans()),
    min_size=1,
    max_size=30,
    unique_by=lambda row: row[:2],
)


@given(histories, st.integers(1, 30), st.randoms())
def test_every_label_is_what_the_days_after_it_hold_in_whatever_order_the_rows_stand(
    tmp_path_factory: pytest.TempPathFactory, history: list[tuple[str, int, bool]], horizon: int, chance: Any
) -> None:
    expected = {}
    last = max(day for _, day, _ in history)
    for id, day, _ in history:
        left = min((at for one, at, gone in history if one == id and gone), default=10**6)
        if day < left and day + horizon <= last:
            expected[id, day] = left <= day + horizon
    chance.shuffle(history)
    path = tmp_path_factory.getbasetemp() / "history.csv"
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows(
            [
                HEADER.split(","),
                *(
                    [id, date(2026, 1, 1) + timedelta(day), "ported" if gone else "", "", "", ""]
                    for id, day, gone in history
                ),
            ]
        )
    try:
        dataset = read(open_table(path), Mapping.model_validate(PANEL), Question("port_out", horizon)).dataset
    except TargetRefused:
        assert not any(expected.values())
        return
    days = [(day - date(2026, 1, 1)).days for day in dataset.dates or []]
    assert dict(zip(zip(dataset.ids, days, strict=True), dataset.labels.tolist(), strict=True)) == expected


# ── what is derived, and what is dated ──

DATED: dict[str, Any] = {
    "id": "id",
    "fields": {
        "joined": {"to": "features.joined", "type": "date", "format": "%d.%m.%Y"},
        "spend3": {"to": "features.spend3", "type": "number"},
        "spend6": {"to": "features.spend6", "type": "number"},
        "plan": {"to": "features.plan", "type": "category"},
    },
    "derived": {
        "tenure_months": {"formula": "months_since(joined)", "unit": "months"},
        "trend": {"formula": "spend3 / spend6", "replaces": ["spend3"]},
    },
}
DATED_ROWS = """\
id,joined,spend3,spend6,plan,left
1,31.08.2026,30,40,a,yes
2,01.10.2026,30,0,a,no
3,,30,,b,no
"""
ON = Question("port_out", 30, "left", "yes", as_of=date(2026, 10, 31))


def test_derived_features_are_recomputed_from_the_raw_ones_to_the_digit(reading: Read) -> None:  # B12
    dataset = reading(DATED_ROWS, DATED, ON).dataset
    assert dataset.columns["tenure_months"] == [61 / 30.4375, 30 / 30.4375, None]
    assert dataset.columns["trend"] == [0.75, None, None]
    for made in dataset.derived:
        formula = parse_formula(made.formula)
        rows = [{name: dataset.columns[name][row] for name in formula.operands} for row in range(3)]
        assert dataset.columns[made.name] == [formula(row, date(2026, 10, 31)) for row in rows]
    assert Feature("tenure_months", FeatureType.NUMBER, "months") in dataset.features
    assert dataset.declared == set()
    assert dataset.derived[1].replaces == ("spend3",)


def test_a_date_is_raw_and_no_feature(reading: Read) -> None:  # B12
    dataset = reading(DATED_ROWS, DATED, ON).dataset
    assert [feature.name for feature in dataset.raw] == ["joined"]
    assert "joined" not in {feature.name for feature in dataset.features}
    assert dataset.columns["joined"] == ["2026-08-31", "2026-10-01", None]


def test_a_derived_tenure_is_as_of_each_row_and_may_be_too_short(reading: Read) -> None:  # A10, B12
    text = "id,day,status,joined\n" + "".join(
        f"a,2026-0{n}-01,{'ported' if n == 6 else ''},01.01.2026\n" for n in range(1, 7)
    )
    mapping = PANEL | {"fields": {"joined": DATED["fields"]["joined"]}, "min_tenure_months": "3"}
    mapping |= {
        "derived": {"tenure_months": DATED["derived"]["tenure_months"]},
        "label": {"port_out": PANEL["label"]["port_out"]},
    }
    read = reading(text, mapping, Question("port_out", 31))
    assert [day.month for day in read.dataset.dates or []] == [5]
    assert read.cleaning.rows.filtered == {"short tenure": 4, "already left": 1}


def test_a_date_without_a_day_to_count_from_is_refused(reading: Read) -> None:
    with pytest.raises(UndatedTable, match="joined rests on a date: say with --as-of"):
        reading(DATED_ROWS, DATED, OWN)
    assert reading(DATED_ROWS, DATED | {"as_of": {"date": "2026-10-31"}}, OWN).dataset.columns["trend"][0] == 0.75


def test_what_is_dated_after_its_row_is_refused_by_name_unless_it_is_allowed(reading: Read) -> None:  # B11
    text = DATED_ROWS.replace("01.10.2026", "01.11.2026")
    with pytest.raises(DatedLater, match=r"joined .*line 3.* --allow-leak joined"):
        reading(text, DATED, ON)
    assert reading(text, DATED, ON, allowed=frozenset({"joined"})).dataset.columns["joined"][1] == "2026-11-01"


def test_a_value_known_since_a_day_after_its_row_is_refused_by_name_unless_it_is_allowed(reading: Read) -> None:  # B11
    gap = {"to": "features.tariff_gap", "type": "number", "dated": "since"}
    mapping = {"id": "id", "fields": {"gap": gap}}
    text = "id,gap,since,left\n1,0.1,2026-10-31,yes\n2,0.2,,no\n3,0.2,2026-11-01,no\n"
    with pytest.raises(DatedLater, match=r"tariff_gap .*line 4.* --allow-leak tariff_gap"):
        reading(text, mapping, ON)
    assert reading(text.replace("11-01", "10-01"), mapping, ON).dataset.columns == {"tariff_gap": [0.1, 0.2, 0.2]}
    assert len(reading(text, mapping, ON, allowed=frozenset({"tariff_gap"})).dataset.ids) == 3
    with pytest.raises(UndatedTable, match="tariff_gap"):
        reading(text, mapping)
    with pytest.raises(RowsRefused, match="line 4: since is not a date"):
        reading(text.replace("2026-11-01", "soon"), mapping, ON)
