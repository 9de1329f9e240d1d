"""Medians of rows, and what is near the coordinate-wise one."""

import numpy as np
import torch
from helpers import random_models
from hypothesis import given
from hypothesis import strategies as st

from byzdl.vectors.medians import medians
from byzdl.vectors.to_median import to_median


@given(st.lists(st.lists(st.integers(-9, 9) | st.just(None), max_size=7), min_size=1, max_size=3))
def test_a_median_is_numpys(rows):
    width = max(len(row) for row in rows)
    padded = [[*row, *[None] * (width - len(row))] for row in rows]
    among = torch.tensor([[v is not None for v in row] for row in padded]).reshape(len(rows), width).bool()
    values = torch.tensor([[float("nan") if v is None else float(v) for v in row] for row in padded])
    found = medians(values.reshape(len(rows), width), among)
    known = [[v for v in row if v is not None] for row in rows]
    assert found.tolist() == [float(np.median(row)) if row else 0.0 for row in known]


@given(st.integers(0, 9), st.integers(0, 5), st.integers(0, 99))
def test_distances_and_cosines_to_the_median_are_numpys(count, padding, seed):
    models = random_models(20, 30, seed=seed)
    rows = torch.stack([torch.randperm(20, generator=torch.Generator().manual_seed(seed + i)) for i in (0, 1)])
    rows = rows[:, : count + padding]
    among = torch.arange(count + padding).expand(2, -1) < torch.tensor([[count], [max(count - 1, 0)]])
    distances, cosines = to_median(models, rows, among)
    for row, mask, found, cosine in zip(rows, among, distances, cosines, strict=True):
        x = models[row[mask]].double().numpy()
        if len(x):
            middle = np.median(x, axis=0)
            np.testing.assert_allclose(found[mask], np.linalg.norm(x - middle, axis=1), rtol=1e-9, atol=1e-9)
            expected = x @ middle / np.linalg.norm(x, axis=1) / np.linalg.norm(middle)
            np.testing.assert_allclose(cosine[mask], expected, rtol=1e-9, atol=1e-9)


def test_what_does_not_count_may_be_anything():
    models = torch.tensor([[1.0, 0.0], [3.0, 4.0], [torch.nan, torch.inf]])
    distances, cosines = to_median(models, torch.tensor([[0, 1, 2]]), torch.tensor([[True, True, False]]))
    # The median is (2, 2).
    np.testing.assert_allclose(distances[0, :2], [5**0.5, 5**0.5])
    np.testing.assert_allclose(cosines[0, :2], [0.5**0.5, 14 / 5 / 8**0.5])
