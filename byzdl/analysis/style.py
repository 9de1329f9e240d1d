"""Styles figures: colours, orders, and the theme.

A defense keeps its colour and its dashes in every figure, and no two of byzdl's share both. Colour-blind readers can
tell apart the colours of lines with the same dashes (Okabe and Ito; Paul Tol's muted scheme).
"""

import hashlib
from collections.abc import Iterable, Mapping
from functools import cache
from typing import Any, NamedTuple

import matplotlib as mpl
import numpy as np
from matplotlib.colors import to_hex, to_rgb
from matplotlib.font_manager import FontProperties
from matplotlib.typing import LineStyleType


class Line(NamedTuple):
    """Holds the look of a curve. `width` is in points."""

    color: str
    dash: LineStyleType
    width: float


ATTACKS = ("max", "alie", "label_flip", "ipm")

DEFENSES = {
    "loss_threshold": "#D55E00",
    "ubar": "#0072B2",
    "d_krum": "#009E73",
    "d_zeno": "#CC79A7",
}

# Reference lines are no contestants: thin, without colour.
REFERENCES = {
    "oracle": Line("#000000", (0, (1, 1.2)), 1.1),
    "mean": Line("#707070", (0, (4, 1.5)), 1.1),
    "local": Line("#707070", (0, (4, 1.2, 1, 1.2)), 1.1),
}

DASHED, DOTTED, DASH_DOTTED = (0, (5, 1.2)), (0, (1.5, 1)), (0, (5, 1, 1.2, 1))
LONG_DASHED, SPARSE, DASH_DOT_DOTTED = (0, (10, 1.5)), (0, (1.5, 2.8)), (0, (5, 1, 1.2, 1, 1.2, 1))

# Defenses of one kind share a colour: loss or trust, those that fit together, medians and trimming, clipping and
# directions of updates, nearness to the own model.
OTHERS = {
    "guarded": ("#56B4E9", DASHED),
    "local_performance_check": ("#56B4E9", DOTTED),
    "credibility": ("#56B4E9", DASH_DOTTED),
    "bounded": ("#56B4E9", LONG_DASHED),
    "softmax_loss": ("#56B4E9", SPARSE),
    "fltrust": ("#56B4E9", DASH_DOT_DOTTED),
    "multi_krum": ("#999933", DASHED),
    "bulyan": ("#999933", DOTTED),
    "mda": ("#999933", DASH_DOTTED),
    "smea": ("#999933", LONG_DASHED),
    "caf": ("#999933", SPARSE),
    "dnc": ("#999933", DASH_DOT_DOTTED),
    "trimmed_mean": ("#332288", DASHED),
    "median": ("#332288", DOTTED),
    "geometric_median": ("#332288", DASH_DOTTED),
    "meamed": ("#332288", LONG_DASHED),
    "clipped_gossip": ("#CC6677", DASHED),
    "cs_plus": ("#CC6677", DOTTED),
    "gts": ("#CC6677", DASH_DOTTED),
    "flame": ("#CC6677", LONG_DASHED),
    "signguard": ("#CC6677", SPARSE),
    "foolsgold": ("#CC6677", DASH_DOT_DOTTED),
    "nna": ("#661100", DASHED),
    "ios": ("#661100", DOTTED),
    "balance": ("#661100", DASH_DOTTED),
    "sketchguard": ("#661100", LONG_DASHED),
    "wfagg": ("#661100", SPARSE),
}

# Colours on dark paper: the darkest become light and stay distinct. Others only get lighter.
ON_DARK = {
    "#D55E00": "#EE7733",
    "#0072B2": "#3D9BE9",
    "#009E73": "#1FC994",
    "#CC79A7": "#DBA2C8",
    "#56B4E9": "#8FD0F5",
    "#332288": "#8A7CF0",
    "#661100": "#DCC3A8",
    "#000000": "#FFFFFF",
    "#707070": "#8C8C8C",
}

# For defenses that are not byzdl's own.
SPARE = ("#E69F00", "#56B4E9", "#882255", "#332288", "#999933", "#44AA99", "#AA4499", "#661100", "#6699CC", "#117733")

VARIANT_DASHES: tuple[LineStyleType, ...] = ("-", DASHED, DOTTED, DASH_DOTTED)

# Beside seaborn's style "ticks" and its context "paper".
OWN: dict[str, Any] = {
    "axes.grid": True,
    **dict.fromkeys(("axes.spines.top", "axes.spines.right"), False),
    "grid.color": "0.9",
    **dict.fromkeys(("axes.linewidth", "grid.linewidth", "xtick.major.width", "ytick.major.width"), 0.6),
    **dict.fromkeys(("xtick.major.size", "ytick.major.size"), 2.5),
    "legend.frameon": False,
    "savefig.dpi": 300,
    # Text stays text, and the same figure gives the same bytes: matplotlib brings this font on every machine.
    "font.sans-serif": ["DejaVu Sans"],
    "pdf.fonttype": 42,
    "svg.fonttype": "none",
    "svg.hashsalt": "byzdl",
}


@cache
def theme() -> Any:
    """Returns the settings of matplotlib for byzdl's figures, made from seaborn's style and context.

    `seaborn.set_theme(rc=theme())` makes them the default. With `seaborn.plotting_context("talk")` behind it, the same
    figures suit slides.

    >>> theme()["axes.grid"]
    True
    """
    import seaborn as sns

    return {**sns.axes_style("ticks"), **sns.plotting_context("paper", font_scale=0.94), **OWN}


