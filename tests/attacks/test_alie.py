"""A little is enough, eq. 9-10: mean - z sigma, and the two formulas for z."""

import math

import pytest
import torch
from helpers import delivered, graph, vectors, view
from hypothesis import given
from hypothesis import strategies as st

from byzdl.attacks.alie import Alie
from byzdl.config.types import ConfigError


def alie(z, **keys):
    return Alie(name="alie", br=0.3, z=z, **keys)


def test_mean_minus_z_population_sigma():
    # 1, 3, 5, 7: mean 4; squared deviations 9 + 1 + 1 + 9 = 20, population variance 20/4 = 5.
    # (The sample's would be 20/3.) With z = 2: 4 - 2 sqrt(5).
    sent = delivered(alie(2.0), view([[1, 10], [3, 10], [5, 10], [7, 10]]))
    # The second coordinate has no spread to hide in: 10 - 2 * 0.
    torch.testing.assert_close(sent, torch.tensor([[4 - 2 * math.sqrt(5), 10.0]]))


def test_mean_minus_z_sample_sigma():
    # The same four as a sample: variance 20/3.
    sent = delivered(alie(2.0, sigma="sample"), view([[1, 10], [3, 10], [5, 10], [7, 10]]))
    torch.testing.assert_close(sent, torch.tensor([[4 - 2 * math.sqrt(20 / 3), 10.0]]))
    # One model has no spread.
    assert delivered(alie(2.0, sigma="sample"), view([[1, 10]])).tolist() == [[1, 10]]


@pytest.mark.parametrize(
    ("byzantine", "share", "z"),
    [
        (1, 4 / 9, -0.14),  # s = floor(10/2 + 1) - 1 = 5; (10 - 1 - 5) / (10 - 1) = 4/9
        (3, 4 / 7, 0.18),  # s = 6 - 3 = 3; (10 - 3 - 3) / 7 = 4/7
        (5, 4 / 5, 0.84),  # s = 6 - 5 = 1; (10 - 5 - 1) / 5 = 4/5
    ],
)
def test_z_of_baruch(byzantine, share, z):
    found = alie("baruch").strength(10, byzantine)
    assert found == pytest.approx(z, abs=0.005)
    # The normal distribution's own formula, the other way round: Phi(z) is the share.
    assert (1 + math.erf(found / math.sqrt(2))) / 2 == pytest.approx(share)


def test_z_of_baruch_for_an_odd_number_of_nodes_rounds_down():
    # n = 11, B = 3: s = floor(6.5) - 3 = 3, share (11 - 3 - 3) / 8 = 5/8; rounding up would give 4/8 and z = 0.
    found = alie("baruch").strength(11, 3)
    assert (1 + math.erf(found / math.sqrt(2))) / 2 == pytest.approx(5 / 8)


@pytest.mark.parametrize(
    ("byzantine", "z"),
    [
        (1, -0.43),  # s = ceil(10/2 + 1) = 6; (10 - 1 - 6) / 9 = 1/3
        (3, -1.07),  # (10 - 3 - 6) / 7 = 1/7
    ],
)
def test_z_as_the_paper_writes_it(byzantine, z):
    assert alie("paper").strength(10, byzantine) == pytest.approx(z, abs=0.005)


def test_z_as_the_paper_writes_it_rounds_up():
    # n = 11, B = 1: s = ceil(6.5) = 7; (11 - 1 - 7) / 10 = 3/10. Rounding down would give 4/10.
    found = alie("paper").strength(11, 1)
    assert (1 + math.erf(found / math.sqrt(2))) / 2 == pytest.approx(3 / 10)


@pytest.mark.parametrize("byzantine", [4, 5, 6])
def test_the_papers_z_has_no_value_from_four_of_ten_on(byzantine):
    # (10 - 4 - 6) / 6 = 0, and below that it is negative: Phi^-1 has no such value.
    network = graph(10, [(i, j) for i in range(10) for j in range(i)], byzantine=range(byzantine))
    with pytest.raises(
        ConfigError, match=r"^attack\.z is 'paper', but must be a number or baruch: .* no value at n=10, B="
    ):
        alie("paper").check(network)


def test_z_is_logged_with_a_warning_where_it_harms_nobody():
    edges = [(i, j) for i in range(10) for j in range(i)]
    harmless, harmful = (alie("baruch").facts(graph(10, edges, byzantine=range(b))) for b in (1, 5))
    assert harmless["z"] == pytest.approx(-0.14, abs=0.005)
    assert "warning" in harmless
    assert harmful == {"z": pytest.approx(0.84, abs=0.005)}
    assert alie(1.5).facts(graph(10, edges, byzantine=[0])) == {"z": 1.5}
    assert alie("paper").facts(graph(10, edges)) == {}


def test_n_counts_byzantine_nodes_too():
    # 5 benign models seen by 5 attackers: n = 10, z = Phi^-1(4/5). Models 0, 0, 0, 0, 5: mean 1,
    # variance (4 * 1 + 16) / 5 = 4, sigma 2.
    sent = delivered(alie("baruch"), view([[0], [0], [0], [0], [5]], byzantine=5))
    assert sent.item() == pytest.approx(1 - 0.8416 * 2, abs=1e-3)


@pytest.mark.parametrize("z", ["baruch", "paper"])
@pytest.mark.parametrize("n", [2, 3, 10])
def test_without_attackers_there_is_nothing_to_refuse(z, n):
    # attack.br=0 is the reference line of every attack: it must run on every graph, also where
    # a formula has no value at B = 0 (baruch: n = 2 gives s = 2; paper: n = 3 gives s = 3).
    attack = alie(z)
    attack.check(graph(n, [(i, j) for i in range(n) for j in range(i)]))
    assert len(delivered(attack, view([[float(i)] for i in range(n)], byzantine=0, attacker=[]))) == 0


@given(
    st.lists(st.lists(st.integers(-99, 99), min_size=2, max_size=2), min_size=2, max_size=6),
    st.integers(-99, 99),
    st.sampled_from([0.5, 2.0, 8.0]),
)
def test_it_moves_and_stretches_with_the_models(benign, shift, factor):
    # mean - z sigma is equivariant under x -> factor x + shift for a positive factor.
    plain = delivered(alie(1.5), view(benign))
    moved = delivered(alie(1.5), view((vectors(benign) * factor + shift).tolist()))
    torch.testing.assert_close(moved, plain * factor + shift, rtol=1e-4, atol=1e-3)
