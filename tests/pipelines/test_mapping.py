"""The mapping file: what it may say, and one line on what is wrong with it."""

from datetime import date
from pathlib import Path

import pytest

from app.domain.features import Feature, FeatureType
from app.pipelines.mapping import Mapping, MappingRefused, read_mapping

GOOD = "id: rownames\nfields:\n  tenure: {to: features.tenure_months, type: number, unit: months, min: 0}\n"


def read(tmp_path: Path, text: str) -> Mapping:
    path = tmp_path / "mapping.yaml"
    path.write_text(text, encoding="utf-8")
    return read_mapping(path)


def test_a_mapping_declares_the_features_it_brings(tmp_path: Path) -> None:
    # B12
    mapping = read(tmp_path, GOOD + "  town: {to: profile.region, type: text}\n")
    assert mapping.id == "rownames"
    assert mapping.features() == [Feature("tenure_months", FeatureType.NUMBER, "months", minimum=0)]


@pytest.mark.parametrize(
    "place",
    ["features.tenure", "features.a_2", "profile.region", "profile.status", "contact.phone", "consents.marketing"],
)
def test_these_are_places(tmp_path: Path, place: str) -> None:
    kind = "number" if place.startswith("features") else "text"
    assert read(tmp_path, f"id: id\nfields:\n  a: {{to: {place}, type: {kind}}}\n").fields["a"][0].to == place


@pytest.mark.parametrize(
    "place",
    [
        "tenure",
        "features",
        "features.",
        "features.Tenure",
        "features.2nd",
        "features.a.b",
        "profile.shoe_size",
        "profile.consents",
        "contact.fax",
        "consents.",
        "subscriber.region",
        "features.ténure",
    ],
)
def test_an_unknown_place_is_refused_by_name(tmp_path: Path, place: str) -> None:
    with pytest.raises(MappingRefused, match="is no place") as refused:
        read(tmp_path, f"id: id\nfields:\n  a: {{to: {place}, type: number}}\n")
    assert place in refused.value.detail


@pytest.mark.parametrize(
    ("text", "named"),
    [
        (GOOD + "fild: {}\n", "fild: is not known here"),
        (GOOD.replace("unit", "units"), "units"),
        (GOOD.replace("type: number", "type: float"), "tenure.type"),
        (GOOD.replace("type: number, unit: months, min: 0", "type: text"), "a date, not a text"),
        (GOOD.replace("type: number", "type: category"), "fields.tenure: a category has no min and no max"),
        (GOOD.replace("min: 0", "min: 3, max: 2"), "min is above max"),
        (GOOD.replace("min: 0", "min: nan"), "tenure.min"),
        (GOOD.replace("min: 0", "format: '%Y'"), "a number has no format"),
        (GOOD.replace("min: 0", "part: {by: '-', take: 0}"), "tenure.part.take"),
        (GOOD.replace("{to", "[{to").replace("0}", "0}, {to: features.x}]"), "fields.tenure.type: must be given"),
        ("id: id\nfields: {a: {to: features.a, type: date, format: dd/mm/yyyy}}\n", "a.format: is not a form of dates"),
        ("id: id\nfields: {a: []}\n", "fields.a"),
        (GOOD.replace("min: 0", "min: low"), "tenure.min"),
        (GOOD.replace("id: rownames\n", ""), "id"),
        (GOOD + "everything_else: guess\n", "everything_else"),
        ("id: id\nfields: [tenure]\n", "fields"),
        ("id: id\nfields: {tenure: features.tenure}\n", "tenure"),
        (GOOD + "ignore: [tenure]\n", "'tenure' is both taken and ignored"),
        (GOOD + "as_of: {}\n", "as_of: needs a column or a date, and not both"),
        (GOOD + "as_of: {column: month, date: 2026-10-31}\n", "as_of: needs a column or a date, and not both"),
        (GOOD + "as_of: {date: 31/10/2026}\n", "as_of: date is not one such as 2026-10-31"),
        (GOOD + "as_of: {date: 2026-10-31, format: '%d'}\n", "as_of: format belongs to a column"),
        (GOOD + "narrow: {name: rownames, value: v}\n", "narrow: the id, the name and the value"),
        (GOOD + "narrow: {name: n, value: v, aggregate: median}\n", "narrow.aggregate"),
        (GOOD + "joins: [{table: cells.csv, on: cell, since: day}]\n", "since needs as_of"),
        (GOOD + "joins: [{table: cells.csv}]\n", "joins.0.on: must be given"),
        (GOOD + "derived: {tenure_months: {formula: a / b}}\n", "tenure_months is the name of a field's feature"),
        (GOOD + "derived: {gender: {formula: a / b}}\n", "'gender' cannot be the name"),
        (GOOD + "derived: {Trend: {formula: a / b}}\n", "'Trend' cannot be the name"),
        (GOOD + "derived: {x: {formula: a ** b}}\n", "derived.x: the formula may hold names"),
        (GOOD + "derived: {x: {formula: 1 + 1}}\n", "derived.x: the formula must name a feature"),
        (GOOD + "derived: {x: {formula: gender / 2}}\n", "reads gender, a protected attribute"),
        (GOOD + "derived: {x: {formula: a}, y: {formula: x / 2}}\n", "y names x"),
        (GOOD + "label: {port_out: {column: status, values: []}}\n", "label.port_out.values"),
        (GOOD + "label: {downgrade: {column: brand, ladder: [gold, gold]}}\n", "names a step twice"),
        (GOOD + "label: {arpu_decline: {column: arpu, tiers: [50, 20]}}\n", "the tiers must ascend"),
        (GOOD + "label: {arpu_decline: {column: arpu, tiers: [nan]}}\n", "the tiers must ascend"),
        (GOOD + "min_tenure_months: 0\n", "min_tenure_months"),
    ],
)
def test_what_is_wrong_in_a_mapping_is_named_in_one_line(tmp_path: Path, text: str, named: str) -> None:
    with pytest.raises(MappingRefused) as refused:
        read(tmp_path, text)
    assert named in refused.value.detail
    assert "mapping.yaml" in refused.value.detail
    assert "\n" not in refused.value.detail


