"""What the best retention campaign by a model's ranking would earn: the expected maximum profit for churn.

Verbraken, Verbeke & Baesens, A Novel Profit Maximizing Metric for Measuring Classification Performance of Customer
Churn Prediction Models, IEEE TKDE 25(5), 2013. Everyone whose score reaches a threshold is contacted, at a cost f each,
and offered an incentive of cost d. A stayer takes the incentive; a would-be leaver takes it and stays with probability
γ, which saves CLV. With T leavers and F stayers contacted among n subscribers, the campaign earns a subscriber

    P(γ) = [(γ (CLV - d) - f) T - (f + d) F] / n

The threshold is chosen knowing γ, which is drawn from Beta(α, β), and the expectation is taken over γ. Only corners of
the ROC curve's convex hull can be best, each between the two γ at which it is as good as its neighbours: so the
integral is a sum over corners of incomplete beta functions.
"""

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import isotonic_regression
from scipy.special import betainc

# The authors' values; money is in the currency of the CLV.
ALPHA, BETA = 6.0, 14.0
CLV = 200.0
INCENTIVE = 10.0
CONTACT = 1.0


def expected_maximum_profit(caught: NDArray[np.float64], bothered: NDArray[np.float64]) -> float:
    """Return the EMPC a subscriber of an ROC curve: leavers and stayers contacted [B + 1], from none to all.

    Each step of the curve contacts somebody more.
    """
    caught, bothered = hull(caught, bothered)
    with np.errstate(divide="ignore"):  # a step without leavers pays at no γ
        slope = np.diff(bothered) / np.diff(caught)
    turns = np.clip((CONTACT + (CONTACT + INCENTIVE) * slope) / (CLV - INCENTIVE), 0, 1)
    bounds = np.concatenate([[0], turns, [1]])
    chance = np.diff(betainc(ALPHA, BETA, bounds))
    part_of_mean = ALPHA / (ALPHA + BETA) * np.diff(betainc(ALPHA + 1, BETA, bounds))
    saved = (CLV - INCENTIVE) * caught * part_of_mean
    spent = (CONTACT * caught + (CONTACT + INCENTIVE) * bothered) * chance
    return float((saved - spent).sum() / (caught[-1] + bothered[-1]))


def hull(caught: NDArray[np.float64], bothered: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the corners of the ROC curve's upper convex hull, from none to all.

    Pooling neighbouring steps until the share of leavers falls from step to step finds it (Fawcett & Niculescu-Mizil,
    Machine Learning 68, 2007).
    """
    leavers, rows = np.diff(caught), np.diff(caught + bothered)
    corners = isotonic_regression(leavers / rows, weights=rows, increasing=False).blocks
    return caught[corners], bothered[corners]
