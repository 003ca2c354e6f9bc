"""import: a table becomes subscribers, each with a snapshot; what does not fit is refused row by row."""

import csv
import datetime as dt
import re
from pathlib import Path
from typing import Any

import psycopg
import pyarrow as pa
import pytest
from pyarrow import parquet

from tests.cli.command import Command
from tests.factories.tables import where_found

PHONE = "+8613800001234"
MAPPING = """\
id: subscriber
fields:
  tenure: {to: features.tenure_months, type: number, unit: months, min: 0, max: 1200}
  plan:   {to: features.contract, type: category, missing: ["NA"]}
  senior: {to: features.senior, type: boolean}
  joined: {to: profile.joined_on, type: date, format: "%d/%m/%Y"}
  town:   {to: profile.region, type: text}
  msisdn: {to: contact.phone, type: text}
  name:   {to: contact.name, type: text}
  sms:    {to: consents.sms, type: boolean}
"""
HEADER = ["subscriber", "tenure", "plan", "senior", "joined", "town", "msisdn", "name", "sms", "left"]
ANNA = ["s-1", "12", "One year", "yes", "29/02/2020", "North", PHONE, "Anna Ng", "no", "No"]
BO = ["s-2", "1.5", "NA", "no", "", "", "", "", "", "Yes"]
CY = ["s-3", "0", "Two year", "0", "01/01/2021", "South", "", "Cy", "yes", "No"]


