"""Count sketches: signed sums of random buckets."""

import numpy as np
import pytest
import torch
from helpers import random_models

from byzdl.vectors.count_sketch import count_sketches


@pytest.mark.parametrize(("m", "d", "size"), [(1, 1, 5), (3, 40, 7), (9, 5, 64), (6, 300, 1)])
def test_buckets_and_signs_are_the_same_for_all_models(m, d, size):
    models = random_models(m, d)
    found = count_sketches(models, size, np.random.default_rng(3))
    # Row by row, a sketch is linear: sketches of the unit vectors tell the bucket and the sign of each coordinate.
    units = count_sketches(torch.eye(d), size, np.random.default_rng(3))
    assert (units != 0).sum(1).tolist() == [1] * d
    assert set(units.unique().tolist()) <= {-1.0, 0.0, 1.0}
    torch.testing.assert_close(found, models.double() @ units)


def test_squared_distances_are_right_on_average():
    one, other = random_models(2, 50)
    draws = [count_sketches(torch.stack([one, other]), 20, np.random.default_rng(i)) for i in range(2000)]
    squared = torch.stack([(s[0] - s[1]).square().sum() for s in draws])
    truth = (one - other).double().square().sum().item()
    assert squared.mean().item() == pytest.approx(truth, rel=0.03)
    # A single one errs by about sqrt(2 / 20).
    assert squared.std().item() / truth == pytest.approx((2 / 20) ** 0.5, rel=0.2)


def test_what_is_not_finite_stays_in_its_own_sketch():
    models = random_models(6, 30)
    spoilt = models.clone()
    spoilt[2, 4] = torch.nan
    found, clean = (count_sketches(x, 8, np.random.default_rng(0)) for x in (spoilt, models))
    assert found[2].isnan().sum() == 1
    others = [0, 1, 3, 4, 5]
    assert torch.equal(found[others], clean[others])
