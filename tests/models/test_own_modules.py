"""Networks of one's own: any torch module trains, or is refused in one line that names it."""

import pytest
import torch
from helpers import graph, make_experiment
from simulations import run
from torch import nn
from torch.nn.utils.parametrizations import spectral_norm, weight_norm

from byzdl.config.types import ConfigError, RuleError
from byzdl.models import Model
from byzdl.simulation.flat_model import Batched, OneByOne
from byzdl.testing import check_model

PAIR = graph(2, [(0, 1)])


class Transformer(nn.Module):
    """Reads an image row by row."""

    def __init__(self, width: int, classes: int):
        super().__init__()
        self.encoder = nn.TransformerEncoderLayer(width, nhead=2, dim_feedforward=8, batch_first=True)
        self.head = nn.Linear(width, classes)

    def forward(self, images):
        return self.head(self.encoder(images[:, 0]).mean(1))


class Recurrent(nn.Module):
    def __init__(self, kind: type[nn.RNNBase], width: int, classes: int):
        super().__init__()
        self.reader, self.head = kind(width, 4, batch_first=True), nn.Linear(4, classes)

    def forward(self, images):
        return self.head(self.reader(images[:, 0])[0][:, -1])


class Attentive(nn.Module):
    def __init__(self, width: int, classes: int):
        super().__init__()
        self.attention = nn.MultiheadAttention(width, 2, dropout=0.5, batch_first=True)
        self.head = nn.Linear(width, classes)

    def forward(self, images):
        rows = images[:, 0]
        return self.head(self.attention(rows, rows, rows)[0].mean(1))


class Embedded(nn.Module):
    def __init__(self, width: int, classes: int):
        super().__init__()
        self.table, self.head = nn.Embedding(16, 4), nn.Linear(4, classes)

    def forward(self, images):
        return self.head(self.table((images.flatten(1).abs() * 4).long().clamp(0, 15)).mean(1))


class Tied(nn.Module):
    def __init__(self, d: int, classes: int):
        super().__init__()
        self.first, self.second, self.head = nn.Linear(d, d), nn.Linear(d, d), nn.Linear(d, classes)
        self.second.weight = self.first.weight

    def forward(self, images):
        return self.head(self.second(self.first(images.flatten(1)).relu()))


class Changed(nn.Module):
    """Logistic regression, with a function before or after it."""

    def __init__(self, d: int, classes: int, before=lambda images: images, after=lambda logits: logits):
        super().__init__()
        self.linear, self.before, self.after = nn.Linear(d, classes), before, after

    def forward(self, images):
        return self.after(self.linear(self.before(images).flatten(1)))


def flat(*layers):
    return nn.Sequential(nn.Flatten(), *layers)


def frozen(d, width, classes):
    module = flat(nn.Linear(d, 4), nn.Linear(4, classes))
    module[1].requires_grad_(False)
    return module


class Mine(Model):
    """A module by its name in a table below."""

    case: str

    def build(self, sample, outputs):
        *_, width = sample.shape
        made = {**TRAINS, **REFUSED}[self.case]
        return (made if callable(made) else made[0])(sample.size, width, outputs)


