"""Writers send a run's numbers to other tools while it runs. If one fails, the run continues with its CSV files alone.

To add a writer, write a class like `TensorBoard`. Then add a line to `CLASSES` and one to `byzdl.config.keys.WRITERS`,
and an extra of the same name to pyproject.toml.
"""

import logging
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Protocol

import yaml

from byzdl.config.columns import Row
from byzdl.config.explain import explain
from byzdl.config.keys import WRITERS
from byzdl.config.types import ConfigError

log = logging.getLogger("byzdl")


class Writer(Protocol):
    """Receives the row of every evaluation.

    A run that continues from a checkpoint opens its writer again. Rounds after the checkpoint are then written again.

    - `folder`: the run's folder
    - `first`: the first round that the writer will receive
    """

    def __init__(self, folder: Path, first: int): ...

    def write(self, row: Row) -> None:
        """Receives a row of rounds.csv, without its seconds. None stands for a value that the rule cannot give."""

    def close(self) -> None: ...


class TensorBoard:
    """Writes events into the run's folder. `tensorboard --logdir outputs` shows every run by name, while it runs."""

    def __init__(self, folder: Path, first: int):
        from torch.utils.tensorboard import SummaryWriter

        self._events = SummaryWriter(str(folder), purge_step=first)

    def write(self, row: Row) -> None:
        for name, value in row.items():
            if name != "round" and value is not None:
                self._events.add_scalar(name, value, row["round"])
        # If the run is killed, all rounds before its checkpoint must be on the disk.
        self._events.flush()

    def close(self) -> None:
        self._events.close()


class WeightsAndBiases:
    """Writes a Weights & Biases run of the project `byzdl`, with the name and the configuration of the run's folder.

    The run stays in the folder, ready for `wandb sync`: without WANDB_MODE=online nothing is sent, and no login is asked
    for. A run that continues from a checkpoint writes the same numbers of the rounds after it once more, as another part of
    the same run.
    """

    def __init__(self, folder: Path, first: int):
        import wandb

        self._run = wandb.init(
            project="byzdl",
            id=folder.name[-128:],  # 128 is wandb's limit. The name ends with the hash.
            name=folder.name,
            dir=folder,
            config=yaml.safe_load((folder / "config.yaml").read_text(encoding="utf-8")),
            resume="allow",
            settings=wandb.Settings(mode=os.environ.get("WANDB_MODE", "offline"), console="off", silent=True),
        )

    def write(self, row: Row) -> None:
        known = {name: value for name, value in row.items() if value is not None}
        self._run.log(known, step=int(known["round"]))

    def close(self) -> None:
        self._run.finish()


CLASSES: dict[str, type[Writer]] = {"tensorboard": TensorBoard, "wandb": WeightsAndBiases}


def check(name: str) -> None:
    """Checks that a writer's package is installed.

    **Raises:** `ConfigError` if it is not.

    >>> check("none")
    """
    if name == "none":
        return
    # find_spec also finds a plain folder of that name, which has no origin.
    found = find_spec(package := WRITERS[name])
    if found is None or found.origin is None:
        raise ConfigError.of("writer", name, f"none, as {package} is not installed: pip install 'byzdl[{name}]'")


@contextmanager
def writing(name: str, folder: Path, first: int) -> Iterator[Callable[[Row], None]]:
    """Opens a writer, and yields the function that takes each row.

    The function never raises. The first error of a writer becomes a warning, and the writer receives no more rows.

    - `name`: the writer, or `none`
    - `folder`: the run's folder
    - `first`: the first round that the writer will receive

    >>> with writing("none", Path(), first=0) as write:
    ...     write({"round": 0, "accuracy_mean": 0.1})
    """
    writer: Writer | None = None

    @contextmanager
    def guarded() -> Iterator[None]:
        nonlocal writer
        try:
            yield
        except Exception as error:
            writer = None
            log.warning(
                "writer=%s failed and receives no more rows; the CSV files are complete: %s", name, explain(error)
            )

    def write(row: Row) -> None:
        with guarded():
            if writer is not None:
                writer.write(row)

    with guarded():
        writer = CLASSES[name](folder, first) if name != "none" else None
    try:
        yield write
    finally:
        with guarded():
            if writer is not None:
                writer.close()
