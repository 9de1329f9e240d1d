"""The params and cases of a sweep, as people write them in YAMLs."""

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from byzdl.config.overrides import parsed
from byzdl.config.types import ConfigError
from byzdl.sweeping.combinations import composer
from byzdl.sweeping.params import overrides_of

SCALARS = st.none() | st.booleans() | st.integers(-5, 5) | st.floats(-5, 5) | st.text("a1_ ,'~é(", max_size=4)


def swept(text: str) -> list[tuple[str, ...]]:
    with composer(overrides_of(yaml.safe_load(text))) as (_, found):
        return found


def test_a_list_and_a_text_are_the_same_sweep() -> None:
    assert swept("dataset: [mnist]\ndataset.root: [~/a]") == [("dataset=mnist", "dataset.root='~/a'")]
    for written in "ubar,d_krum", "[ubar, d_krum]", "'ubar, d_krum'":
        assert swept(f"defense: {written}\nseed: 1") == [("defense=ubar", "seed=1"), ("defense=d_krum", "seed=1")]
    assert swept("attack: {br: [0.1, 0.3], scope: all}") == [
        ("attack.br=0.1", "attack.scope=all"),
        ("attack.br=0.3", "attack.scope=all"),
    ]


def test_a_key_that_takes_a_list_has_a_list_of_lists() -> None:
    found = swept("augment: [[], [crop], [crop, flip]]\nmodel.channels: [[8, 16]]")
    assert [one[0] for one in found] == ["augment=[]", "augment=['crop']", "augment=['crop','flip']"]
    assert {one[1] for one in found} == {"model.channels=[8,16]"}


@settings(max_examples=40)
@given(values=st.lists(SCALARS | st.lists(SCALARS, max_size=2), min_size=1, max_size=3))
def test_every_entry_of_a_list_is_one_value(values: list[object]) -> None:
    (line,) = overrides_of({"key": values})
    override = parsed(line)
    assert override is not None
    found = list(override.sweep_string_iterator()) if override.is_sweep_override() else [line.removeprefix("key=")]
    assert [parsed(f"key={value}").value() for value in found] == values  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("params", "says"),
    [
        ({"defense": []}, "hydra.sweeper.params.defense is [], but must be a list of at least one value"),
        (["defense=ubar"], "hydra.sweeper.params is ['defense=ubar'], but must be keys with their values"),
    ],
)
def test_params_without_values_are_refused(params: object, says: str) -> None:
    with pytest.raises(ConfigError) as refused:
        overrides_of(params)  # type: ignore[arg-type]
    assert str(refused.value).startswith(says)


@pytest.mark.parametrize("empty", ["seed=range(0,0)", "seed=range(3,0)", "defense=glob(x*)", "seed=glob(*)"])
def test_a_sweep_without_a_run_is_refused(empty: str) -> None:
    with pytest.raises(ConfigError) as refused, composer([empty]):
        pass
    assert str(refused.value).startswith(f"{empty}: has no value")


def test_a_glob_finds_the_choices_of_every_folder(tmp_path) -> None:
    (tmp_path / "defense").mkdir()
    (tmp_path / "defense" / "z_krum.yaml").write_text("defaults: [d_krum]\n")
    with composer(["defense=glob(*_krum)", "defense.f=1"], config_dir=tmp_path) as (compose, found):
        assert [compose(one).defense.f for one in found] == [1, 1, 1]
    assert [one[0] for one in found] == ["defense=d_krum", "defense=multi_krum", "defense=z_krum"]
    with pytest.raises(ConfigError, match="has no separate values"), composer(["optimizer.lr=interval(0,1)"]):
        pass
