"""The network of examples/own_module.yaml: what a user writes who knows torch and nothing of byzdl."""

import torch
from torch import Tensor, nn

from byzdl.samples import Sample


class Gated(nn.Module):
    """A linear map, each of whose outputs is opened or shut by a second one."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.value = nn.Linear(inputs, outputs)
        self.gate = nn.Linear(inputs, outputs)

    def forward(self, x: Tensor) -> Tensor:
        return self.value(x) * torch.sigmoid(self.gate(x))


def make(width: int, sample: Sample, outputs: int) -> nn.Module:
    """Makes two gated layers and a linear one; byzdl says what a sample is, and how many outputs it needs."""
    return nn.Sequential(Gated(sample.size, width), Gated(width, width), nn.Linear(width, outputs))
