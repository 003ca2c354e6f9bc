"""The report is one page that needs nothing else, draws every term, and takes no text for markup (C10)."""

import re
import time
from collections.abc import Iterator, Mapping
from html.parser import HTMLParser
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from interpret.glassbox import ExplainableBoostingClassifier
from sklearn.metrics import roc_curve

from app.domain.features import Feature, FeatureType
from app.ml.training.evaluate import evaluate
from app.ml.training.material import Material
from app.ml.training.report.glossary import MEASURES
from app.ml.training.report.numbers import count, factor, plain, share, signed, significance
from app.ml.training.report.page import render
from app.ml.training.report.svg import Scale

MODEL = {
    "name": "churn",
    "version": "20261103-0123456789ab",
    "churn_kind": "port_out",
    "horizon_days": 30,
    "label_note": "The table says who left last month, not why: a proxy for port-out.",
    "trained_at": "2026-11-03T09:30:00Z",
    "seed": 7,
    "sha256": "ab" * 32,
}
MINIMAL = {"format": 1, "model": MODEL}
HOSTILE = "<script>alert(1)</script>\"'&]]>\u202e\x00"
VOID = {"meta", "link", "br"}


def measure(value: float, reach: float = 0.01) -> dict[str, float]:
    return {"value": value, "low": value - reach, "high": value + reach}


def shape_of(ebm: ExplainableBoostingClassifier, features: tuple[Feature, ...], term: int) -> dict[str, Any]:
    """One term of a fitted EBM, as the report wants it."""
    indexes, scores = ebm.term_features_[term], np.asarray(ebm.term_scores_[term])
    shape: dict[str, Any] = {
        "features": [features[index].name for index in indexes],
        "importance": float(ebm.term_importances()[term]),
        "rows": [],
    }
    if len(indexes) == 2:
        grid = dict(zip("xy", (grid_labels(ebm, features, index) for index in indexes), strict=True))
        return shape | {"kind": "pair", "scores": scores[1:-1, 1:-1].tolist(), "missing": None, "grid": grid}
    rows = [int(weight) for weight in ebm.bin_weights_[term][1:-1]]
    seen = {"scores": scores[1:-1].tolist(), "rows": rows, "missing": float(scores[0])}
    feature = features[indexes[0]]
    if feature.type is FeatureType.NUMBER:
        low, high = ebm.feature_bounds_[indexes[0]]
        return shape | seen | {"kind": "number", "edges": [low, *ebm.bins_[indexes[0]][0].tolist(), high]}
    return shape | seen | {"kind": "category", "levels": list(feature.levels) or ["false", "true"]}


def grid_labels(ebm: ExplainableBoostingClassifier, features: tuple[Feature, ...], index: int) -> list[str]:
    feature, bins = features[index], ebm.bins_[index]
    if feature.type is not FeatureType.NUMBER:
        return list(feature.levels) or ["false", "true"]
    cuts = [f"{cut:g}" for cut in bins[min(1, len(bins) - 1)]]
    return [f"< {cuts[0]}", *(f"{low} – {high}" for low, high in pairwise(cuts)), f"≥ {cuts[-1]}"] if cuts else ["all"]


