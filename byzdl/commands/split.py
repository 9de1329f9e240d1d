"""`byzdl split partition=dirichlet partition.alpha=0.1` draws the split of the data, before anything is trained.

It takes the overrides of `byzdl run`. The picture shows how many samples of each class each node holds; of a regression, of
each tenth of the targets. A table of the nodes is printed: their samples, classes, and users, where the data tell them.
"""

import argparse
import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Patch
from numpy.typing import NDArray
from tabulate import tabulate

from byzdl.analysis import style
from byzdl.analysis.figures import FORMATS
from byzdl.commands.door import door
from byzdl.config.compose import compose
from byzdl.config.types import ConfigError
from byzdl.data.dataset import load
from byzdl.data.partition import divide, labels_for
from byzdl.data.rotation import Rotation
from byzdl.simulation.build import with_nodes
from byzdl.simulation.settings import Settings, parse
from byzdl.topology import draw_network

PLURAL = {"class": "classes", "tenth of the targets": "tenths of the targets"}

BENIGN, BYZANTINE = "#0072B2", "#D55E00"

# With more ticks, their labels would overlap.
MOST_TICKS = 30


@dataclass(frozen=True)
class Picture:
    """The numbers in the picture of a split.

    - `counts` [n, classes]: the samples of each class at each node, validation samples included; of a regression, those
      of each tenth of the targets
    - `byzantine`: the Byzantine nodes
    - `angles` [n]: the rotation of each node's images in degrees; empty if the partition rotates none
    - `title`: the title above the picture
    - `rows`: what a row of circles stands for
    - `users` [n]: the number of users at each node; empty if the data tell none
    """

    counts: NDArray[np.int64]
    byzantine: tuple[int, ...]
    angles: tuple[int, ...]
    title: str
    rows: str = "class"
    users: tuple[int, ...] = ()

    @classmethod
    def of(cls, settings: Settings) -> "Picture":
        """Splits the data as a run with these settings does.

        **Raises:** `ConfigError` if such a run is impossible.
        """
        data = load(settings.dataset)
        settings = with_nodes(settings, data)
        partition, n, seed = settings.partition, settings.topology.n, settings.seed
        network = draw_network(settings.topology, settings.attack.br, seed)
        partition.check(data.sample)
        holdings = divide(partition, labels_for(partition, data), n, settings.batch_size, seed)
        samples = [np.concatenate([holding.train, holding.validation]) for holding in holdings]
        held = [data.labels[own] for own in samples]
        keys = "".join(f" {k}={v}" for k, v in partition.model_dump(exclude={"name", "validation"}).items())
        return cls(
            counts=np.stack([np.bincount(own, minlength=data.labels.max() + 1) for own in held]),
            byzantine=network.byzantine,
            angles=tuple(partition.angle(i, seed) for i in range(n)) if isinstance(partition, Rotation) else (),
            users=() if data.groups is None else tuple(len(np.unique(data.groups[own])) for own in samples),
            rows="class" if data.classes else "tenth of the targets",
            title=f"{settings.dataset.name} split by {partition.name}{keys}, seed {seed}",
        )

    def table(self) -> str:
        """Returns a line for each node: its samples, classes and users, and whether it is Byzantine."""
        columns: dict[str, Sequence[object]] = {
            "node": range(len(self.counts)),
            "samples": self.counts.sum(1).tolist(),
            PLURAL[self.rows]: (self.counts > 0).sum(1).tolist(),
            **({"users": self.users} if self.users else {}),
            "": ["Byzantine" if i in self.byzantine else "" for i in range(len(self.counts))],
        }
        return str(tabulate(columns, headers="keys", tablefmt="plain"))

    def draw(self) -> Figure:
        """Draws nodes by classes, with circles whose area is the number of samples, and each node's total above."""
        with mpl.rc_context(style.theme()):
            n, classes = self.counts.shape
            size = min(max(0.28 * n + 1.2, 4.0), 12.0), min(max(0.22 * classes + 2.0, 3.4), 9.0)
            figure = Figure(figsize=size, layout="constrained")
            above, below = figure.subplots(2, 1, sharex=True, height_ratios=(1, min(max(2.0, 0.25 * classes), 6.0)))
            self._totals(above)
            self._circles(below, 72 * min(0.8 * (size[0] - 1) / n, 0.7 * (size[1] - 1.2) / classes))
            title = textwrap.fill(self.title, int(size[0] * 12))
            figure.suptitle(title, fontsize=style.theme()["axes.titlesize"])
            if self.byzantine:
                handles = [Patch(color=BENIGN, label="benign"), Patch(color=BYZANTINE, label="Byzantine")]
                figure.legend(handles=handles, loc="outside lower center", ncols=2)
        return figure

    @property
    def _colors(self) -> dict[int, str]:
        return {i: BYZANTINE if i in self.byzantine else BENIGN for i in range(len(self.counts))}

    def _totals(self, axes: Axes) -> None:
        import seaborn as sns

        nodes, look = np.arange(len(self.counts)), {"palette": self._colors, "saturation": 1, "legend": False}
        sns.barplot(x=nodes, y=self.counts.sum(1), hue=nodes, native_scale=True, width=0.7, ax=axes, **look)
        axes.set_ylabel("samples")
        axes.grid(axis="x", visible=False)

    def _circles(self, axes: Axes, widest: float) -> None:
        """Draws a circle for each node and class, the largest `widest` points wide."""
        import seaborn as sns

        n, classes = self.counts.shape
        node, label = (each.ravel() for each in np.indices((n, classes)))
        look = {"hue": node, "palette": self._colors, "linewidth": 0, "legend": False}
        sizes = {"size": self.counts.ravel(), "size_norm": (0, self.counts.max()), "sizes": (0, np.pi / 4 * widest**2)}
        sns.scatterplot(x=node, y=label, ax=axes, **look, **sizes)
        axes.set(xlabel="node", ylabel=self.rows, ylim=(classes - 0.4, -0.6), xlim=(-0.6, n - 0.4))
        if classes <= MOST_TICKS:
            axes.set_yticks(range(classes))
        if n <= MOST_TICKS:
            turned = [f"\n{angle}°" for angle in self.angles] or [""] * n
            axes.set_xticks(range(n), [f"{i}{angle}" for i, angle in enumerate(turned)])
            for tick in (axes.get_xticklabels()[i] for i in self.byzantine):
                tick.set_color(BYZANTINE)


