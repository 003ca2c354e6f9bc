import httpx

from tests.factories.subscribers import LEAVING


def test_given_features_are_scored_with_reasons_that_add_up(api: httpx.Client) -> None:
    answer = api.post("/v1/scores", json={"features": LEAVING, "drivers": 100}).json()

    total = answer["baseline_logit"] + sum(d["contribution"] for d in answer["drivers"]) + answer["other_contribution"]
    assert abs(total - answer["logit"]) < 1e-9
    assert len({driver["feature"] for driver in answer["drivers"]}) == len(LEAVING)
