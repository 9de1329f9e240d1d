"""Min-Max and Min-Sum: the largest displacement that hides, by hand and by search."""

import pytest
import torch
from helpers import chosen, delivered, random_models, view, view_of

BENIGN = [[0.0], [1.0], [5.0]]  # mean 2


def test_min_max_by_hand():
    # The farthest pair is 5 apart. 2 - gamma sigma may be 5 from the model at 5: it is at 0.
    assert delivered(chosen("attack", "min_max"), view(BENIGN)).tolist() == [[pytest.approx(0, abs=1e-6)]]


def test_min_sum_by_hand():
    # Sums of squares: 0 + 1 + 25, 1 + 0 + 16, 25 + 16 + 0 = 41. x^2 + (x-1)^2 + (x-5)^2 = 41 at x = 5 and x = -1.
    assert delivered(chosen("attack", "min_sum"), view(BENIGN)).tolist() == [[pytest.approx(-1)]]


@pytest.mark.parametrize("direction", ["std", "unit", "sign"])
@pytest.mark.parametrize("name", ["min_max", "min_sum"])
def test_the_bound_is_met_and_no_more_fits(name, direction):
    benign = random_models(6, 30, seed=1).double()
    squared = torch.cdist(benign, benign).square()
    bound = squared.max() if name == "min_max" else squared.sum(1).max()

    def measured(x):
        to = (benign - x).square().sum(1)
        return to.max() if name == "min_max" else to.sum()

    seen = view_of(
        benign.float(),
        benign.float(),
        benign[:0].float(),
        byzantine=1,
        attacker=torch.tensor([0]),
        victim=torch.tensor([0]),
    )
    (sent,) = delivered(chosen("attack", name, direction=direction), seen).double()
    mean = benign.mean(0)
    assert measured(sent) == pytest.approx(bound.item(), rel=1e-5)
    assert measured(mean + 1.001 * (sent - mean)) > bound
    p = {"std": -benign.std(0, correction=0), "unit": -mean, "sign": -mean.sign()}[direction]
    assert torch.cosine_similarity(sent - mean, p, dim=0) == pytest.approx(1, abs=1e-5)


@pytest.mark.parametrize("name", ["min_max", "min_sum"])
def test_where_all_agree_there_is_nowhere_to_hide(name):
    assert delivered(chosen("attack", name), view([[1.0, 2.0]] * 3)).tolist() == [[1, 2]]