def attack_order(label: str) -> tuple[int, str]:
    """Returns a key that sorts attacks: the paper's, then others by name, then `none`.

    >>> sorted(["none", "zz", "ipm", "alie z=1", "max"], key=attack_order)
    ['max', 'alie z=1', 'ipm', 'zz', 'none']
    """
    name = base(label)
    place = ATTACKS.index(name) if name in ATTACKS else len(ATTACKS) + (name == "none")
    return place, label


def defense_order(label: str) -> tuple[int, str]:
    """Returns a key that sorts defenses: the paper's, then others by name, then the reference lines.

    >>> sorted(["local", "zz", "oracle", "ubar", "d_krum"], key=defense_order)
    ['ubar', 'd_krum', 'zz', 'oracle', 'local']
    """
    name, order = base(label), [*DEFENSES, "", *REFERENCES]
    return order.index(name if name in order else ""), label


def lines(labels: Iterable[str], dark: bool = False) -> dict[str, Line]:
    """Returns the look of each defense's curve, in the order of the legend.

    Variants of one defense (`ubar rho=0.2`, `ubar rho=0.4`) have shades of its colour. If its line is solid, their
    dashes differ, too.

    - `dark`: for dark paper

    >>> lines(["local", "ubar"])
    {'ubar': Line(color='#0072B2', dash='-', width=1.6),
     'local': Line(color='#707070', dash=(0, (4, 1.2, 1, 1.2)), width=1.1)}
    """
    labels = sorted(set(labels), key=defense_order)
    fixed = {**{name: Line(color, "-", 1.6) for name, color in DEFENSES.items()}, **REFERENCES}
    fixed |= {name: Line(color, dash, 1.6) for name, (color, dash) in OTHERS.items()}
    fixed |= _fallback(sorted({base(label) for label in labels} - fixed.keys()))
    drawn = {}
    for label in labels:
        name = base(label)
        variants = [other for other in labels if base(other) == name]
        line = fixed[name]
        if dark:
            line = line._replace(color=ON_DARK.get(line.color, line.color))
        if len(variants) > 1:
            rank = variants.index(label)
            dash = VARIANT_DASHES[rank % len(VARIANT_DASHES)] if line.dash == "-" else line.dash
            line = line._replace(color=_shade(line.color, rank / (len(variants) - 1)), dash=dash)
        drawn[label] = line
    return drawn


def attack_lines(labels: Iterable[str]) -> dict[str, Line]:
    """Returns the look of each attack's curve, for figures that compare attacks. Colours go by the attacks' order.

    >>> attack_lines(["alie", "max"])["max"]
    Line(color='#D55E00', dash='-', width=1.3)
    """
    colors = tuple(dict.fromkeys((*DEFENSES.values(), *SPARE)))
    return {
        label: Line(colors[i % len(colors)], VARIANT_DASHES[i // len(colors) % len(VARIANT_DASHES)], 1.3)
        for i, label in enumerate(sorted(set(labels), key=attack_order))
    }


def by(variable: str, values: Iterable[Any]) -> dict[Any, Line]:
    """Returns the look of a curve for each value of a variable. Beside defenses and attacks, colours are seaborn's.

    >>> by("seed", [0])[0].dash
    '-'
    """
    if variable in ("defense", "attack"):
        return lines(values) if variable == "defense" else attack_lines(values)
    import seaborn as sns

    values = list(values)
    ordered = all(isinstance(value, int | float) for value in values)
    colors = sns.color_palette("flare" if ordered else "colorblind" if len(values) <= 10 else "husl", len(values))
    return {value: Line(to_hex(color), "-", 1.6) for value, color in zip(values, colors, strict=True)}


def look(drawn: Mapping[Any, Line]) -> dict[str, Any]:
    """Returns the look of curves as seaborn takes it.

    >>> look({"a": Line("#707070", (0, (4, 1.5)), 1.1)})
    {'palette': {'a': '#707070'}, 'dashes': {'a': (4, 1.5)}, 'sizes': {'a': 1.1}}
    """
    return {
        "palette": {label: line.color for label, line in drawn.items()},
        "dashes": {label: "" if isinstance(line.dash, str) else line.dash[1] for label, line in drawn.items()},
        "sizes": {label: line.width for label, line in drawn.items()},
    }


def characters(inches: float) -> int:
    """Returns the number of characters that fit, roughly, in the size of labels.

    >>> with mpl.rc_context({"axes.labelsize": 9}):
    ...     characters(3.3)
    43
    """
    points = FontProperties(size=mpl.rcParams["axes.labelsize"]).get_size_in_points()
    return max(8, int(inches * 72 / (0.61 * points)))


def base(label: str) -> str:
    """Returns a label's name, without its keys and its pre-step.

    >>> base("nnm + ubar rho=0.4")
    'ubar'
    """
    return label.rpartition(" + ")[2].partition(" ")[0]


def _fallback(names: Iterable[str]) -> dict[str, Line]:
    """Picks a colour for each unknown name, by its hash. If that colour is taken, the next free one."""
    chosen: dict[str, str] = {}
    for name in names:
        start = int(hashlib.sha256(name.encode()).hexdigest(), 16) % len(SPARE)
        colors = [*SPARE[start:], *SPARE[:start]]
        chosen[name] = next((color for color in colors if color not in chosen.values()), colors[0])
    return {name: Line(color, "-", 1.6) for name, color in chosen.items()}


def _shade(color: str, place: float) -> str:
    """Shades a colour: darker at 0, unchanged at 0.5, lighter at 1."""
    rgb, toward, amount = np.array(to_rgb(color)), round(place), abs(place - 0.5) * 0.9
    mixed: tuple[float, float, float] = tuple(rgb + amount * (toward - rgb))
    return to_hex(mixed)
