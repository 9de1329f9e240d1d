"""`dataset=huggingface` where its library is not installed."""

import sys

import pytest

from byzdl.config.types import ConfigError
from byzdl.data import HuggingFace


def test_one_line_says_what_to_install(monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, "datasets", None)
    says = r"^dataset is 'huggingface', but must be .* not installed: pip install 'byzdl\[huggingface\]'$"
    with pytest.raises(ConfigError, match=says):
        HuggingFace(path=str(tmp_path), image="image").decode()
