"""Provides Plotly's script, and the look of charts in light and in dark.

Layouts are built here, where Plotly checks them. The page's script fills in the data that the filters select.
"""

from typing import Any

import matplotlib as mpl
import plotly.graph_objects as go
from matplotlib.colors import to_hex, to_rgb
from plotly.offline import get_plotlyjs

from byzdl.analysis.style import Line

FONT = 'system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", sans-serif'

Rgb = tuple[float, float, float]

# Colours of the page's paper, text and lines: the same as in page.css.
LIGHT = {"paper": "#ffffff", "text": "#3c4043", "line": "#e4e6e8", "hover": "#ffffff"}
DARK = {"paper": "#1b1d20", "text": "#b8bdc3", "line": "#33373b", "hover": "#2a2d31"}

# The smallest contrast of a line with the dark paper. Lines are thin, so it is that of text in WCAG 2.1 (1.4.3).
CONTRAST = 4.5


def script() -> str:
    """Returns the source of Plotly."""
    return str(get_plotlyjs())


def templates() -> dict[str, Any]:
    """Returns the common look of all charts, as `light` and `dark`."""
    return {name: _template(colors).to_plotly_json() for name, colors in (("light", LIGHT), ("dark", DARK))}


def layouts() -> dict[str, Any]:
    """Returns the layout of each kind of chart. A `pair` has two curves, one above the other.

    >>> list(layouts())
    ['curve', 'pair', 'heatmap', 'network']
    """
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
    """Translates a curve's look for Plotly.

    - `dark`: its colour on dark paper; too dark a colour gets lighter

    >>> line(Line("#0072B2", (0, (4, 1)), 1.0), dark="#3D9BE9")
    {'color': '#0072b2', 'dark': '#3d9be9', 'dash': '4px,1px', 'width': 1.15}
    """
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
    """Makes a colour lighter until it stands out from dark paper.

    >>> on_dark("#ffffff")
    '#ffffff'
    """
    paper = to_rgb(DARK["paper"])
    r, g, b = to_rgb(color)
    while _contrast((r, g, b), paper) < CONTRAST:
        r, g, b = (c + (1 - c) / 10 for c in (r, g, b))
    return to_hex((r, g, b))


def black_from() -> float:
    """Returns the smallest value at which black text contrasts more with Cividis than white text.

    Cividis gets lighter with every value.

    >>> black_from()
    0.47
    """
    values = [i / 100 for i in range(101)]
    ground = {value: mpl.colormaps["cividis"](value)[:3] for value in values}
    return next(v for v in values if _contrast(ground[v], (0, 0, 0)) > _contrast(ground[v], (1, 1, 1)))


def _contrast(a: Rgb, b: Rgb) -> float:
    """Computes the contrast ratio of WCAG 2.1."""
    high, low = sorted((_luminance(a), _luminance(b)), reverse=True)
    return (high + 0.05) / (low + 0.05)


def _luminance(rgb: Rgb) -> float:
    """Computes the relative luminance of WCAG 2.1."""
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
