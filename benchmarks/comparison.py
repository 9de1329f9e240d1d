"""The cells of a row that compare this commit with another one."""

from collections.abc import Mapping
from statistics import median
from typing import Any

from benchmarks.timing import Timing
from benchmarks.trees import HERE, Tree


def compared(timings: Mapping[Tree, Timing], clock: str = "cpu") -> dict[str, Any]:
    """Returns the cells of this tree's timing; with another tree, also the ratio of this one's to the other's.

    If the steps said their `bits`, hashes by name, the note tells whether both computed the same.

    - `clock`: the seconds that are compared, `cpu` or `wall`
    """
    ours = timings[HERE]
    cells: dict[str, Any] = {**ours.row()}
    for tree, other in timings.items():
        if tree is HERE:
            continue
        mine, its = getattr(ours, clock), getattr(other, clock)
        cells["ratio"] = min(mine) / min(its)
        notes = [
            f"{tree.name}: {min(its):.4g} ({median(its):.4g})",
            f"ratio of medians {median(mine) / median(its):.3f}",
        ]
        if "bits" in ours.said:
            notes.append(_difference(ours.said["bits"], other.said["bits"]))
        cells["note"] = ", ".join(notes)
    return cells


def _difference(ours: Mapping[str, str], other: Mapping[str, str]) -> str:
    different = [name for name in sorted({*ours, *other}) if ours.get(name) != other.get(name)]
    if not different:
        return "same bits"
    return f"different bits in {len(different)} of {len(ours)}: {different[0]}"
