"""Networks of linear layers alone."""

from torch import nn

from byzdl.config.types import Count
from byzdl.models.base import Model, Shape


class Mlp(Model):
    """One hidden layer of `hidden` ReLU units."""

    hidden: Count = 64

    def build(self, shape: Shape, classes: int) -> nn.Module:
        inputs = shape[0] * shape[1] * shape[2]
        return nn.Sequential(nn.Flatten(), nn.Linear(inputs, self.hidden), nn.ReLU(), nn.Linear(self.hidden, classes))


class Linear(Model):
    """Multinomial logistic regression."""

    def build(self, shape: Shape, classes: int) -> nn.Module:
        return nn.Sequential(nn.Flatten(), nn.Linear(shape[0] * shape[1] * shape[2], classes))
