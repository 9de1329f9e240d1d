"""The mean cross-entropy of many models, each on its own mini-batch."""

import torch
from torch import Tensor
from torch.nn import functional as F

LANES = {"AVX2": 8, "AVX512": 16}.get(torch.backends.cpu.get_cpu_capability(), 1)
"""The float32 values in a register of this processor."""


def cross_entropies(logits: Tensor, labels: Tensor) -> Tensor:
    """Computes the mean cross-entropy [r] of logits [r, b, classes] and labels [r, b].

    >>> cross_entropies(torch.zeros(1, 2, 4), torch.tensor([[0, 3]])).exp()
    tensor([4.])
    """
    flat, targets = logits.flatten(0, -2), labels.flatten()
    if _narrow(flat):
        # The same bits, in a fifth of the time. Along its last axis torch computes log-softmax value by value if a row
        # does not fill a register; along the first one it fills registers with samples.
        entropies = -torch.log_softmax(flat.T.contiguous(), 0).gather(0, targets[None])
    else:
        entropies = F.cross_entropy(flat, targets, reduction="none")
    return entropies.view(labels.shape).mean(-1)


def _narrow(logits: Tensor) -> bool:
    """Tells whether the classes do not fill a register, but samples fill whole ones. No gradient may be needed."""
    samples, classes = logits.shape
    return not logits.requires_grad and not logits.is_cuda and classes < LANES and samples % LANES == 0
