"""Networks of linear layers."""

from torch import nn

from byzdl.config.types import Count
from byzdl.models.base import Model, Shape


class Mlp(Model):
    """Builds a perceptron with one hidden layer of `hidden` ReLU units.

    - `hidden`: the width of the hidden layer
    """

    hidden: Count = 64

    def build(self, shape: Shape, classes: int) -> nn.Module:
        inputs = shape[0] * shape[1] * shape[2]
        return nn.Sequential(nn.Flatten(), nn.Linear(inputs, self.hidden), nn.ReLU(), nn.Linear(self.hidden, classes))


class Linear(Model):
    """Builds multinomial logistic regression: a single linear layer."""

    def build(self, shape: Shape, classes: int) -> nn.Module:
        return nn.Sequential(nn.Flatten(), nn.Linear(shape[0] * shape[1] * shape[2], classes))
