"""The Open Inference Protocol, version 2, as its specification has it, by the scorer of POST /v1/scores."""

from typing import Any

import httpx
import pytest

from tests.factories.answers import problem, refused_fields
from tests.factories.subscribers import LEAVING, STAYING

ROWS = [LEAVING, STAYING, LEAVING | {"total_charges": None}]


@pytest.fixture
def path(api: httpx.Client) -> str:
    return f"/v2/models/{api.get('/v1/models').json()['items'][0]['name']}"


def tensor(name: str, data: list[Any], **others: Any) -> dict[str, Any]:
    kinds = {bool: "BOOL", str: "BYTES"}
    return {"name": name, "shape": [len(data)], "datatype": kinds.get(type(data[0]), "FP64"), "data": data} | others


def inputs(rows: list[dict[str, Any]] = ROWS, **others: Any) -> list[dict[str, Any]]:
    return [tensor(name, [row[name] for row in rows], **others) for name in LEAVING]


def test_a_server_says_what_it_is_and_whether_it_is_ready(api: httpx.Client, path: str) -> None:
    assert api.get("/v2").json() == {"name": "stayline", "version": "0.1.0", "extensions": []}
    assert api.get("/v2/health/live").json() == {"live": True}
    assert api.get("/v2/health/ready").json() == {"ready": True}
    assert api.get(f"{path}/ready").json() == {"name": path.rpartition("/")[2], "ready": True}


def test_a_model_says_what_it_takes_and_gives(api: httpx.Client, path: str) -> None:
    told = api.get(path).json()
    assert api.get(f"{path}/versions/{told['versions'][0]}").json() == told
    assert {each["name"] for each in told["inputs"]} == set(LEAVING)
    assert {each["name"]: each["shape"] for each in told["outputs"]} == {
        "probability": [-1],
        "logit": [-1],
        "contributions": [-1, len(LEAVING)],
    }
    sent = api.post(f"{path}/infer", json={"inputs": inputs()}).json()
    assert [each["name"] for each in sent["outputs"]] == [each["name"] for each in told["outputs"]]


@pytest.mark.parametrize("shape", [[3], [3, 1]])
def test_rows_are_scored_as_by_themselves(api: httpx.Client, path: str, shape: list[int]) -> None:
    answer = api.post(f"{path}/infer", json={"id": "4711", "inputs": inputs(shape=shape)}).json()
    found = {each["name"]: each for each in answer["outputs"]}
    version = api.get(path).json()["versions"][0]
    assert (answer["model_name"], answer["model_version"], answer["id"]) == (path.rpartition("/")[2], version, "4711")
    assert found["contributions"]["shape"] == [len(ROWS), len(LEAVING)]
    order = [each["name"] for each in api.get("/v1/feature-schema").json()["features"]]
    for number, row in enumerate(ROWS):
        alone = api.post("/v1/scores", json={"features": row, "drivers": 100}).json()
        assert found["probability"]["data"][number] == pytest.approx(alone["probability"], abs=1e-12)
        assert found["logit"]["data"][number] == pytest.approx(alone["logit"], abs=1e-12)
        shares = dict(zip(order, found["contributions"]["data"][number * len(order) :], strict=False))
        assert shares == pytest.approx({each["feature"]: each["contribution"] for each in alone["drivers"]}, abs=1e-12)


def test_a_column_may_be_nested_and_outputs_chosen(api: httpx.Client, path: str) -> None:
    nested = [each | {"shape": [3, 1], "data": [[value] for value in each["data"]]} for each in inputs()]
    asked = {"inputs": nested, "outputs": [{"name": "probability"}]}
    plain = api.post(f"{path}/infer", json={"inputs": inputs()}).json()
    assert api.post(f"{path}/infer", json=asked).json()["outputs"] == plain["outputs"][:1]


def test_a_feature_that_is_not_sent_is_not_known(api: httpx.Client, path: str) -> None:
    without = [each for each in inputs() if each["name"] != "total_charges"]
    sent = api.post(f"{path}/infer", json={"inputs": without}).json()
    unknown = api.post(f"{path}/infer", json={"inputs": inputs([row | {"total_charges": None} for row in ROWS])}).json()
    assert sent["outputs"] == unknown["outputs"]


WRONG: dict[str, tuple[dict[str, Any], str]] = {
    "a feature that is none": (tensor("shoe_size", [43.0] * 3), "/inputs/18/data"),
    "a feature twice": (tensor("contract", ["Two year"] * 3), "/inputs/18/name"),
    "rows that are missing": (tensor("churned", [1.0] * 2), "/inputs/18/shape"),
    "values that are missing": (tensor("churned", [1.0], shape=[3]), "/inputs/18/data"),
    "more than one a row": (tensor("churned", [1.0] * 6, shape=[3, 2]), "/inputs/18/shape"),
    "a datatype that is none": (tensor("churned", [1.0] * 3, datatype="FP8"), "/inputs/18/datatype"),
    "a value that is none": (tensor("churned", [[1], {}, 2]), "/inputs/18/data/0"),
}


@pytest.mark.parametrize(("another", "pointer"), WRONG.values(), ids=WRONG)
def test_what_does_not_fit_is_named(api: httpx.Client, path: str, another: dict[str, Any], pointer: str) -> None:
    answer = api.post(f"{path}/infer", json={"inputs": [*inputs(), another]})
    assert pointer in refused_fields(answer)


def test_a_value_that_does_not_fit_is_named_with_its_row(api: httpx.Client, path: str) -> None:
    rows = [LEAVING, LEAVING | {"tenure_months": -1}]
    [error] = problem(api.post(f"{path}/infer", json={"inputs": inputs(rows)}), 422)["errors"]
    assert error == {"pointer": "/inputs/0/data", "detail": "must be at least 0 (row 1)"}
    [error] = problem(api.post(f"{path}/infer", json={"inputs": inputs()[1:]}), 422)["errors"]
    assert error == {"pointer": "/inputs", "detail": "tenure_months is required"}
    asked = {"inputs": inputs(), "outputs": [{"name": "logit"}, {"name": "odds"}]}
    assert refused_fields(api.post(f"{path}/infer", json=asked)) == {"/outputs/1/name"}


def test_what_is_not_served_is_not_there(api: httpx.Client, path: str) -> None:
    for missing in ("/v2/models/nothing", f"{path}/versions/none", f"{path}/versions/none/ready"):
        problem(api.get(missing), 404)
    problem(api.post("/v2/models/uplift/infer", json={"inputs": inputs()}), 404)
