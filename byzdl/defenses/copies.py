"""The state of a defense, for several copies of the learners."""

from typing import Any

from torch import Tensor


def repeated(state: Any, learners: int, copies: int) -> Any:
    """Repeats the learners in the state of a defense.

    Its tensors [L, ...], alone or within tuples, lists and dictionaries, become [T L, ...]. Everything else stays.

    - `state`: of L learners
    - `copies`: T

    >>> import torch
    >>> repeated((torch.tensor([0.1, 0.2]), 7), learners=2, copies=2)
    (tensor([0.1000, 0.2000, 0.1000, 0.2000]), 7)
    """
    if copies == 1:
        return state
    if isinstance(state, Tensor):
        of_learners = state.ndim > 0 and len(state) == learners
        return state.repeat(copies, *[1] * (state.ndim - 1)) if of_learners else state
    if isinstance(state, dict):
        return {key: repeated(value, learners, copies) for key, value in state.items()}
    if isinstance(state, tuple | list):
        parts = [repeated(value, learners, copies) for value in state]
        return type(state)(*parts) if hasattr(state, "_fields") else type(state)(parts)
    return state
