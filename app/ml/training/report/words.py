"""What the figures say, in sentences for those who do not read figures."""

from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from typing import Any

from app.ml.training.report.glossary import MEASURES
from app.ml.training.report.numbers import SPACE, count, interval, plain, share, signed

Measure = Mapping[str, float | None]

# Who "leaves", for each kind of churn.
LEAVERS = {
    "port_out": "leave for another operator",
    "downgrade": "move down to a lower brand",
    "arpu_decline": "fall to a lower value tier",
}
WHY_DROPPED = {
    "protected": "protected attribute",
    "constant": "one value only",
    "identifier": "identifies the subscriber",
    "duplicate": "duplicate of another",
    "descendant": "symptom of another",
    "gives_way": "gives way to a derived one",
    "irrelevant": "says nothing",
}
CONTACTED = 0.2  # the campaign that the sentence about the gain curve imagines


def verdict(report: Mapping[str, Any]) -> Iterator[tuple[str, str, str]]:
    """Yield (the figure, what it says, its interval in words) for what a manager asks first."""
    measures, base = report["measures"], report["base_rate"]
    if base is not None and (lift := measures.get("top_decile_lift")):
        figure, low, high = (share(_left(lift[end], base)) for end in ("value", "low", "high"))
        said = f"of the tenth most at risk leave: {_two(lift['value'])} times the average of {share(base)}."
        yield figure, said, f"{low} to {high}"
    if gain := ((report["curves"] or {}).get("gain") or {}).get("ebm"):
        said = f"of all leavers are among the {CONTACTED:.0%} of subscribers most at risk.".replace("%", f"{SPACE}%")
        yield share(_at(gain, CONTACTED)), said, ""
    if auroc := measures.get("auroc"):
        said = "times out of 100, one who leaves is ranked above one who stays (a coin: 50)."
        yield _hundred(auroc["value"]), said, f"{_hundred(auroc['low'])} to {_hundred(auroc['high'])}"
    if ece := measures.get("ece"):
        said = "lie between the predicted and the observed share of leavers, on average over ten groups."
        yield _points(ece["value"]), said, f"{_hundred(ece['low'])} to {_points(ece['high'])}"


def against(name: str, title: str, gap: Measure) -> str:
    """Say whether another family's paired gap to the served one is more than chance."""
    measure, value = MEASURES[name], gap["value"] or 0.0
    said = f"{measure.title} {signed(value)} ({interval(gap, signed)})"
    if (gap["low"] or 0.0) <= 0 <= (gap["high"] or 0.0):
        return f"{title}: {said}. These rows cannot tell the two apart."
    is_better = (value > 0) == measure.higher_is_better
    return f"{title}: {said}. It is {'better' if is_better else 'worse'} than the served model, by more than chance."


def calibration(figures: Mapping[str, Any]) -> str:
    """Say what was done to the probabilities, and why."""
    gained = f"(gain in log-loss out of fold: {signed(figures['gain'])} ± {plain(figures['gain_error'])})"
    found = f"The scores have slope {plain(figures['slope'])} and intercept {plain(figures['intercept'])}."
    if figures["applied"]:
        return f"{found} They are corrected by that line, which is part of the model {gained}."
    return f"{found} They are left as they are, for a correction would not help enough {gained}."


def sum_of_rows(rows: Mapping[str, Any]) -> str:
    """Say how the rows read became the rows kept; a sum that fails is told, not hidden."""
    filtered = sum(rows["filtered"].values())
    said = f"{count(rows['read'])} read = {count(rows['kept'])} kept + {count(filtered)} filtered"
    return said if rows["read"] == rows["kept"] + filtered else f"{said} (this does not add up)"


def adds_up(column: Mapping[str, int]) -> bool:
    return column["read"] == sum(column[part] for part in ("as_is", "converted", "missing", "refused"))


def _at(curve: Sequence[Sequence[float]], share_contacted: float) -> float | None:
    for (start, low), (end, high) in pairwise(curve):
        if start <= share_contacted <= end:
            return low + (high - low) * (share_contacted - start) / ((end - start) or 1.0)
    return None


def _left(lift: float | None, base_rate: float) -> float | None:
    return None if lift is None else min(1.0, lift * base_rate)


def _two(value: float | None) -> str:
    return plain(None if value is None else round(value, 2))


def _hundred(value: float | None) -> str:
    return plain(None if value is None else round(value * 100, 1))


def _points(value: float | None) -> str:
    return f"{_hundred(value)}{SPACE}points"
