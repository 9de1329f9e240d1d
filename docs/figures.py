"""`make docs-figures`: draws the figures of these documents from the small tables that are committed beside them."""

from itertools import chain

import accuracy
import choices
import leaderboard
import matplotlib as mpl
import reproduction

from byzdl.analysis import style
from byzdl.pipe import reader

DPI = 150


def main() -> None:
    for file, figure in chain(accuracy.figures(), reproduction.figures(), choices.figures(), leaderboard.figures()):
        with mpl.rc_context(style.theme()):
            figure.savefig(file, dpi=DPI)
        print(file)


if __name__ == "__main__":
    with reader():
        main()
