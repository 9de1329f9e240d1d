"""Where a run's numbers can also go, while it runs. Its CSV files are the truth: a writer that fails is left behind.

A writer of another kind is a class as `TensorBoard`, its lines in `CLASSES` and in `byzdl.config.keys.WRITERS`, and an extra in pyproject.toml of the same name.
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
    """What gets the row of every evaluation. It is opened with the run's folder and the first round that it will get.

    A run that goes on from a checkpoint opens it again, with the round after that: what came later is written anew.
    """

    def __init__(self, folder: Path, first: int): ...

    def write(self, row: Row) -> None:
        """A row of rounds.csv but for the seconds; None is what a rule cannot say."""

    def close(self) -> None: ...


class TensorBoard:
    """Events in the run's folder: `tensorboard --logdir outputs` shows every run under its name, as it runs."""

    def __init__(self, folder: Path, first: int):
        from torch.utils.tensorboard import SummaryWriter

        self._events = SummaryWriter(str(folder), purge_step=first)

    def write(self, row: Row) -> None:
        for name, value in row.items():
            if name != "round" and value is not None:
                self._events.add_scalar(name, value, row["round"])
        # A run that is killed has what its checkpoint stands for.
        self._events.flush()

    def close(self) -> None:
        self._events.close()


class WeightsAndBiases:
    """A run of the project `byzdl` with the folder's name and configuration.

    It is kept in the folder, for `wandb sync`, unless WANDB_MODE=online: nothing is asked, and nothing sent unasked. A run
    that goes on from a checkpoint writes once more what came after that, the same numbers, as another part of the same run.
    """

    def __init__(self, folder: Path, first: int):
        import wandb

        self._run = wandb.init(
            project="byzdl",
            id=folder.name[-128:],  # as long as it may be, and the hash is at the end
            name=folder.name,
            dir=folder,
            config=yaml.safe_load((folder / "config.yaml").read_text(encoding="utf-8")),
            resume="allow",
            settings=wandb.Settings(mode=os.environ.get("WANDB_MODE", "offline"), console="off", silent=True),
        )

    def write(self, row: Row) -> None:
        said = {name: value for name, value in row.items() if value is not None}
        self._run.log(said, step=int(said["round"]))

    def close(self) -> None:
        self._run.finish()


CLASSES: dict[str, type[Writer]] = {"tensorboard": TensorBoard, "wandb": WeightsAndBiases}


def check(name: str) -> None:
    """**Raises:** `ConfigError` where a writer is asked for whose package isn't installed."""
    if name == "none":
        return
    # A folder of that name beside one's own work would be found too, but has no origin.
    found = find_spec(package := WRITERS[name])
    if found is None or found.origin is None:
        raise ConfigError.of("writer", name, f"none, or that and {package} installed: pip install 'byzdl[{name}]'")


@contextmanager
def writing(name: str, folder: Path, first: int) -> Iterator[Callable[[Row], None]]:
    """What to call with each row, until the run ends. It never raises: what a writer raises is warned of, once."""
    writer: Writer | None = None

    @contextmanager
    def guarded() -> Iterator[None]:
        nonlocal writer
        try:
            yield
        except Exception as error:
            writer = None
            log.warning("writer=%s failed and gets no more; the CSV files do: %s", name, explain(error))

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