def full_report(material: Material, ebm: ExplainableBoostingClassifier) -> dict[str, Any]:
    """A report with every part: the figures and shapes of a real model, the rest in the form that they have."""
    features, held_out = material.features, material.held_out
    probabilities = np.asarray(ebm.predict_proba(material.unseen))[:, 1]
    labels, rows = held_out.labels, len(held_out.labels)
    figures = evaluate(labels, probabilities)
    order = labels[np.argsort(-probabilities, kind="stable")]
    shares, found = np.linspace(0, 1, 101), np.concatenate([[0], np.cumsum(order) / order.sum()])
    gain = [[float(at), float(found[int(at * rows)])] for at in shares]
    false_rate, true_rate, _ = roc_curve(labels, probabilities)
    kept = slice(None, None, max(1, len(false_rate) // 150))
    roc = [[0.0, 0.0], *np.column_stack([false_rate, true_rate])[kept].tolist(), [1.0, 1.0]]
    measures = {
        "auroc": {"value": figures.auroc, "low": figures.intervals.auroc[0], "high": figures.intervals.auroc[1]},
        "pr_auc": measure(0.657, 0.03),
        "log_loss": measure(figures.log_loss),
        "brier": measure(figures.brier, 0.006),
        "ece": measure(figures.ece, 0.007),
        "top_decile_lift": measure(gain[10][1] / 0.1, 0.15),
        "empc": measure(12.3, 1.1),
    }
    names = [feature.name for feature in features]
    matrix = material.matrix.astype(float)
    correlations = np.nan_to_num(np.corrcoef(np.nan_to_num(matrix), rowvar=False)).tolist()
    return MINIMAL | {
        "origin": {
            "data_sha256": "cd" * 32,
            "table": "wa_churn.csv",
            "rows_read": 7043,
            "trained_on": len(material.matrix),
            "held_out": rows,
            "refitted": True,
            "positives": int(material.training.labels.sum()),
            "libraries": {"interpret-core": "0.7.8", "numpy": "2.4.1", "scikit-learn": "1.9.0"},
            "python": "3.11.9",
            "stayline": "0.1.0",
            "min_tenure_months": 3.0,
        },
        "schema": [
            {
                "column": f"{feature.name.upper()}_RAW",
                "feature": feature.name,
                "type": feature.type.value,
                "unit": {"tenure_months": "months", "monthly_charges": "USD"}.get(feature.name),
                "inferred": place % 2 == 0,
            }
            for place, feature in enumerate(features)
        ],
        "cleaning": {
            "rows": {"read": 7043, "kept": 7032, "filtered": {"no contract": 8, "left by arrears": 3}},
            "columns": [
                {
                    "column": f"{name.upper()}_RAW",
                    "feature": name,
                    "read": 7032,
                    "as_is": 7000 - place,
                    "converted": 20,
                    "missing": 11,
                    "refused": 1 + place,
                    "split": 0,
                    "aggregated": 4 * place,
                    "conversion": "decimal comma to number" if place % 3 == 0 else "",
                }
                for place, name in enumerate(names)
            ],
        },
        "selection": {
            "kept": names,
            "dropped": [
                dropped("female", "protected", "A protected attribute is never a model input."),
                dropped("country", "constant", "Every row has the same value."),
                dropped(
                    "complaints",
                    "descendant",
                    "complaints follows from network_faults (|association| 0.81), which stays.",
                    "network_faults -> complaints",
                    0.81,
                ),
                dropped("lucky_number", "irrelevant", "It tells leavers and stayers apart no better than chance."),
            ],
            "effects": [
                {
                    "name": name,
                    "type": feature.type.value,
                    "information_value": 1.2 / (place + 1),
                    "auc": 0.74 - 0.01 * place,
                    "p_value": 10 ** (place - 19),
                    "importance": 0.02 / (place + 1),
                    "importance_error": 0.001,
                    "missing_share": 0.0016,
                }
                for place, (name, feature) in enumerate(zip(names, features, strict=True))
            ],
            "associations": {"names": names, "values": correlations},
            "collinear": [
                {"one": "tenure_months", "other": "total_charges", "association": 0.83, "edge": None},
            ],
        },
        "capacity": {
            "choices": [
                {"name": "10 pairs", "log_loss": 0.4105, "error": 0.006},
                {"name": "no pairs", "log_loss": 0.4121, "error": 0.006},
            ],
            "chosen": "10 pairs",
            "folds": 3,
        },
        "calibration": {"slope": 1.04, "intercept": -0.01, "applied": False, "gain": 0.0001, "gain_error": 0.0003},
        "comparison": {
            "protocol": "Five folds of the training rows, whole subscribers on one side, the same for each family.",
            "families": [
                {"name": "ebm", "title": "EBM", "served": True, "measures": measures, "gap": None},
                family("boosted_trees", "Boosted trees", measures, auroc=-0.0012, log_loss=0.0015),
                family("logistic", "Logistic regression", measures, auroc=-0.0092, log_loss=0.0083),
            ],
        },
        "measures": measures,
        "base_rate": figures.base_rate,
        "segments": [
            {"segment": "contract", "value": "Month-to-month", "rows": 960, "positives": 410, "measures": measures},
            {
                "segment": "contract",
                "value": "One year",
                "rows": 360,
                "positives": 40,
                "measures": {name: measure(each["value"] + 0.01, 0.05) for name, each in measures.items()},
            },
            {"segment": "contract", "value": "Two year", "rows": 420, "positives": 1, "measures": None},
        ],
        "curves": {
            "roc": {"ebm": roc, "logistic": [[x, y**1.1] for x, y in roc]},
            "gain": {"ebm": gain, "logistic": [[x, y**1.05] for x, y in gain]},
            "lift": {"ebm": [[x, y / x] for x, y in gain[2:]]},
            "calibration": calibration_bins(probabilities, labels.astype(float)),
        },
        "shapes": [shape_of(ebm, features, term) for term in range(len(ebm.term_features_))],
        "causes": {
            "counts": {"fault": 120, "price": 310, "unknown": 990},
            "evidence": [{"cause": "fault", "fact": "three faults or more in the last 90 days", "rows": 120}],
        },
        "parity": {"rows": 5000, "probability": 6.6e-16, "contribution": 0.0, "additivity": 4.4e-16},
        "challenger_parity": {"rows": 5000, "probability": 2.7e-7},
    }


def dropped(name: str, why: str, sentence: str, edge: str | None = None, association: float | None = None) -> Any:
    by = edge and edge.split(" -> ")[0]
    return {"name": name, "why": why, "sentence": sentence, "edge": edge, "by": by, "association": association}


def family(name: str, title: str, measures: Mapping[str, Any], **gaps: float) -> Any:
    gap = {key: measure(value, 0.004) for key, value in gaps.items()}
    own = {key: measure(each["value"] + gaps.get(key, 0)) for key, each in measures.items()}
    return {"name": name, "title": title, "served": False, "measures": own, "gap": gap}


def calibration_bins(probabilities: Any, labels: Any) -> list[dict[str, float]]:
    groups = np.array_split(np.argsort(probabilities, kind="stable"), 10)
    return [
        {
            "predicted": float(probabilities[group].mean()),
            "observed": float(labels[group].mean()),
            "low": max(0.0, float(labels[group].mean()) - 0.05),
            "high": min(1.0, float(labels[group].mean()) + 0.05),
            "rows": len(group),
        }
        for group in groups
    ]


def number_shape(name: str, bins: int) -> dict[str, Any]:
    random = np.random.default_rng(bins)
    return {
        "features": [name],
        "kind": "number",
        "importance": 0.1,
        "edges": np.cumsum(random.exponential(size=bins + 1)).tolist(),
        "scores": np.cumsum(random.normal(size=bins) / 10).tolist(),
        "missing": 0.1,
        "rows": random.poisson(20, size=bins).tolist(),
    }


def pair_shape(names: list[str], side: int) -> dict[str, Any]:
    scores = np.random.default_rng(side).normal(size=(side, side))
    labels = [f"{edge} – {edge + 1}" for edge in range(side)]
    grid = {"x": labels, "y": labels}
    return {
        "features": names,
        "kind": "pair",
        "importance": 0.05,
        "scores": scores.tolist(),
        "missing": None,
        "rows": [],
        "grid": grid,
    }


class Outline(HTMLParser):
    """What a page holds; it fails on a tag that is not closed in its turn."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.titles: list[str] = []
        self.feed(page)
        self.close()
        assert not self.open

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open[-2:] == ["svg", "title"]:
            self.titles.append(data)

    def named(self, tag: str) -> Iterator[dict[str, str | None]]:
        return (attributes for name, attributes in self.tags if name == tag)


@pytest.fixture(scope="module")
def report(material: Material, ebm: ExplainableBoostingClassifier) -> dict[str, Any]:
    return full_report(material, ebm)


@pytest.fixture(scope="module")
def page(report: dict[str, Any]) -> str:
    return render(report)


@pytest.fixture(scope="module")
def outline(page: str) -> Outline:
    return Outline(page)


def test_every_part_has_its_section_and_the_contents_lead_to_it(outline: Outline) -> None:
    sections = [attributes["id"] for attributes in outline.named("section")]
    links = [str(attributes["href"]).removeprefix("#") for attributes in outline.named("a")]
    assert len(sections) == 14
    assert links == ["main", *sections]


def test_a_report_of_the_model_alone_is_a_whole_page() -> None:
    outline = Outline(render(MINIMAL))
    assert [attributes["id"] for attributes in outline.named("section")] == ["glossary"]


def test_any_part_may_be_missing(report: dict[str, Any]) -> None:
    small = report | {"shapes": report["shapes"][:2]}
    for part in report.keys() - MINIMAL.keys():
        Outline(render(small | {part: None}))


def test_the_calibration_is_drawn_although_none_was_fitted(report: dict[str, Any]) -> None:
    assert "Predicted and observed shares" in Outline(render(report | {"calibration": None})).titles


def test_every_term_is_drawn(report: dict[str, Any], outline: Outline) -> None:
    titles = outline.titles
    for shape in report["shapes"]:
        assert " × ".join(shape["features"]) in titles
    drawn = {name for shape in report["shapes"] for name in shape["features"]}
    assert set(report["selection"]["kept"]) <= drawn


def test_the_terms_come_in_the_order_of_their_importance(report: dict[str, Any], outline: Outline) -> None:
    shapes = sorted(report["shapes"], key=lambda shape: -shape["importance"])
    wanted = [" × ".join(shape["features"]) for shape in shapes]
    assert [title for title in outline.titles if title in set(wanted)] == wanted


def test_nothing_is_fetched_and_nothing_runs(page: str, outline: Outline) -> None:
    assert not re.search(r"https?:|//\w|@import", page)
    assert set(re.findall(r"url\(([^)]*)\)", page)) == {"#sign", "#stripe"}
    assert {"script", "img", "iframe", "object", "form"}.isdisjoint(tag for tag, _ in outline.tags)
    assert not [name for _, attributes in outline.tags for name in attributes if name.startswith("on")]
    assert "default-src 'none'; style-src 'unsafe-inline'; img-src data:" in {
        attributes.get("content") for attributes in outline.named("meta")
    }


def test_those_who_cannot_see_it_are_told(page: str, outline: Outline) -> None:
    drawings = [attributes for attributes in outline.named("svg") if "aria-hidden" not in attributes]
    assert all(attributes["role"] == "img" for attributes in drawings)
    assert len(outline.titles) == page.count("<desc>") == len(drawings)
    assert page.count("<caption>") == page.count("<table>")
    assert all("scope" in attributes for attributes in outline.named("th"))
    levels = [int(tag[1]) for tag, _ in outline.tags if re.fullmatch("h[1-6]", tag)]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(after - before <= 1 for before, after in pairwise(levels))


def test_text_from_the_table_is_never_markup(report: dict[str, Any]) -> None:
    outline = Outline(render(poisoned(report)))
    assert "script" not in {tag for tag, _ in outline.tags}
    assert not [name for _, attributes in outline.tags for name in attributes if name.startswith("on")]
    assert any("<script>" in title for title in outline.titles)


def test_text_from_the_table_neither_hides_nor_turns_its_neighbours(report: dict[str, Any]) -> None:
    page = render(poisoned(report))
    assert not re.search("[\u202a-\u202e\u2066-\u2069\x00]", page)
    render(MINIMAL | {"model": MODEL | {"label_note": "half a character: \ud800"}}).encode()


def poisoned(part: Any, key: str = "") -> Any:
    """The same report with hostile text in place of every text that tells no kind."""
    if isinstance(part, Mapping):
        return {name: poisoned(value, name) for name, value in part.items()}
    if isinstance(part, list):
        return [poisoned(value, key) for value in part]
    return HOSTILE if isinstance(part, str) and key != "kind" else part


def test_the_sums_that_are_shown_add_up(report: dict[str, Any], page: str) -> None:
    assert "7,043 read = 7,032 kept + 11 filtered" in page
    read = sum(column["read"] for column in report["cleaning"]["columns"])
    assert f'<td class="number">{read:,}</td>' in page
    assert "does not add up" not in page


def test_a_sum_that_fails_is_told(report: dict[str, Any]) -> None:
    rows = report["cleaning"]["rows"] | {"kept": 7000}
    assert "7,000 kept + 11 filtered (this does not add up)" in render(
        report | {"cleaning": report["cleaning"] | {"rows": rows}}
    )


def test_the_verdict_says_what_the_measures_say(report: dict[str, Any], page: str) -> None:
    lift, base = report["measures"]["top_decile_lift"]["value"], report["base_rate"]
    assert f"<strong>{share(lift * base)}</strong> <span>of the tenth most at risk leave: {lift:.3g} times" in page
    assert str(MODEL["label_note"]) in page


def test_a_gap_is_called_one_only_where_its_interval_leaves_zero(page: str) -> None:
    assert "Boosted trees: AUROC −0.0012 (−0.0052 to +0.0028). These rows cannot tell the two apart." in page
    assert "Logistic regression: AUROC −0.0092 (−0.0132 to −0.0052). It is worse than the served model" in page
    assert "Logistic regression: Log-loss +0.0083 (+0.0043 to +0.0123). It is worse than the served model" in page


def test_the_same_report_gives_the_same_page(report: dict[str, Any], page: str) -> None:
    assert render(report) == page


def test_a_large_model_gives_a_small_page_soon() -> None:
    names = [f"feature_{number}" for number in range(40)]
    shapes = [number_shape(name, 256) for name in names] + [pair_shape(names[at : at + 2], 256) for at in range(10)]
    render(MINIMAL)
    start = time.process_time()
    page = render(MINIMAL | {"shapes": shapes})
    assert time.process_time() - start < 2
    assert len(page.encode()) < 1_500_000


def test_what_could_not_be_measured_is_a_dash(report: dict[str, Any]) -> None:
    nothing = {"value": float("nan"), "low": None, "high": None}
    measures = dict.fromkeys(MEASURES, nothing)
    segments = [{"segment": "plan", "value": "a", "rows": 0, "positives": 0, "measures": measures}]
    page = render(report | {"measures": measures, "segments": segments})
    assert "nan" not in re.sub("<[^>]*>", "", page).lower().split()
    Outline(page)


def test_an_axis_is_stretched_where_a_few_extremes_would_squash_the_rest() -> None:
    shape = number_shape("data_used", 4) | {"edges": [0, 1, 2, 3, 1000], "rows": [50, 50, 50, 1]}
    assert "The axis is stretched where most subscribers are." in render(MINIMAL | {"shapes": [shape]})
    even = shape | {"edges": [0, 1, 2, 3, 4], "rows": [50, 50, 50, 50]}
    assert "The axis is stretched" not in render(MINIMAL | {"shapes": [even]})


def test_numbers_are_written_for_people() -> None:
    assert [count(7043), share(0.2654), plain(0.85342), plain(2350.4), plain(6.6e-16)] == [
        "7,043",
        "26.5\xa0%",
        "0.8534",
        "2,350",
        "6.6 × 10⁻¹⁶",
    ]
    assert [signed(-0.0425), signed(0.5), factor(np.log(1.5)), significance(1e-9)] == [
        "−0.0425",
        "+0.5",
        "×\xa01.5",
        "< 0.001",
    ]
    assert [count(None), plain(float("inf")), factor(1e9)[:2]] == ["–", "–", "×\xa0"]


@settings(deadline=None)
@given(st.floats(-1e30, 1e30), st.floats(-1e30, 1e30))
def test_the_ticks_of_an_axis_are_few_and_within_it(one: float, other: float) -> None:
    low, high = sorted((one, other))
    ticks = Scale(low, high, 0, 100).ticks()
    assert len(ticks) <= 12
    assert all(-1 <= Scale(low, high, 0, 100)(tick) <= 101 for tick in ticks)
