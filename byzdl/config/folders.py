"""The folders of the configurations: at the top of a checkout, or inside of an installed package."""

from pathlib import Path

_PACKAGE = Path(__file__).resolve().parents[1]

# In a checkout, these are links to the folders of the same names at the top.
CONF = (_PACKAGE / "conf").resolve()
SWEEPS = (_PACKAGE / "sweeps").resolve()
