import pytest
import torch

from byzdl.vectors.moments import std_mean


@pytest.mark.parametrize("h", [1, 2, 3, 7, 33])
@pytest.mark.parametrize("correction", [0, 1])
def test_it_is_torchs_to_the_last_bit(h: int, correction: int) -> None:
    if h == correction:
        return
    generator = torch.Generator().manual_seed(h)
    models = torch.randn(h, 70_001, generator=generator) * torch.randn(70_001, generator=generator).exp()
    models[0, 0], models[-1, 1], models[0, 2], models[:, 3] = torch.inf, torch.nan, -torch.inf, 2.0**100
    for ours, torchs in zip(
        std_mean(models, correction), torch.std_mean(models, dim=0, correction=correction), strict=True
    ):
        assert torch.equal(ours.nan_to_num(nan=-1.0), torchs.nan_to_num(nan=-1.0))


def test_by_hand() -> None:
    std, mean = std_mean(torch.tensor([[0.0], [0.0], [3.0]]), correction=1)
    assert (std.item(), mean.item()) == (pytest.approx(3**0.5), 1.0)
