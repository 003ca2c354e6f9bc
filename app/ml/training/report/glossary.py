"""Each measure in one line: what it says, how it is computed, and who proposed it."""

import math
from collections.abc import Callable
from dataclasses import dataclass

from app.ml.training.report.numbers import Form, plain, precise, times


@dataclass(frozen=True, slots=True)
class Measured:
    """A measure of a whole model. `without` is what no model at all would reach, given the share of leavers."""

    title: str
    meaning: str
    formula: str
    source: str
    higher_is_better: bool = True
    form: Form = precise
    without: Callable[[float], float] | None = None


@dataclass(frozen=True, slots=True)
class Term:
    """Another word of the report."""

    title: str
    meaning: str
    formula: str
    source: str


def _entropy(rate: float) -> float:
    return -sum(part * math.log(part) for part in (rate, 1 - rate) if part > 0)


MEASURES = {
    "auroc": Measured(
        "AUROC",
        "how often a leaver is ranked above a stayer",
        "P(p of a leaver > p of a stayer) + ½ P(equal)",
        "Hanley & McNeil, Radiology 143 (1982)",
        without=lambda _: 0.5,
    ),
    "pr_auc": Measured(
        "PR-AUC",
        "the average precision over all shares of leavers reached",
        "Σₙ (recallₙ − recallₙ₋₁) · precisionₙ",
        "Davis & Goadrich, ICML (2006)",
        without=lambda rate: rate,
    ),
    "log_loss": Measured(
        "Log-loss",
        "how surprised the probabilities are by what happened; being sure and wrong costs most",
        "−mean(y ln p + (1 − y) ln(1 − p))",
        "Good, Journal of the Royal Statistical Society B 14 (1952)",
        higher_is_better=False,
        without=_entropy,
    ),
    "brier": Measured(
        "Brier score",
        "the mean squared error of the probabilities",
        "mean((p − y)²)",
        "Brier, Monthly Weather Review 78 (1950)",
        higher_is_better=False,
        without=lambda rate: rate * (1 - rate),
    ),
    "ece": Measured(
        "ECE",
        "how far the probabilities are from the observed shares, on average over ten bins (expected calibration error)",
        "Σ_b (n_b / n) · |mean y in b − mean p in b|",
        "Naeini, Cooper & Hauskrecht, AAAI (2015)",
        higher_is_better=False,
    ),
    "top_decile_lift": Measured(
        "Top-decile lift",
        "how many times the average share of leavers is found in the tenth most at risk",
        "(share of leavers in the top tenth) ÷ (share of leavers)",
        "Neslin et al., Journal of Marketing Research 43 (2006)",
        form=times,
        without=lambda _: 1.0,
    ),
    "empc": Measured(
        "EMPC",
        "the expected maximum profit per subscriber of a retention campaign led by the model",
        "∫ max_t profit(t; γ) h(γ) dγ, γ the chance that an offer is accepted",
        "Verbraken, Verbeke & Baesens, IEEE TKDE 25 (2013)",
        form=plain,
    ),
}

TERMS = (
    Term(
        "95 % interval",
        "the reach of chance: of 100 intervals made this way on other such rows, about 95 hold the true figure",
        "the 2.5th to the 97.5th percentile of how the figure varies from sample to sample",
        "Efron & Tibshirani, An Introduction to the Bootstrap (1993); AUROC: DeLong et al., Biometrics 44 (1988)",
    ),
    Term(
        "Log-odds",
        "the scale on which the contributions of the terms simply add up to the score",
        "logit p = ln(p / (1 − p)) = intercept + Σ contributions",
        "Cox, Journal of the Royal Statistical Society B 20 (1958)",
    ),
    Term(
        "Factor on the odds",
        "what a contribution multiplies the odds of leaving by; × 1 changes nothing",
        "e^contribution",
        "Cox, Journal of the Royal Statistical Society B 20 (1958)",
    ),
    Term(
        "Explainable boosting machine (EBM)",
        "a model that is a sum of curves and of two-way tables, so that its reasons are the model itself",
        "logit p = β₀ + Σ fᵢ(xᵢ) + Σ fᵢⱼ(xᵢ, xⱼ)",
        "Lou, Caruana, Gehrke & Hooker, KDD (2013)",
    ),
    Term(
        "Importance of a term",
        "how much the term moves the scores on average",
        "mean |contribution| over the rows, in log-odds",
        "Nori, Jenkins, Koch & Caruana, arXiv 1909.09223 (2019)",
    ),
    Term(
        "Information value (IV)",
        "how differently leavers and stayers are spread over the bins of one column",
        "Σ_b (leavers_b − stayers_b) · ln(leavers_b / stayers_b), both as shares",
        "Siddiqi, Credit Risk Scorecards (2006)",
    ),
    Term(
        "Calibration slope and intercept",
        "whether the scores are too extreme (slope below 1) or too low or high throughout (intercept not 0)",
        "logit P(y = 1) = intercept + slope · logit p",
        "Cox, Biometrika 45 (1958); as a correction: Platt (1999)",
    ),
    Term(
        "Gain",
        "the share of all leavers who are among the share contacted, those most at risk first",
        "leavers in the top q ÷ all leavers",
        "Neslin et al., Journal of Marketing Research 43 (2006)",
    ),
    Term(
        "Paired gap",
        "the difference of two models on the very same rows, surer than the difference of two separate figures",
        "measure(other) − measure(EBM), resampled together",
        "Efron & Tibshirani, An Introduction to the Bootstrap (1993)",
    ),
)