def main(arguments: Sequence[str] | None = None) -> None:
    """Draws the split of a configuration into a file.

    **Raises:** `ConfigError` for overrides that cannot be composed, data that cannot be split, and a file that cannot be
    written.
    """
    parser = argparse.ArgumentParser(prog="byzdl split", description=__doc__)
    parser.add_argument("overrides", nargs="*", metavar="GROUP=CHOICE|KEY=VALUE", help="as of byzdl run")
    parser.add_argument(
        "--out", type=Path, metavar="FILE", default=Path("split.png"), help="a PNG, SVG or PDF to write"
    )
    parser.add_argument(
        "-cd", "--config-dir", type=Path, metavar="DIR", help="a folder of your own choices, as of byzdl run"
    )
    options = parser.parse_args(arguments)
    ending = options.out.suffix.lower().removeprefix(".")
    if ending not in FORMATS:
        raise ConfigError.of("--out", str(options.out), f"a file that ends in {', '.join(f'.{f}' for f in FORMATS)}")
    config = compose(*options.overrides, config_dir=options.config_dir)
    picture = Picture.of(parse(config))
    figure = picture.draw()
    try:
        options.out.parent.mkdir(parents=True, exist_ok=True)
        with mpl.rc_context(style.theme()):
            figure.savefig(options.out, metadata=FORMATS[ending])
    except OSError as error:
        raise ConfigError.of("--out", str(options.out), f"a file that can be written ({error})") from error
    print(picture.table())
    print(options.out)


if __name__ == "__main__":
    with door():
        main()