@pytest.mark.parametrize("text", ["", "just a text", "- a\n- list\n", "id: [", "\t", "id: &a [*a]"])
def test_what_is_no_mapping_is_refused_in_one_line(tmp_path: Path, text: str) -> None:
    with pytest.raises(MappingRefused, match=r"mapping\.yaml") as refused:
        read(tmp_path, text)
    assert "\n" not in refused.value.detail


def test_a_mapping_that_cannot_be_read_is_refused(tmp_path: Path) -> None:
    with pytest.raises(MappingRefused, match=r"gone\.yaml cannot be read"):
        read_mapping(tmp_path / "gone.yaml")
    (tmp_path / "latin.yaml").write_bytes("id: Zürich\n".encode("latin-1"))
    with pytest.raises(MappingRefused, match=r"latin\.yaml is not YAML"):
        read_mapping(tmp_path / "latin.yaml")


def test_a_mapping_file_runs_no_code(tmp_path: Path) -> None:
    with pytest.raises(MappingRefused):
        read(tmp_path, f"id: !!python/object/apply:pathlib.Path.touch [{tmp_path}/touched]\n")
    assert not (tmp_path / "touched").exists()


@pytest.mark.parametrize("column", ["no", "yes", "on", "Off", "true", "null", "1.10", "0123", "2026-10-31", "12:30"])
def test_a_column_is_called_as_it_is_written_whatever_yaml_makes_of_the_word(tmp_path: Path, column: str) -> None:
    mapping = read(tmp_path, f"id: {column}x\nfields:\n  {column}: {{to: features.x, type: number}}\n")
    assert (mapping.id, list(mapping.fields)) == (f"{column}x", [column])


def test_the_id_column_too_is_called_as_it_is_written(tmp_path: Path) -> None:
    assert read(tmp_path, "id: no\n").id == "no"


@pytest.mark.parametrize("mark", ["no", "NO", "off", "0", "0.0", "1.10", "null", "~", "2026-10-31"])
def test_a_mark_for_missing_is_taken_as_it_is_written(tmp_path: Path, mark: str) -> None:
    mapping = read(tmp_path, f"id: id\nfields:\n  a: {{to: features.a, type: category, missing: [{mark}]}}\n")
    assert mapping.fields["a"][0].missing == (mark,)


# ── what it says ──


def test_a_column_may_go_to_several_places_and_be_split_on_the_way(tmp_path: Path) -> None:
    mapping = read(
        tmp_path,
        """
        id: id
        fields:
          area:
            - {to: features.country, type: category, part: {by: "-", take: 1}}
            - {to: profile.region, type: text}
          gap: {to: features.gap, type: number, dated: gap_since}
        """,
    )
    sources = [(column, source.to) for column, source in mapping.sources()]
    assert sources == [("area", "features.country"), ("area", "profile.region"), ("gap", "features.gap")]
    assert [feature.name for feature in mapping.features()] == ["country", "gap"]
    country, region = mapping.fields["area"]
    assert country.part
    assert (country.part.by, country.part.take, region.part) == ("-", 1, None)
    assert mapping.fields["gap"][0].dated == "gap_since"


def test_a_date_is_a_feature_that_others_are_derived_from(tmp_path: Path) -> None:
    # B12
    mapping = read(
        tmp_path,
        """
        id: id
        as_of: {date: 2026-10-31}
        fields: {joined: {to: features.join_date, type: date, format: "%d/%m/%Y"}}
        derived: {tenure_months: {formula: months_since(join_date), unit: months, replaces: [join_date]}}
        """,
    )
    assert mapping.features() == [Feature("join_date", FeatureType.DATE)]
    assert mapping.as_of
    assert mapping.as_of.day == date(2026, 10, 31)
    assert mapping.derived["tenure_months"].parsed({"join_date": "2026-09-30"}, mapping.as_of.day) == 31 / 30.4375


def test_a_panel_says_how_each_kind_of_churn_is_told(tmp_path: Path) -> None:
    # A1–A4, A11
    mapping = read(
        tmp_path,
        """
        id: id
        as_of: {column: month, format: "%Y-%m"}
        label:
          port_out: {column: status, values: [ported]}
          downgrade: {column: brand, ladder: [gold, silver, basic]}
          arpu_decline: {column: arpu, tiers: [20, 50.5], months: 2}
          involuntary: {column: status, values: [arrears]}
        """,
    )
    label = mapping.label
    assert label.downgrade
    assert label.arpu_decline
    assert label.downgrade.ladder == ("gold", "silver", "basic")
    assert (label.arpu_decline.tiers, label.arpu_decline.months) == ((20.0, 50.5), 2)
