"""Tables of questions as Arrow streams: a row is answered as an item of a JSON batch is."""

import random
from typing import Any

import httpx
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from app.pipelines.streams import MOST_ROWS, SLICE
from app.schemas.base import MOST_ITEMS
from tests.factories.answers import never_5xx, problem, refused_fields
from tests.factories.subscribers import LEAVING, STAYING, subscriber

PATH = "/v1/scores/batch"
ARROW = "application/vnd.apache.arrow.stream"
ODD: dict[str, dict[str, Any]] = {
    "a level never seen": {"contract": "For life"},
    "nothing where nothing may be": {"tenure_months": None},
    "out of range": {"tenure_months": -1.0},
    "no number at all": {"monthly_charges": float("nan")},
    "beyond all bounds": {"total_charges": float("inf")},
    "a text that is not safe": {"payment_method": "a\0b"},
    "a text that is long": {"payment_method": "l" * 200},
    "a boolean that is not known": {"senior": None},
}


def write(table: pa.Table, **options: Any) -> bytes:
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema, options=pa.ipc.IpcWriteOptions(**options)) as stream:
        stream.write_table(table)
    return sink.getvalue().to_pybytes()  # type: ignore[no-any-return]  # bytes


def send(api: httpx.Client, body: bytes, **asked: Any) -> httpx.Response:
    return api.post(PATH, content=body, params=asked, headers={"content-type": ARROW}, timeout=60)


def scored(api: httpx.Client, table: pa.Table, **asked: Any) -> pa.Table:
    answer = send(api, write(table), **asked)
    assert answer.status_code == 207, answer.text
    assert answer.headers["content-type"] == ARROW
    found = pa.ipc.open_stream(answer.content).read_all()
    assert found.num_rows == table.num_rows
    return found


def as_json(api: httpx.Client, rows: list[dict[str, Any]], drivers: int = 5) -> list[Any]:
    items = [{"features": row, "drivers": drivers} for row in rows]
    found: list[Any] = api.post(PATH, json={"items": items}, timeout=60).json()["items"]
    return found


def assert_same(row: dict[str, Any], item: dict[str, Any], drivers: int = 5) -> None:
    if item["status"] != 200:
        assert row["probability"] is row["band"] is row["driver_1"] is row["logit"] is None
        for error in item["problem"]["errors"]:
            assert f"{error['pointer']} {error['detail']}" in row["problem"]
        return
    score = item["score"]
    assert row["problem"] is None
    assert (row["band"], row["as_of"] and row["as_of"].isoformat()) == (score["band"], score["as_of"])
    for name in ("probability", "logit", "other_contribution"):
        assert row[name] == pytest.approx(score[name], abs=1e-9)
    named = [(row[f"driver_{n}"], row[f"contribution_{n}"]) for n in range(1, drivers + 1)]
    assert [name for name, _ in named] == [driver["feature"] for driver in score["drivers"]]
    assert [share for _, share in named] == pytest.approx([d["contribution"] for d in score["drivers"]], abs=1e-9)


def varied(count: int) -> list[dict[str, Any]]:
    chance = random.Random(7)  # noqa: S311  # the same each time
    return [
        {name: chance.choice((LEAVING[name], STAYING[name])) for name in LEAVING}
        | {"monthly_charges": round(chance.uniform(18, 119), 2), "tenure_months": float(chance.randrange(73))}
        for _ in range(count)
    ]


def test_a_row_is_answered_as_an_item_is(api: httpx.Client) -> None:
    rows = varied(200)
    for row, item in zip(scored(api, pa.Table.from_pylist(rows)).to_pylist(), as_json(api, rows), strict=True):
        assert_same(row, item)


def test_what_is_said_of_all_rows_is_said_once(api: httpx.Client) -> None:
    about = scored(api, pa.Table.from_pylist([LEAVING])).schema.metadata
    score = api.post("/v1/scores", json={"features": LEAVING}).json()

    assert about[b"churn_kind"].decode() == score["churn_kind"]
    assert float(about[b"baseline_logit"]) == score["baseline_logit"]
    assert score["model"]["sha256"] in about[b"model"].decode()