class Folder:
    """Where the command runs: tables and mappings are put here."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.put("mapping.yaml", MAPPING)

    def put(self, name: str, text: str) -> str:
        (self.path / name).write_text(text, encoding="utf-8", errors="surrogateescape")
        return name

    def table(self, *rows: list[str], name: str = "table.csv") -> str:
        with (self.path / name).open("w", encoding="utf-8", errors="surrogateescape", newline="") as file:
            csv.writer(file).writerows([HEADER, *rows])
        return name


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    return Folder(tmp_path)


def import_(stayline: Command, table: str, *options: str, as_of: str = "2026-10-31") -> dict[str, int]:
    """Import, and return the counts it tells."""
    told = stayline.succeeds("import", table, "--mapping", "mapping.yaml", "--as-of", as_of, *options)
    found = re.search(
        r"(\d+) rows read = (\d+) stored \+ (\d+) refused;.* (\d+) are new, (\d+) changed, (\d+) as before", told
    )
    assert found, told
    names = ("read", "stored", "refused", "new", "changed", "unchanged")
    counts = dict(zip(names, map(int, found.groups()), strict=True))
    assert counts["read"] == counts["stored"] + counts["refused"]
    assert counts["stored"] == counts["new"] + counts["changed"] + counts["unchanged"]
    return counts


def rejects_of(folder: Folder) -> list[dict[str, str]]:
    with (folder.path / "rejects.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def features_of(store: psycopg.Connection, subscriber_id: str) -> dict[str, Any]:
    """Return the snapshots of a subscriber by their date."""
    query = "SELECT as_of, features FROM feature_snapshots WHERE subscriber_id = %s"
    return {as_of.isoformat(): features for as_of, features in store.execute(query, [subscriber_id])}


def everything(store: psycopg.Connection) -> list[Any]:
    """Return what would be different if anything had been written: versions, times, and sealed bytes."""
    subscribers = store.execute("SELECT * FROM subscribers ORDER BY subscriber_id").fetchall()
    snapshots = store.execute("SELECT * FROM feature_snapshots ORDER BY subscriber_id, as_of").fetchall()
    return [subscribers, snapshots]


# ── what is stored ──


def test_good_rows_become_subscribers_with_a_snapshot_and_the_rest_of_the_table_is_ignored(
    stayline: Command, folder: Folder, store: psycopg.Connection
) -> None:
    assert import_(stayline, folder.table(ANNA, BO, CY)) == {
        "read": 3, "stored": 3, "refused": 0, "new": 3, "changed": 0, "unchanged": 0
    }  # fmt: skip
    query = "SELECT region, joined_on, status, consents FROM subscribers WHERE subscriber_id = 's-1'"
    assert store.execute(query).fetchone() == ("North", dt.date(2020, 2, 29), "active", {"sms": False})
    assert features_of(store, "s-1") == {"2026-10-31": {"tenure_months": 12, "contract": "One year", "senior": True}}
    assert features_of(store, "s-2") == {"2026-10-31": {"tenure_months": 1.5, "contract": None, "senior": False}}


def test_the_features_stand_in_the_dictionary_with_unit_range_and_levels(
    stayline: Command, folder: Folder, store: psycopg.Connection
) -> None:
    # B12
    rows = [[f"{row[0]}-{number}", *row[1:]] for row in (ANNA, CY) for number in range(5)]
    import_(stayline, folder.table(BO, *rows))
    query = "SELECT name, type, unit, minimum, maximum, levels, source FROM features ORDER BY name"
    assert store.execute(query).fetchall() == [
        ("contract", "category", None, None, None, ["One year", "Two year"], "table.csv"),
        ("senior", "boolean", None, None, None, [], "table.csv"),
        ("tenure_months", "number", "months", 0, 1200, [], "table.csv"),
    ]


def test_what_identifies_a_person_is_nowhere_in_the_store_in_the_open(
    stayline: Command, folder: Folder, store: psycopg.Connection
) -> None:
    # B7
    import_(stayline, folder.table(ANNA))
    assert store.execute("SELECT contact IS NOT NULL FROM subscribers").fetchone() == (True,)
    assert where_found(store, "s-1") == {"subscribers", "feature_snapshots", "profile_versions"}
    for secret in (PHONE, PHONE[1:], "Anna Ng", "Anna"):
        assert where_found(store, secret) == set()


def test_parquet_gives_the_same_as_csv(stayline: Command, folder: Folder, store: psycopg.Connection) -> None:
    import_(stayline, folder.table(ANNA, BO, CY))
    before = everything(store)
    columns = {
        "subscriber": pa.array(["s-1", "s-2", "s-3"]),
        "tenure": pa.array([12.0, 1.5, 0.0]),
        "plan": pa.array(["One year", None, "Two year"]).dictionary_encode(),
        "senior": pa.array([True, False, False]),
        "joined": pa.array([dt.date(2020, 2, 29), None, dt.date(2021, 1, 1)]),
        "town": pa.array(["North", None, "South"]),
        "msisdn": pa.array([PHONE, None, None]),
        "name": pa.array(["Anna Ng", None, "Cy"]),
        "sms": pa.array([False, None, True]),
    }
    parquet.write_table(pa.table(columns), folder.path / "table.parquet")
    assert import_(stayline, "table.parquet")["unchanged"] == 3
    assert everything(store) == before


# ── importing again ──


def test_the_same_table_twice_changes_nothing(stayline: Command, folder: Folder, store: psycopg.Connection) -> None:
    table = folder.table(ANNA, BO, CY)
    import_(stayline, table)
    before = everything(store)
    assert import_(stayline, table) == {
        "read": 3, "stored": 3, "refused": 0, "new": 0, "changed": 0, "unchanged": 3
    }  # fmt: skip
    assert everything(store) == before


def test_a_changed_profile_makes_a_new_version_and_leaves_the_others_alone(
    stayline: Command, folder: Folder, store: psycopg.Connection
) -> None:
    def versions() -> dict[str, int]:
        return dict(store.execute("SELECT subscriber_id, version FROM subscribers").fetchall())

    import_(stayline, folder.table(ANNA, CY))
    before = versions()
    counts = import_(stayline, folder.table([*ANNA[:5], "West", *ANNA[6:]], CY))
    assert (counts["changed"], counts["unchanged"]) == (1, 1)
    assert versions() == before | {"s-1": before["s-1"] + 1}


def test_a_changed_feature_replaces_that_of_the_same_date(
    stayline: Command, folder: Folder, store: psycopg.Connection
) -> None:
    import_(stayline, folder.table(ANNA, CY))
    counts = import_(stayline, folder.table(["s-1", "13", *ANNA[2:]], CY))
    assert (counts["changed"], counts["unchanged"]) == (1, 1)
    assert features_of(store, "s-1")["2026-10-31"]["tenure_months"] == 13


def test_another_date_adds_a_snapshot_and_keeps_the_old_one(
    stayline: Command, folder: Folder, store: psycopg.Connection
) -> None:
    # B16
    import_(stayline, folder.table(ANNA), as_of="2026-09-30")
    import_(stayline, folder.table(["s-1", "13", *ANNA[2:]]), as_of="2026-10-31")
    tenures = {as_of: features["tenure_months"] for as_of, features in features_of(store, "s-1").items()}
    assert tenures == {"2026-09-30": 12, "2026-10-31": 13}


def test_an_empty_cell_empties_nothing_that_is_known_of_the_person(
    stayline: Command, folder: Folder, store: psycopg.Connection
) -> None:
    import_(stayline, folder.table(ANNA))
    before = everything(store)[0]
    only_features = ["s-1", *ANNA[1:4], "", "", "", "", "", ""]
    assert import_(stayline, folder.table(only_features))["unchanged"] == 1
    assert everything(store)[0] == before


# ── what is refused ──


def test_bad_rows_are_refused_one_by_one_and_the_file_says_why(stayline: Command, folder: Folder) -> None:
    # B13: a file with known faults gives exact counts.
    table = folder.table(
        ANNA,
        ["s-4", "-1", *ANNA[2:]],
        ["s 5", *ANNA[1:]],
        ["s-6", "long", "One year", "perhaps", "2020-02-29", *ANNA[5:]],
        ["s-7", *ANNA[1:5], "Z\udcfcrich", *ANNA[6:]],
        ["s-8", "12"],
        [*ANNA],
        CY,
    )
    counts = import_(stayline, table, "--rejects", "rejects.csv")
    assert counts == {"read": 8, "stored": 2, "refused": 6, "new": 2, "changed": 0, "unchanged": 0}
    assert [tuple(row.values()) for row in rejects_of(folder)] == [
        ("3", "tenure", "must be at least 0"),
        ("4", "subscriber", "is not a subscriber id (1 to 64 of A-Z a-z 0-9 . _ : -)"),
        ("5", "tenure", "is not a number"),
        ("5", "senior", "is not yes or no"),
        ("5", "joined", "is not a date of the form %d/%m/%Y"),
        ("6", "town", "must not hold control characters or bytes that are not UTF-8"),
        ("7", "", "has 2 fields where the header has 10"),
        ("8", "", "is of a subscriber who came before in this table"),
    ]
    assert rejects_of(folder)[0].keys() == {"line", "field", "reason"}


def test_a_profile_that_no_caller_could_have_sent_is_refused_naming_the_column_of_the_table(
    stayline: Command, folder: Folder
) -> None:
    row = [*ANNA[:4], "01/01/1850", "x" * 65, "13800001234", *ANNA[7:]]
    counts = import_(stayline, folder.table(CY, row), "--rejects", "rejects.csv")
    assert (counts["stored"], counts["refused"]) == (1, 1)
    found = rejects_of(folder)
    assert {row["line"] for row in found} == {"3"}
    assert sorted(row["field"] for row in found) == ["joined", "msisdn", "town"]
    assert all("13800001234" not in row["reason"] for row in found)


def test_reasons_are_given_in_the_words_of_the_product(stayline: Command, folder: Folder) -> None:
    import_(stayline, folder.table([*ANNA[:6], "13800001234", *ANNA[7:]]), "--rejects", "rejects.csv")
    (reject,) = rejects_of(folder)
    assert reject["reason"] == "must be a number in E.164 form, such as +8613800000000"


def test_a_row_that_is_refused_does_not_take_the_place_of_a_good_one(stayline: Command, folder: Folder) -> None:
    counts = import_(stayline, folder.table(["s-1", "long", *ANNA[2:]], ANNA))
    assert (counts["new"], counts["refused"]) == (1, 1)


def test_without_a_rejects_file_it_is_said_how_to_get_one(stayline: Command, folder: Folder) -> None:
    table = folder.table(["s-1", "long", *ANNA[2:]])
    told = stayline.succeeds("import", table, "--mapping", "mapping.yaml", "--as-of", "2026-10-31")
    assert "--rejects" in told


def test_a_table_without_rows_is_imported_as_what_it_is(stayline: Command, folder: Folder) -> None:
    assert set(import_(stayline, folder.table()).values()) == {0}


# ── what cannot be imported at all ──

GOOD = {"table": "table.csv", "mapping": "mapping.yaml", "as_of": "2026-10-31"}


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        ({"as_of": "2026-13-01"}, "--as-of '2026-13-01' is not a date"),
        ({"as_of": "yesterday"}, "--as-of 'yesterday' is not a date"),
        ({"table": "gone.csv"}, "gone.csv is not a file"),
        ({"table": "mapping.yaml"}, "mapping.yaml is neither .csv nor .parquet"),
        ({"mapping": "gone.yaml"}, "gone.yaml cannot be read"),
        ({"mapping": "table.csv"}, "table.csv"),
        ({"mapping": "absent.yaml"}, "the mapping names the column 'msisdn', which the table does not have"),
        ({"mapping": "nowhere.yaml"}, "'features.Tenure' is no place"),
    ],
)
def test_what_is_wrong_with_a_command_is_said_in_one_line(
    stayline: Command, folder: Folder, store: psycopg.Connection, wrong: dict[str, str], sentence: str
) -> None:
    folder.put("table.csv", "subscriber,tenure\ns-1,12\n")
    folder.put("mapping.yaml", MAPPING.split("  plan", maxsplit=1)[0])
    folder.put("absent.yaml", MAPPING.replace("tenure: {", "msisdn: {").split("  plan")[0])
    folder.put("nowhere.yaml", MAPPING.replace("features.tenure_months", "features.Tenure"))
    given = GOOD | wrong
    line = stayline.fails("import", given["table"], "--mapping", given["mapping"], "--as-of", given["as_of"])
    assert sentence in line
    assert everything(store) == [[], []]


def test_a_store_that_is_away_is_said_in_one_line(stayline: Command, folder: Folder) -> None:
    command = ("import", folder.table(ANNA), "--mapping", "mapping.yaml", "--as-of", "2026-10-31")
    assert "the store cannot be reached" in stayline.fails(*command, DATABASE_URL="postgresql:///x?host=/nowhere")


def test_a_rejects_file_that_cannot_be_written_is_named_in_one_line(
    stayline: Command, folder: Folder, store: psycopg.Connection
) -> None:
    command = ("import", folder.table(ANNA), "--mapping", "mapping.yaml", "--as-of", "2026-10-31")
    assert "no/such/rejects.csv" in stayline.fails(*command, "--rejects", "no/such/rejects.csv")
    assert everything(store) == [[], []]


def test_the_table_itself_is_never_overwritten_with_its_rejects(stayline: Command, folder: Folder) -> None:
    table = folder.table(ANNA)
    before = (folder.path / table).read_bytes()
    stayline("import", table, "--mapping", "mapping.yaml", "--as-of", "2026-10-31", "--rejects", table)
    assert (folder.path / table).read_bytes() == before


def test_what_only_few_wrote_is_no_level_and_leaves_no_trace_in_the_dictionary(
    stayline: Command, folder: Folder, store: psycopg.Connection
) -> None:
    """The dictionary outlives an erasure: an address that slipped into a category must not stand in it."""
    rows = [[f"l-{number}", "1", "Gold" if number < 5 else f"person{number}@example.com"] for number in range(8)]
    lines = "\n".join(",".join(row) for row in [["subscriber", "tenure", "mail"], *rows])
    folder.put("mail.csv", lines + "\n")
    folder.put("mapping.yaml", "id: subscriber\neverything_else: infer\n")

    import_(stayline, "mail.csv")

    found = store.execute("SELECT levels FROM features WHERE name = 'mail'").fetchone()
    assert found == (["Gold"],)
