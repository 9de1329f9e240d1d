"""Names with any character show as themselves, and no two settings share a file."""

import io
import re

import pandas as pd
from hypothesis import given, settings
from hypothesis import strategies as st
from matplotlib.figure import Figure

from byzdl.analysis import escape, final_accuracy, to_latex, to_markdown
from byzdl.analysis.output import save_all

SETTINGS = st.lists(
    st.text("ab_=.,/ A$\\\n0:é", max_size=12)
    | st.sampled_from(
        ["a=1_b, c=2", "a=1, b_c=2", "a=1,b", "a=1, b", "a=A", "a=a", "a=" + "x" * 300, "a=" + "x" * 301]
    ),
    min_size=2,
    max_size=6,
    unique=True,
)


@settings(max_examples=50, deadline=None)
@given(SETTINGS)
def test_different_settings_never_share_a_file(tmp_path_factory, named):
    stem = tmp_path_factory.getbasetemp() / "accuracy"
    saved = list(save_all(((name, Nothing()) for name in named), stem))
    # Some systems take A and a for one.
    assert len({file.name.lower() for file in saved}) == 3 * len(named)
    assert all(re.fullmatch(r"accuracy(-[\w.=+,-]+)?\.(png|svg|pdf)", file.name, re.ASCII) for file in saved)
    assert max(len(file.name) for file in saved) < 150


class Nothing(Figure):
    def savefig(self, *_, **__):
        pass


def test_usual_settings_have_readable_files(tmp_path):
    saved = save_all([("topology=ring, partition.alpha=0.1", Nothing()), ("", Nothing())], tmp_path / "accuracy")
    names = [file.name for file in saved]
    assert names[::3] == ["accuracy-topology=ring,partition.alpha=0.1.png", "accuracy.png"]


def test_tables_hold_any_name():
    name = "a|b & $x^2$ 50% #1_{c} \\d <e> *f* ~"
    case = {"setting": f"s={name}", "attack": name, "br": 0.3, "defense": name, "round": 1, "seed": 0, "run": "a"}
    table = final_accuracy(pd.DataFrame([{**case, "accuracy_mean": 0.5, "accuracy_worst": 0.5}]))
    lines = to_markdown(table).splitlines()
    row = lines[-1]
    assert len(re.findall(r"(?<!\\)\|", row)) == len(re.findall(r"(?<!\\)\|", lines[-2])) == 6
    assert row.startswith(r"| a\|b &amp; $x^2$ 50% #1_{c} \\d &lt;e> \*f\* ~ |")
    (latex,) = (line for line in to_latex(table).splitlines() if line.startswith(r"a\textbar"))
    assert (
        latex.count(
            r"a\textbar{}b \& \$x\textasciicircum{}2\$ 50\% \#1\_\{c\} \textbackslash{}d \textless{}e\textgreater{}"
        )
        == 2
    )


def test_a_dollar_in_a_figure_is_a_dollar():
    figure = Figure()
    text = figure.text(0, 0, escape.figure("$\\nothing$ $"))
    figure.savefig(io.BytesIO())
    assert text.get_text() == "\\$\\nothing\\$ \\$"
