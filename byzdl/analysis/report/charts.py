"""Plotly's part: its script, and how charts look, in light and in dark.

Layouts are made here and checked by Plotly; the page's script fills in what the filters leave.
"""

from typing import Any

import matplotlib as mpl
import plotly.graph_objects as go
from matplotlib.colors import to_hex, to_rgb
from plotly.offline import get_plotlyjs

from byzdl.analysis.style import Line

FONT = 'system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", sans-serif'

Rgb = tuple[float, float, float]

# Of the page's paper, its text, its lines: the same as in page.css.
LIGHT = {"paper": "#ffffff", "text": "#3c4043", "line": "#e4e6e8", "hover": "#ffffff"}
DARK = {"paper": "#1b1d20", "text": "#b8bdc3", "line": "#33373b", "hover": "#2a2d31"}

# The least contrast that a line must have to the dark paper: what WCAG 2.1 (1.4.3) asks of text, for lines are thin.
CONTRAST = 4.5


def script() -> str:
    """Plotly itself."""
    return str(get_plotlyjs())


def templates() -> dict[str, Any]:
    """What all charts have in common, by `light` and `dark`."""
    return {name: _template(colors).to_plotly_json() for name, colors in (("light", LIGHT), ("dark", DARK))}


def layouts() -> dict[str, Any]:
    """How each kind of chart is laid out: `curve`, `pair` (two above each other), `heatmap` and `network`."""
    rounds = {"title": {"text": "round", "standoff": 4}, "rangemode": "tozero"}
    hidden = {"visible": False, "fixedrange": True}
    names = {"type": "category", "dtick": 1, "showgrid": False, "fixedrange": True}
    made = {
        "curve": go.Layout(xaxis=rounds, height=236),
        "pair": go.Layout(
            xaxis={**rounds, "anchor": "y2"}, yaxis={"domain": [0.56, 1]}, yaxis2={"domain": [0, 0.44]}, height=330
        ),
        "heatmap": go.Layout(
            xaxis={**names, "side": "top", "tickangle": -40},
            yaxis={**names, "autorange": "reversed"},
            margin={"l": 8, "r": 8, "t": 8, "b": 8},
        ),
        "network": go.Layout(
            xaxis=hidden,
            yaxis={**hidden, "scaleanchor": "x"},
            margin={"l": 4, "r": 4, "t": 4, "b": 4},
            height=300,
            hovermode="closest",
        ),
    }
    return {name: layout.to_plotly_json() for name, layout in made.items()}


def line(drawn: Line, dark: str) -> dict[str, Any]:
    """A curve's look as Plotly has it; `dark` is its colour on dark paper, made lighter where it must be."""
    dash = (
        "solid" if isinstance(drawn.dash, str) else ",".join(f"{on * drawn.width:.3g}px" for on in drawn.dash[1] or ())
    )
    return {
        "color": to_hex(drawn.color),
        "dark": on_dark(dark),
        "dash": dash,
        "width": round(1.15 * drawn.width, 2),
    }


def on_dark(color: str) -> str:
    """The colour, made lighter until it stands out from dark paper."""
    paper = to_rgb(DARK["paper"])
    r, g, b = to_rgb(color)
    while _contrast((r, g, b), paper) < CONTRAST:
        r, g, b = (c + (1 - c) / 10 for c in (r, g, b))
    return to_hex((r, g, b))


def black_from() -> float:
    """From which value on black text contrasts more with Cividis than white; it gets lighter all the way."""
    values = [i / 100 for i in range(101)]
    ground = {value: mpl.colormaps["cividis"](value)[:3] for value in values}
    return next(v for v in values if _contrast(ground[v], (0, 0, 0)) > _contrast(ground[v], (1, 1, 1)))


def _contrast(a: Rgb, b: Rgb) -> float:
    """The contrast ratio of WCAG 2.1."""
    high, low = sorted((_luminance(a), _luminance(b)), reverse=True)
    return (high + 0.05) / (low + 0.05)


def _luminance(rgb: Rgb) -> float:
    """The relative luminance of WCAG 2.1."""
    linear = [c / 12.92 if c <= 0.03928 else ((c + 0.055) / 1.055) ** 2.4 for c in rgb]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def _template(colors: dict[str, str]) -> go.layout.Template:
    axis = {
        "automargin": True,
        "gridcolor": colors["line"],
        "linecolor": colors["line"],
        "tickcolor": colors["line"],
        "zeroline": False,
        "ticks": "",
        "nticks": 6,
    }
    return go.layout.Template(
        layout={
            "font": {"family": FONT, "size": 12, "color": colors["text"]},
            "paper_bgcolor": "rgba(0,0,0,0)",
            "plot_bgcolor": "rgba(0,0,0,0)",
            "margin": {"l": 8, "r": 10, "t": 8, "b": 8},
            "showlegend": False,
            "hovermode": "closest",
            "hoverdistance": 30,
            "hoverlabel": {
                "bgcolor": colors["hover"],
                "bordercolor": colors["line"],
                "font": {"family": FONT, "size": 12, "color": colors["text"]},
                "align": "left",
                "namelength": -1,
            },
            "xaxis": axis,
            "yaxis": axis,
        }
    )
