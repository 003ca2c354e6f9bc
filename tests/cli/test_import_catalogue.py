"""import --into: touchpoints (F13) and external survey results (G2) as tables, by the rules of the API."""

import csv
from pathlib import Path

import psycopg
from pyarrow import Table
from pyarrow.parquet import write_table

from tests.cli.command import Command

TOUCHPOINTS = "code,name,category,stage,kind,channels,services,need,promise_hours\n"
ANSWERS = "client_reference,family,survey,touchpoint,channel,answered_at,scale_max,item,dimension,score\n"


def write(command: Command, name: str, text: str) -> Path:
    path = command.folder / name
    path.write_text(text, encoding="utf-8")
    return path


def refusals(command: Command) -> list[dict[str, str]]:
    return list(csv.DictReader((command.folder / "refused.csv").read_text(encoding="utf-8").splitlines()))


def count(store: psycopg.Connection, query: str) -> int:
    row = store.execute(query.encode()).fetchone()
    assert row is not None
    return int(row[0])


def test_five_hundred_touchpoints_are_loaded_and_loading_them_again_changes_nothing(
    stayline: Command, store: psycopg.Connection
) -> None:
    rows = [f"bulk-{n},Place {n},channel,site,person_environment,shop|web,mobile|tv,,24\n" for n in range(500)]
    table = write(stayline, "touchpoints.csv", TOUCHPOINTS + "".join(rows))

    assert "500 are new, 0 changed, 0 as before" in stayline.succeeds("import", table, "--into", "touchpoints")
    assert "0 are new, 0 changed, 500 as before" in stayline.succeeds("import", table, "--into", "touchpoints")
    assert count(store, "SELECT count(*) FROM touchpoints WHERE code LIKE 'bulk-%' AND channels = '{shop,web}'") == 500


def test_bad_rows_are_told_with_their_reasons_and_the_others_are_stored(
    stayline: Command, store: psycopg.Connection
) -> None:
    rows = [
        "mixed-1,Good,channel,site,person_environment,shop,,mixed_need,24\n",
        "mixed-2,Bad stage,channel,later,person_environment,shop,,,24\n",
        "mixed-3,Another promise,channel,site,person_environment,shop,,mixed_need,48\n",
        "mixed-4,No hours,channel,site,person_environment,shop,,,soon\n",
        "mixed-5,Good,channel,site,person_environment,shop,,mixed_need,24\n",
    ]
    table = write(stayline, "mixed.csv", TOUCHPOINTS + "".join(rows))
    said = stayline.succeeds("import", table, "--into", "touchpoints", "--rejects", "refused.csv")
    refused = refusals(stayline)

    assert "5 touchpoints read = 2 stored + 3 refused" in said
    assert [(row["line"], row["field"]) for row in refused] == [
        ("3", "stage"),
        ("4", "promise_hours"),
        ("5", "promise_hours"),
    ]
    assert "24" in refused[1]["reason"]
    assert count(store, "SELECT count(*) FROM touchpoints WHERE code LIKE 'mixed-%'") == 2


def test_external_results_are_loaded_a_person_at_a_time(stayline: Command, store: psycopg.Connection) -> None:
    rows = [
        "cati-1,external,2026-q3,hotline,call,2026-09-01T10:00:00+08:00,5,waiting,responsiveness,2\n",
        "cati-1,external,2026-q3,hotline,call,2026-09-01T10:00:00+08:00,5,kindness,empathy,5\n",
        "cati-2,external,2026-q3,hotline,call,2026-09-01T11:00:00+08:00,5,waiting,responsiveness,9\n",
        ",external,2026-q3,hotline,call,2026-09-01T12:00:00+08:00,5,waiting,responsiveness,3\n",
    ]
    table = write(stayline, "cati.csv", ANSWERS + "".join(rows))
    said = stayline.succeeds("import", table, "--into", "survey-responses", "--rejects", "refused.csv")
    again = stayline.succeeds("import", table, "--into", "survey-responses")
    refused = refusals(stayline)

    assert "3 survey-responses read = 2 stored + 1 refused; of those stored 2 are new" in said
    assert "0 are new, 0 changed, 2 as before" in again
    assert [(row["line"], row["field"]) for row in refused] == [("4", "answers.0.score")]
    kept = "SELECT count(*) FROM survey_responses WHERE survey = '2026-q3' AND jsonb_array_length(answers) = {}"
    assert (count(store, kept.format(2)), count(store, kept.format(1))) == (1, 1)


def test_a_line_that_is_no_row_counts_as_refused(stayline: Command) -> None:
    rows = "odd-1,Too short,channel\nodd-2,Good,channel,site,person_environment,shop,,,24\n"
    table = write(stayline, "short.csv", TOUCHPOINTS + rows)
    said = stayline.succeeds("import", table, "--into", "touchpoints", "--rejects", "refused.csv")

    assert "2 touchpoints read = 1 stored + 1 refused" in said
    assert [row["line"] for row in refusals(stayline)] == ["2"]


def test_lists_come_parted_by_semicolons_or_as_lists_of_parquet(stayline: Command, store: psycopg.Connection) -> None:
    place = {"name": "Place", "category": "channel", "stage": "site", "kind": "person_environment"}
    rows = [{"code": f"listed-{n}", "channels": ["shop", "web"], "promise_hours": 24} | place for n in range(2)]
    parquet = stayline.folder / "lists.parquet"
    write_table(Table.from_pylist(rows), parquet)
    csv_table = write(
        stayline, "lists.csv", TOUCHPOINTS + "listed-3,Place,channel,site,person_environment,shop;web,,,24\n"
    )

    assert "2 touchpoints read = 2 stored" in stayline.succeeds("import", parquet, "--into", "touchpoints")
    assert "1 touchpoints read = 1 stored" in stayline.succeeds("import", csv_table, "--into", "touchpoints")
    assert count(store, "SELECT count(*) FROM touchpoints WHERE code LIKE 'listed-%' AND channels = '{shop,web}'") == 3


def test_a_column_that_is_no_field_is_named(stayline: Command) -> None:
    table = write(stayline, "odd.csv", "code,colour\nx,red\n")

    assert "'colour' is no field of touchpoints" in stayline.fails("import", table, "--into", "touchpoints")


def test_what_a_table_may_become_is_told(stayline: Command) -> None:
    table = write(stayline, "any.csv", "code\nx\n")

    ran = stayline("import", table, "--into", "planets")
    assert ran.code == 2
    assert "touchpoints" in ran.stderr
    assert stayline("import", table).code == 2  # subscribers need a mapping and a date