@pytest.mark.parametrize("change", ODD.values(), ids=ODD)
def test_an_odd_row_is_taken_or_refused_alone(api: httpx.Client, change: dict[str, Any]) -> None:
    rows = [LEAVING, LEAVING | change, LEAVING]
    before, odd, after = scored(api, pa.Table.from_pylist(rows)).to_pylist()
    assert before == after
    assert before["problem"] is None
    named = next(iter(change))
    if odd["problem"] is None:
        assert_same(odd, as_json(api, rows)[1])
    else:
        assert f"/features/{named} " in odd["problem"]
    assert (odd["problem"] is None) == (change == {"contract": "For life"})


@pytest.mark.parametrize("drivers", [0, 3, 100])
def test_as_many_drivers_as_are_asked_for(api: httpx.Client, drivers: int) -> None:
    found = scored(api, pa.Table.from_pylist([LEAVING]), drivers=drivers)
    [item] = as_json(api, [LEAVING], drivers)
    told = len(item["score"]["drivers"])

    assert sum(name.startswith("driver_") for name in found.schema.names) == told
    if told:
        assert_same(found.to_pylist()[0], item, told)


def test_whose_features_are_stored_is_looked_up(api: httpx.Client) -> None:
    known = subscriber(api, features=STAYING)
    found = scored(api, pa.table({"subscriber_id": [known, "nobody-at-all", "no id!", None]})).to_pylist()
    score = api.post("/v1/scores", json={"subscriber_id": known}).json()

    assert (found[0]["subscriber_id"], found[0]["probability"]) == (known, score["probability"])
    assert found[0]["as_of"].isoformat() == score["as_of"]
    assert [row["probability"] for row in found[1:]] == [None] * 3
    assert [row["problem"].split()[0] for row in found[1:]] == ["/subscriber_id", "/subscriber_id", "/features"]


def test_some_features_are_laid_over_what_is_stored(api: httpx.Client) -> None:
    known = subscriber(api, features=STAYING)
    table = pa.table({"subscriber_id": [known], "contract": ["Month-to-month"]})
    asked = {"subscriber_id": known, "features": {"contract": "Month-to-month"}}

    assert scored(api, table)["probability"].to_pylist() == [api.post("/v1/scores", json=asked).json()["probability"]]


def test_what_is_missing_may_be_a_column_of_nothing(api: httpx.Client) -> None:
    rows = [LEAVING | {"total_charges": None}] * 2
    table = pa.Table.from_pylist(rows)

    assert pa.types.is_null(table.schema.field("total_charges").type)
    for row, item in zip(scored(api, table).to_pylist(), as_json(api, rows), strict=True):
        assert_same(row, item)


def test_a_dictionary_of_many_words_is_none_the_slower(api: httpx.Client) -> None:
    words = pa.array([*(f"word {number}" for number in range(300_000)), LEAVING["contract"]])
    table = pa.Table.from_pylist([LEAVING] * (3 * SLICE))
    place = table.schema.get_field_index("contract")
    coded = pa.DictionaryArray.from_arrays(pa.array([len(words) - 1] * (3 * SLICE)), words)
    found = scored(api, table.set_column(place, "contract", coded))

    assert set(found["band"].to_pylist()) == {as_json(api, [LEAVING])[0]["score"]["band"]}


def test_ids_come_back_with_given_features(api: httpx.Client) -> None:
    rows = [LEAVING | {"subscriber_id": "any-1"}, LEAVING | {"subscriber_id": "not an id"}]
    first, second = scored(api, pa.Table.from_pylist(rows)).to_pylist()

    assert (first["subscriber_id"], first["problem"]) == ("any-1", None)
    assert second["problem"].startswith("/subscriber_id ")


