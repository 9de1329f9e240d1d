"""Networks of linear layers."""

from torch import nn

from byzdl.config.types import Count
from byzdl.models.base import Model
from byzdl.samples import Sample


class Mlp(Model):
    """Builds a perceptron with one hidden layer of `hidden` ReLU units.

    - `hidden`: the width of the hidden layer
    """

    hidden: Count = 64

    def build(self, sample: Sample, outputs: int) -> nn.Module:
        inner, outer = nn.Linear(sample.size, self.hidden), nn.Linear(self.hidden, outputs)
        return nn.Sequential(nn.Flatten(), inner, nn.ReLU(), outer)


class Linear(Model):
    """Builds a single linear layer: multinomial logistic regression, or linear regression."""

    def build(self, sample: Sample, outputs: int) -> nn.Module:
        return nn.Sequential(nn.Flatten(), nn.Linear(sample.size, outputs))
