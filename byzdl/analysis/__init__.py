"""Turns folders of runs into frames, figures and tables. Needs neither torch nor hydra.

`byzdl figures FOLDER` draws the usual figures and tables. For other questions, `load` returns one tidy frame:

    frame = load("outputs/default")
    curves(frame.query("br == 0.3"), "consensus_distance", col="attack", row=None).set(yscale="log")
    paired(final(frame), against="local")

docs/analysis.md has worked examples.
"""

from byzdl.analysis.figures import draw, save
from byzdl.analysis.heatmaps import heatmap
from byzdl.analysis.load import AnalysisError, IncompleteWarning, Run, find, load, load_nodes
from byzdl.analysis.rounds import curves
from byzdl.analysis.statistics import bootstrap_interval, final, over_seeds, paired, rounds_to, trimmed_mean
from byzdl.analysis.style import theme
from byzdl.analysis.tables import final_accuracy, to_latex, to_markdown

__all__ = [
    "AnalysisError",
    "IncompleteWarning",
    "Run",
    "bootstrap_interval",
    "curves",
    "draw",
    "final",
    "final_accuracy",
    "find",
    "heatmap",
    "load",
    "load_nodes",
    "over_seeds",
    "paired",
    "rounds_to",
    "save",
    "theme",
    "to_latex",
    "to_markdown",
    "trimmed_mean",
]