def test_the_pieces_a_stream_comes_in_do_not_matter(api: httpx.Client) -> None:
    table = pa.Table.from_pylist(varied(50))
    whole = scored(api, table)
    words = pa.Table.from_arrays(
        [c.dictionary_encode() if pa.types.is_string(c.type) else c for c in table.columns], names=table.schema.names
    )
    pieces = pa.concat_tables([words.slice(0, 7), words.slice(7, 0), words.slice(7)])

    assert scored(api, pieces).to_pylist() == whole.to_pylist()


def test_many_rows_are_answered_in_order(api: httpx.Client) -> None:
    rows = varied(100)
    times = SLICE // 100 + 50
    found = scored(api, pa.concat_tables([pa.Table.from_pylist(rows)] * times))["probability"].to_pylist()

    assert found == found[:100] * times


TABLE = pa.Table.from_pylist([LEAVING])
REFUSED: dict[str, tuple[pa.Table, str]] = {
    "a column that is no feature": (TABLE.append_column("shoe_size", pa.array([43])), "/shoe_size"),
    "a column that is there twice": (TABLE.append_column("contract", pa.array(["One year"])), "/contract"),
    "ids that are numbers": (TABLE.append_column("subscriber_id", pa.array([5281])), "/subscriber_id"),
    "no rows": (TABLE.slice(0, 0), ""),
    "a column of lists": (pa.table({"contract": [["One year"]]}), "/contract"),
    "a column of bytes": (pa.table({"contract": [b"One year"]}), "/contract"),
    "a text that would be long many times over": (
        pa.table({"contract": pa.DictionaryArray.from_arrays(pa.array([0] * 9_000), pa.array(["l" * 2_000_000]))}),
        "/contract",
    ),
    "too many rows": (pa.table({"senior": pa.nulls(MOST_ROWS + 1, pa.bool_())}), ""),
    "too many that only a look at each can tell": (pa.table({"tenure_months": ["7"] * (MOST_ITEMS + 1)}), ""),
}


@pytest.mark.parametrize(("table", "pointer"), REFUSED.values(), ids=REFUSED)
def test_a_table_that_does_not_fit_is_refused_as_a_whole(api: httpx.Client, table: pa.Table, pointer: str) -> None:
    assert refused_fields(send(api, write(table))) == {pointer}


@pytest.mark.parametrize("compression", ["lz4", "zstd"])
@pytest.mark.parametrize("as_words", [True, False])
def test_what_is_compressed_is_refused(api: httpx.Client, compression: str, as_words: Any) -> None:
    column = pa.array(["One year"] * 1000)
    table = pa.table({"contract": column.dictionary_encode() if as_words else column})

    assert refused_fields(send(api, write(table, compression=compression))) == {""}


@pytest.mark.parametrize("body", [b"", b"{}", b"\xff" * 100, write(TABLE)[:-40], write(TABLE)[:60]])
def test_what_is_no_stream_is_malformed(api: httpx.Client, body: bytes) -> None:
    problem(send(api, body), 400, 422)


def test_a_kind_without_a_model_is_refused(api: httpx.Client) -> None:
    assert refused_fields(send(api, write(TABLE), churn_kind="boredom")) == {"/churn_kind"}


WHOLE = write(
    pa.Table.from_arrays(
        [c.dictionary_encode() if pa.types.is_string(c.type) else c for c in TABLE.columns], names=TABLE.schema.names
    )
)


@settings(max_examples=200, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(st.integers(0, len(WHOLE) - 1), st.binary(min_size=1, max_size=8)), min_size=1, max_size=4))
def test_a_damaged_stream_is_taken_or_refused(api: httpx.Client, damage: list[tuple[int, bytes]]) -> None:
    body = bytearray(WHOLE)
    for place, bytes_ in damage:
        body[place : place + len(bytes_)] = bytes_
    never_5xx(send(api, bytes(body)))
