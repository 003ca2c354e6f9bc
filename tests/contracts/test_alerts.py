"""Every alert asks for metrics that exist, with labels they have, and is told in the runbook."""

import re
from typing import Any

import httpx
import yaml
from prometheus_client.metrics import MetricWrapperBase
from prometheus_client.parser import text_string_to_metric_families

from app.observability import Metrics
from tests.contracts.repository import ROOT

RULES: list[dict[str, Any]] = [
    rule for group in yaml.safe_load((ROOT / "docs/alerts.yaml").read_text())["groups"] for rule in group["rules"]
]
NOT_OURS = {"up"}  # Prometheus' own, of whether it could scrape
_METRIC = re.compile(r"\b(up|stayline_[a-z_]+)(?:\{([^}]*)\})?")
_LABEL = re.compile(r'([a-z_]+)\s*(?:=~|!~|!=|=)\s*"')
_GROUPED = re.compile(r"\bby \(([^)]*)\)")


def labels_of_metrics() -> dict[str, set[str]]:
    """The labels of each series, as the instruments declare them."""
    found: dict[str, set[str]] = {}
    for instrument in vars(Metrics()).values():
        if isinstance(instrument, MetricWrapperBase):
            name, labels = instrument._name, set(instrument._labelnames)  # noqa: SLF001  # told nowhere else before use
            found |= {f"{name}{ending}": labels for ending in ("", "_total", "_count", "_sum")}
            found[f"{name}_bucket"] = labels | {"le"}
    return found


def test_every_alert_asks_for_what_exists() -> None:
    known = labels_of_metrics() | {"up": {"job"}}
    for rule in RULES:
        asked = _METRIC.findall(rule["expr"])
        assert asked, rule["alert"]
        for name, chosen in asked:
            assert set(_LABEL.findall(chosen)) <= known[name], rule["alert"]
        grouped = {label.strip() for group in _GROUPED.findall(rule["expr"]) for label in group.split(",")}
        assert grouped <= set.union(*(known[name] for name, _ in asked)), rule["alert"]


def test_what_they_ask_for_is_shown(api: httpx.Client) -> None:
    """A counter without labels is shown from the start; the others once something was counted."""
    families = {family.name for family in text_string_to_metric_families(api.get("/metrics").text)}
    asked = {name for rule in RULES for name, _ in _METRIC.findall(rule["expr"])} - NOT_OURS
    assert {re.sub(r"_(total|bucket)$", "", name) for name in asked} <= families


def test_every_alert_has_its_paragraph_in_the_runbook() -> None:
    runbook = (ROOT / "docs/operations.md").read_text(encoding="utf-8")
    paragraphs = dict(re.findall(r"^### (Stayline\w+)\n+(.+?)(?=\n#|\Z)", runbook, flags=re.DOTALL | re.MULTILINE))
    assert paragraphs.keys() == {rule["alert"] for rule in RULES}
    for rule in RULES:
        assert rule["annotations"]["runbook"] == f"docs/operations.md#{rule['alert'].lower()}"
        assert rule["labels"]["severity"] in {"page", "ticket"}
        assert "**Means**" in paragraphs[rule["alert"]]
        assert "**Do**" in paragraphs[rule["alert"]]
