"""Static clipping around the own model."""

import math

import pytest
import torch
from helpers import chosen, make_inbox, random_models

from byzdl.preaggregation import blended


def clipped(inbox, norm):
    after = blended(inbox, chosen("pre", "clip", norm=norm).blend(inbox))
    return after.models[after.rows[0]], after


def test_by_hand():
    # Differences (3, 4) and (0.6, 0.8) from (1, 1), of norms 5 and 1.
    inbox = make_inbox([[1.0, 1.0]], [[[4.0, 5.0], [1.6, 1.8]]])
    received, after = clipped(inbox, 2.5)
    assert received.flatten().tolist() == pytest.approx([2.5, 3, 1.6, 1.8])
    assert after.own.tolist() == [[1, 1]]
    assert torch.equal(clipped(inbox, 9.0)[0], inbox.models[1:])


def test_huge_models_come_within_the_norm():
    received, _ = clipped(make_inbox([[0.5, 0.0]], [[[3e38, 0.0], [0.0, -1e30]]]), 2.0)
    assert received[0].tolist() == pytest.approx([2.5, 0])
    assert received[1].tolist() == pytest.approx([0.5, -2])


def test_what_is_not_finite_stays():
    _, after = clipped(make_inbox([0.0], [[math.nan, 8.0]]), 2.0)
    assert after.valid.tolist() == [[False, True]]
    assert after.models[after.rows[0]][1].item() == 2
    received, after = clipped(make_inbox([math.nan], [[50.0, 8.0]]), 2.0)
    assert received.flatten().tolist() == [50, 8]
    assert after.own.isnan().all()


def test_no_direction_changes_and_no_norm_is_larger():
    models = random_models(9, 20, spread=3.0)
    inbox = make_inbox([models[0].tolist()], [models[1:].tolist()])
    received, _ = clipped(inbox, 12.0)
    before, after = models[1:] - models[0], received - models[0]
    assert (after.norm(dim=1) <= 12 * (1 + 1e-6)).all()
    assert (after.norm(dim=1) < before.norm(dim=1) * (1 + 1e-6)).all()
    cosines = torch.nn.functional.cosine_similarity(before, after)
    torch.testing.assert_close(cosines, torch.ones(8), rtol=0, atol=1e-5)