TRAINS = {
    "transformer": lambda d, width, classes: Transformer(width, classes),
    "attention": lambda d, width, classes: Attentive(width, classes),
    "lstm": lambda d, width, classes: Recurrent(nn.LSTM, width, classes),
    "gru": lambda d, width, classes: Recurrent(nn.GRU, width, classes),
    "embedding": lambda d, width, classes: Embedded(width, classes),
    "group norm": lambda d, width, classes: nn.Sequential(nn.GroupNorm(1, 1), flat(nn.Linear(d, classes))),
    "layer norm": lambda d, width, classes: flat(nn.LayerNorm(d), nn.Linear(d, classes)),
    "tied weights": lambda d, width, classes: Tied(d, classes),
    "dropout": lambda d, width, classes: flat(nn.Dropout(0.5), nn.Linear(d, classes)),
    "weight norm": lambda d, width, classes: flat(weight_norm(nn.Linear(d, classes))),
    "lazy": lambda d, width, classes: flat(nn.LazyLinear(classes)),
    "branch on values": lambda d, width, classes: Changed(d, classes, after=lambda y: y if y.sum() > 0 else 2 * y),
}
NO_BUFFERS = r"^model is 'mine', but must be a network without buffers, as all nodes would share them \("
REFUSED = {
    "batch norm": (lambda d, width, classes: nn.Sequential(nn.BatchNorm2d(1), flat(nn.Linear(d, classes))), NO_BUFFERS),
    "spectral norm": (lambda d, width, classes: flat(spectral_norm(nn.Linear(d, classes))), NO_BUFFERS),
    "frozen": (frozen, r"^model is 'mine', but must be a network without frozen parameters, .* \(1\.weight\)$"),
    "double": (
        lambda d, width, classes: flat(nn.Linear(d, classes)).double(),
        r"must be a network of torch\.float32 alone \(1\.weight is torch\.float64\)$",
    ),
    "complex": (
        lambda d, width, classes: flat(nn.Linear(d, classes, dtype=torch.complex64)),
        r"must be a network of torch\.float32 alone \(1\.weight is torch\.complex64\)$",
    ),
    "no parameters": (lambda d, width, classes: flat(nn.AvgPool1d(6)), r"must be a network with parameters, as nodes"),
    "no module": (lambda d, width, classes: torch.sum, r"Mine\.build: returned a builtin\w+, but must return a torch"),
    "tuple": (
        lambda d, width, classes: Changed(d, classes, after=lambda logits: (logits, logits)),
        r"Mine\.build: the network answers 2 samples with a tuple, but must answer with \[2, 3\]$",
    ),
    "other shape": (
        lambda d, width, classes: nn.Conv2d(1, classes, 3),
        r"Mine\.build: the network answers 2 samples with \[2, 3, 2, 2\], but must answer with \[2, 3\]$",
    ),
    "more classes": (
        lambda d, width, classes: flat(nn.Linear(d, classes + 1)),
        r"Mine\.build: the network answers 2 samples with \[2, 4\], but must answer with \[2, 3\]$",
    ),
    "random": (
        lambda d, width, classes: Changed(d, classes, before=nn.functional.dropout),
        r"Mine\.build: the network draws random numbers, but must give one answer to a sample$",
    ),
    "in place": (
        lambda d, width, classes: Changed(d, classes, before=lambda images: images.mul_(2)),
        r"Mine\.build: the network changes its inputs in place, but must leave them as they are$",
    ),
    "other images": (
        lambda d, width, classes: flat(nn.Linear(d + 1, classes)),
        r"Mine\.build: the network raises RuntimeError: mat1 and mat2 shapes cannot be multiplied [^\n]*$",
    ),
    "no gradient": (
        lambda d, width, classes: Changed(d, classes, after=torch.Tensor.detach),
        r"Mine\.build: the network raises RuntimeError: element 0 of tensors does not require grad [^\n]*$",
    ),
}


@pytest.mark.filterwarnings("ignore:There is a performance drop:UserWarning")
@pytest.mark.parametrize("case", TRAINS)
def test_any_module_trains(tiny, case):
    experiment = make_experiment(tiny, PAIR, rounds=12, eval_every=12, model=Mine(case=case))
    way = OneByOne if case in ("lstm", "gru", "branch on values") else Batched
    assert isinstance(experiment.model, way)
    first, last = (found for _, found in run(experiment) if found is not None)
    assert last.loss.mean() < first.loss.mean()
    assert torch.backends.mha.get_fastpath_enabled(), "a setting of the whole process is as it was"


@pytest.mark.parametrize("case", REFUSED)
def test_any_other_module_is_refused_in_one_line(tiny, case):
    with pytest.raises((ConfigError, RuleError), match=REFUSED[case][1]) as raised:
        make_experiment(tiny, PAIR, model=Mine(case=case))
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize("case", TRAINS)
def test_what_trains_keeps_to_the_contract(case):
    check_model(Mine(case=case))


@pytest.mark.parametrize("case", REFUSED)
def test_what_is_refused_breaks_the_contract(case):
    with pytest.raises(AssertionError):
        check_model(Mine(case=case))
