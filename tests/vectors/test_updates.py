"""Updates around a model of each learner's own."""

import numpy as np
import pytest
import torch
from helpers import random_models

from byzdl.vectors.updates import moved, products_around

ROWS, AT = torch.tensor([[0, 3, 5], [2, 2, 1]]), torch.tensor([1, 0])


@pytest.mark.parametrize("crowd", [0, 60])  # with many other models, products are computed learner by learner
def test_products_are_those_of_differences(crowd):
    models, origins = random_models(6, 40), random_models(2, 40, seed=1)
    found = products_around(torch.cat([models, random_models(crowd, 40, seed=2)]), ROWS, origins, AT)
    for row, at, products in zip(ROWS, AT, found, strict=True):
        u = (models[row].double() - origins[at].double()).numpy()
        np.testing.assert_allclose(products.numpy(), u @ u.T, rtol=1e-12, atol=1e-12)


def test_small_updates_far_from_0_keep_their_digits():
    origins = 100 + random_models(1, 40, seed=1)
    models = origins + 1e-3 * random_models(4, 40)
    u = (models.double() - origins.double()).numpy()
    found = products_around(models, torch.arange(4)[None], origins, torch.tensor([0]))[0]
    np.testing.assert_allclose(found.numpy(), u @ u.T, rtol=1e-6, atol=1e-9)


def test_no_update_is_exactly_0():
    origins = random_models(1, 40, seed=1)
    models = torch.cat([random_models(1, 40), origins])
    found = products_around(models, torch.tensor([[0, 1]]), origins, torch.tensor([0]))[0]
    assert found[0, 0] > 1
    assert found[[0, 1, 1], [1, 0, 1]].tolist() == [0, 0, 0]


def test_a_sum_of_updates_by_hand():
    models = torch.tensor([[1.0, 2.0], [5.0, 2.0], [torch.nan, torch.inf]])
    origins = torch.tensor([[1.0, 0.0], [9.0, 9.0]])
    found = moved(models, torch.tensor([[0, 1, 2]]), torch.tensor([[2.0, 0.5, 0.0]]), origins, torch.tensor([0]))
    # (1, 0) + 2 (0, 2) + (4, 2) / 2
    assert found.tolist() == [[3.0, 5.0]]


def test_a_large_weight_of_a_small_update_costs_no_digits():
    origin = 100 + random_models(1, 200, seed=1)
    model = origin + 1e-3 * random_models(1, 200)
    found = moved(model, torch.tensor([[0]]), torch.tensor([[1e6]]).double(), origin, torch.tensor([0]))
    exact = origin.double() + 1e6 * (model.double() - origin.double())
    torch.testing.assert_close(found, exact.float(), rtol=1e-6, atol=1e-4)
