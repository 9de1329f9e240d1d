"""The contracts catch what they are there for: each is broken by a class here, and says so in words."""

import re
from collections.abc import Mapping
from dataclasses import replace
from types import SimpleNamespace
from typing import Any, ClassVar

import networkx as nx
import numpy as np
import pytest
import torch
from pydantic import ConfigDict
from torch import Tensor, nn

from byzdl import testing
from byzdl.attacks import Attack, AttackView, Messages
from byzdl.attacks.gaussian import Gaussian
from byzdl.attacks.max import Max
from byzdl.attacks.trigger import Trigger
from byzdl.config.types import ConfigError
from byzdl.data import Arrays, Dataset, Partition
from byzdl.defenses import Defense
from byzdl.defenses.balance import Balance
from byzdl.defenses.credibility import Credibility
from byzdl.defenses.mean import Mean
from byzdl.exchange import Conditions, Inbox, Mix
from byzdl.models import Linear, Model
from byzdl.preaggregation import Blend, Preaggregation
from byzdl.samples import Sample
from byzdl.testing import ContractError, random_inbox
from byzdl.testing.contract import contracts
from byzdl.topology import Topology


def broken(check: Any, component: Any, **case: Any) -> dict[str, str]:
    """The lines about the contracts that a component breaks, by contract."""
    with pytest.raises(ContractError) as raised:
        check(component, **case)
    assert str(raised.value).splitlines() == list(raised.value.broken.values())
    return raised.value.broken


def label(value: Any) -> str:
    """The class and the contract, without what is said."""
    text = value.__name__ if isinstance(value, type) else value
    return text if text.isidentifier() else "says"


# Defenses


class Clip(Defense):
    """Metropolis mixing, clipped. **Assumes** nothing. **Source:** here."""

    tau: float = 1.0

    def aggregate(self, state: Any, inbox: Inbox) -> tuple[Any, Mix]:
        weights = self.weights(inbox)
        return state, Mix(inbox.combine(weights), inbox.valid, weights)

    def weights(self, inbox: Inbox) -> Tensor:
        return inbox.metropolis * (self.tau / inbox.distances()).clamp(max=1)


DOCUMENTED = Clip.__doc__


class Silent(Clip):
    pass


class Ignorant(Clip):
    """Says **Assumes** and **Source:** alone."""

    f: str = "known"


class Thawed(Clip):
    __doc__ = DOCUMENTED
    model_config = ConfigDict(frozen=False)


class Bare(Clip):
    __doc__ = DOCUMENTED

    def aggregate(self, state, inbox):
        return super().aggregate(state, inbox)[1]


class Doubled(Clip):
    __doc__ = DOCUMENTED

    def aggregate(self, state, inbox):
        state, mix = super().aggregate(state, inbox)
        return state, replace(mix, models=mix.models.double())


class Flat(Clip):
    __doc__ = DOCUMENTED

    def aggregate(self, state, inbox):
        return state, Mix(inbox.own[0])


class TooShort(Clip):
    __doc__ = DOCUMENTED

    def aggregate(self, state, inbox):
        return state, Mix(inbox.own[:, 1:])


class Eager(Clip):
    """Accepts where nobody is. **Assumes** nothing. **Source:** here."""

    def aggregate(self, state, inbox):
        state, mix = super().aggregate(state, inbox)
        return state, replace(mix, selected=torch.ones_like(inbox.present))


class Deaf(Clip):
    """Hears what it does not listen to. **Assumes** nothing. **Source:** here."""

    listens = False


class Heavy(Clip):
    __doc__ = DOCUMENTED

    def weights(self, inbox):
        return 9 * super().weights(inbox)


class Repelled(Clip):
    __doc__ = DOCUMENTED

    def weights(self, inbox):
        return -super().weights(inbox)


class Liar(Clip):
    __doc__ = DOCUMENTED

    def aggregate(self, state, inbox):
        state, mix = super().aggregate(state, inbox)
        return state, replace(mix, weights=mix.weights / 2)


class Writer(Clip):
    __doc__ = DOCUMENTED

    def aggregate(self, state, inbox):
        inbox.models.nan_to_num_(0.0)
        inbox.own.mul_(0.5)
        return super().aggregate(state, inbox)


class Borrower(Clip):
    __doc__ = DOCUMENTED

    def aggregate(self, state, inbox):
        return state, Mix(inbox.models[1 : 1 + len(inbox.rows)])


class Counter(Clip):
    """Counts rounds in place. **Assumes** nothing. **Source:** here."""

    def init(self, learners, neighbours):
        return torch.zeros(learners)

    def aggregate(self, state, inbox):
        state += 1
        return super().aggregate(state, inbox)

    def end_epoch(self, state, ended, own_scores):
        state[ended] -= 1
        return state


class Growing(Clip):
    __doc__ = DOCUMENTED

    def init(self, learners, neighbours):
        return (torch.zeros(1),)

    def aggregate(self, state, inbox):
        return (torch.cat([state[0], state[0]]),), super().aggregate(state, inbox)[1]


class Keeper(Clip):
    """Keeps what no checkpoint can. **Assumes** nothing. **Source:** here."""

    def init(self, learners, neighbours):
        return SimpleNamespace(seen=0)


class Gambler(Clip):
    __doc__ = DOCUMENTED

    def weights(self, inbox):
        return super().weights(inbox) * torch.rand(inbox.rows.shape)


class Seeded(Clip):
    """Draws nothing that changes the result. **Assumes** nothing. **Source:** here."""

    def weights(self, inbox):
        np.random.rand()
        return super().weights(inbox)


class First(Clip):
    """Trusts its first neighbour. **Assumes** nothing. **Source:** here."""

    def weights(self, inbox):
        weights = super().weights(inbox).clone()
        weights[:, 1:] = 0
        return weights


class FirstOnly(First):
    """Accepts its first neighbour alone, and mixes in nobody. **Assumes** nothing. **Source:** here."""

    def aggregate(self, state, inbox):
        selected = inbox.valid.clone()
        selected[:, 1:] = False
        return state, Mix(inbox.own.clone(), selected)


class Unpromising(Mean):
    rejects_non_finite: ClassVar[bool] = True


class BalanceMoves(Balance):
    __doc__ = Balance.__doc__
    equivariant: ClassVar[tuple[str, ...]] = ("translation", "scale")


class CredibilityScales(Credibility):
    __doc__ = Credibility.__doc__
    equivariant: ClassVar[tuple[str, ...]] = ("translation", "scale")


class Trusting(Clip):
    """Rejects, but says that it accepted. **Assumes** nothing. **Source:** here."""

    def aggregate(self, state, inbox):
        state, mix = super().aggregate(state, inbox)
        return state, replace(mix, selected=inbox.present)


class Poisoned(Clip):
    """Remembers NaN. **Assumes** nothing. **Source:** here."""

    def init(self, learners, neighbours):
        return (torch.zeros(learners),)

    def aggregate(self, state, inbox):
        return (inbox.models.sum().expand(len(inbox.rows)),), super().aggregate(state, inbox)[1]


class Shrinking(Clip):
    """Shrinks the own model, too. **Assumes** nothing. **Source:** here."""

    def aggregate(self, state, inbox):
        state, mix = super().aggregate(state, inbox)
        return state, Mix(mix.models * 0.9, mix.selected)


class Gossip(Clip):
    """Screens by the mean of all that anybody received. **Assumes** nothing. **Source:** here."""

    def aggregate(self, state, inbox):
        everybody = inbox.models[torch.isfinite(inbox.models).all(1)].mean(0)
        far = (inbox.models - everybody).norm(dim=1)[inbox.rows]
        weights = self.weights(inbox) * torch.exp(-far).nan_to_num(0.0)
        return state, Mix(inbox.combine(weights), inbox.valid, weights)


class Reporter(Clip):
    __doc__ = DOCUMENTED

    def report(self, state):
        return {"loss": torch.zeros(4)}


class LongReporter(Clip):
    __doc__ = DOCUMENTED

    def report(self, state):
        return {"trust": torch.zeros(4, 3)}


class Teller(Clip):
    __doc__ = DOCUMENTED

    def facts(self, conditions: Conditions) -> Mapping[str, Any]:
        return {"tau": torch.tensor(self.tau)}


class Crash(Clip):
    __doc__ = DOCUMENTED

    def aggregate(self, state, inbox):
        raise IndexError("no such\n  column")


class LateCrash(Clip):
    """Fails after an epoch. **Assumes** nothing. **Source:** here."""

    def init(self, learners, neighbours):
        return torch.zeros(learners)

    def end_epoch(self, state, ended, own_scores):
        return state + 1

    def aggregate(self, state, inbox):
        assert not state.any()
        return super().aggregate(state, inbox)


class OwnFirst(Clip):
    """Averages with the first rows of all models. **Assumes** that they are the own ones. **Source:** here."""

    def aggregate(self, state, inbox):
        first = inbox.models[: len(inbox.rows)]
        return state, Mix(torch.where(inbox.valid.any(1, keepdim=True), (first + inbox.own) / 2, inbox.own))


@pytest.mark.parametrize(
    ("rule", "contract", "says"),
    [
        (Silent, "says_what_it_assumes", "Silent: has no docstring, but must say what the rule does"),
        (Ignorant, "says_what_it_assumes", r"Ignorant: is told the true number of attackers \(f=known\), but its docst.*"),
        (Thawed, "is_a_frozen_record", "Thawed: must be frozen, but its key name can be set"),
        (Bare, "returns_a_mix", r"Bare\.aggregate: returns a Mix, but must return \(state, Mix\)"),
        (Doubled, "returns_a_mix", r"Doubled\.aggregate: Mix\.models is of torch\.float64, but must be of torch\.float32"),
        (Flat, "returns_a_mix", r"Flat\.aggregate: Mix\.models is \[7\], but must be .*"),
        (TooShort, "returns_a_mix", r"TooShort\.aggregate: Mix\.models is \[4, 6\], but must be .*\[4, 7\]"),
        (Eager, "returns_a_mix", r"Eager\.aggregate: Mix\.selected is true where no message arrived"),
        (Deaf, "returns_a_mix", r"Deaf\.aggregate: mixes in what was received, but listens to nobody \(listens = False\)"),
        (Heavy, "returns_a_mix", r"Heavy\.aggregate: Mix\.weights of a learner add up to [\d.]+, but must .*at most 1"),
        (Repelled, "returns_a_mix", r"Repelled\.aggregate: Mix\.weights holds -[\d.]+, but must be at least 0"),
        (Liar, "mixes_by_its_weights", r"Liar\.aggregate: Mix\.models is not what Mix\.weights make .*learner 0 differs by .*"),
        (Writer, "leaves_its_input_untouched", r"Writer\.aggregate: changes the inbox in place"),
        (Borrower, "leaves_its_input_untouched", r"Borrower\.aggregate: returns models that share memory with the inbox"),
        (Counter, "leaves_its_input_untouched", r"Counter\.aggregate: changes the state that it was given in place"),
        (Counter, "leaves_the_state_of_an_epoch_untouched", r"Counter\.end_epoch: changes the state that it was given in place"),
        (Growing, "keeps_the_shapes_of_its_state", r"Growing\.aggregate: returns a state of .*, but must keep that of init.*"),
        (Keeper, "keeps_a_state_that_survives_a_checkpoint", r"Keeper\.init: makes a state that a checkpoint cannot hold.*"),
        (Gambler, "repeats_itself", r"Gambler\.aggregate: gives other bits for the same input: learner 0 differs by .*"),
        (Seeded, "draws_from_streams_of_its_own", r"Seeded\.aggregate: draws from numpy's global random state, .*"),
        (First, "ignores_the_order_of_neighbours", r"First\.aggregate: the result changes .* permuted: learner 0 differs by .*"),
        (FirstOnly, "ignores_the_order_of_neighbours", r"FirstOnly\.aggregate: Mix\.selected of learner 0 does not follow .*"),
        (BalanceMoves, "moves_with_the_models", r"BalanceMoves\.aggregate: promises translation, but .*: learner \d differs .*"),
        (CredibilityScales, "scales_with_the_models", r"CredibilityScales\.aggregate: promises scale, but .*: learner \d .*"),
        (Unpromising, "rejects_what_is_not_finite", r"Unpromising\.aggregate: is not finite at learner 0 after nan in one .*"),
        (Trusting, "rejects_what_is_not_finite", r"Trusting\.aggregate: Mix\.selected accepts nan in one coordinate from a .*"),
        (Poisoned, "rejects_what_is_not_finite", r"Poisoned\.aggregate: returns a state that holds NaN after nan .*"),
        (Gossip, "rejects_what_is_not_finite", r"Gossip\.aggregate: changes at learners that did not receive nan .*learner 2 .*"),
        (Unpromising, "keeps_its_own_model_where_nothing_is_finite", r"Unpromising\.aggregate: changes the own model where .*"),
        (Shrinking, "keeps_the_own_model_of_an_isolated_node", r"Shrinking\.aggregate: changes .* isolated node: learner 3 .*"),
        (Gossip, "counts_each_learner_by_itself", r"Gossip\.aggregate: mail to learner 1 changes .*: learner 0 differs by .*"),
        (OwnFirst, "judges_trials_at_once_as_one_by_one", r"OwnFirst\.aggregate: the result changes when several trials .*"),
        (Reporter, "reports_named_columns", r"Reporter\.report: names a column 'loss', but must name it otherwise: .*taken"),
        (LongReporter, "reports_named_columns", r"LongReporter\.report: trust is \[4, 3\], but must be a tensor \[4\] or \[4, 8\]"),
        (Teller, "tells_facts_as_json", r"Teller\.facts: returns what JSON cannot hold \(.*\), but must return texts and numbers"),
        (Crash, "repeats_itself", r"Crash\.aggregate: raises IndexError: no such column \(contract: Gives the same bits twice\)"),
        (LateCrash, "returns_a_mix", r"LateCrash\.aggregate: raises AssertionError: .*"),
    ],
    ids=label,
)  # fmt: skip
def test_a_broken_defense_is_told_what_is_wrong(rule, contract, says):
    lines = broken(testing.check_defense, rule())
    assert re.fullmatch(says, lines[contract])


def test_a_rule_that_crashes_is_told_so_by_each_contract_that_it_kept_from_being_checked():
    lines = broken(testing.check_defense, Crash())
    assert len(lines) > 10
    assert all("raises IndexError: no such column (contract: " in line for line in lines.values())


def test_all_that_is_broken_is_told_at_once():
    class Both(First):
        pass

    lines = broken(testing.check_defense, Both())
    assert set(lines) >= {"says_what_it_assumes", "ignores_the_order_of_neighbours"}


def test_a_rule_that_promises_nothing_passes():
    class Spiteful(Balance):
        __doc__ = Balance.__doc__
        equivariant: ClassVar[tuple[str, ...]] = ()

    class Open(Mean):
        __doc__ = Mean.__doc__
        equivariant: ClassVar[tuple[str, ...]] = ()

    for rule in (Clip(), Spiteful(), Open()):
        assert testing.check_defense(rule) is None


def test_a_class_in_place_of_an_instance_is_refused():
    with pytest.raises(
        TypeError,
        match=r"^the component is the class Clip, but must be an instance of a subclass of byzdl\.defenses\.Defense$",
    ):
        testing.check_defense(Clip)
    with pytest.raises(
        TypeError, match=r"^the component is a Clip, but must be an instance of a subclass of byzdl\.attacks\.Attack$"
    ):
        testing.check_attack(Clip())


# Attacks


class Away(Attack):
    """Minus the benign mean. **Knows** all."""

    equivariant: ClassVar[tuple[str, ...]] = ("scale",)

    def send(self, state: Any, view: AttackView) -> tuple[Any, Messages]:
        return state, Messages.same(-view.benign.mean(0), view)


KNOWS = Away.__doc__


class Mute(Away):
    """Says nothing."""


class OnePerVictim(Away):
    __doc__ = KNOWS

    def send(self, state, view):
        return state, Messages(view.after, torch.zeros(2, dtype=torch.long))


class OutOfReach(Away):
    __doc__ = KNOWS

    def send(self, state, view):
        return state, Messages(view.after[:1], torch.full_like(view.attacker, 7))


class InPlace(Away):
    __doc__ = KNOWS

    def send(self, state, view):
        return state, Messages.same(view.after.neg_().mean(0), view)


class Unsteady(Away):
    __doc__ = KNOWS

    def send(self, state, view):
        return state, Messages.same(torch.randn(view.after.shape[1]), view)


class FirstRow(Away):
    __doc__ = KNOWS

    def send(self, state, view):
        return state, Messages.same(view.after[0], view)


class MaxMoves(Max):
    __doc__ = Max.__doc__
    equivariant: ClassVar[tuple[str, ...]] = ("translation", "scale")


class GaussianScales(Gaussian):
    __doc__ = Gaussian.__doc__
    equivariant: ClassVar[tuple[str, ...]] = ("translation", "scale")


class ByPlace(Away):
    __doc__ = KNOWS

    def send(self, state, view):
        factors = torch.arange(len(view.attacker))[:, None]
        return state, Messages.by_message(factors * view.benign.mean(0))


class Needy(Away):
    __doc__ = KNOWS

    def send(self, state, view):
        return state, Messages.same(view.after[view.victim_row[0]], view)


class Brittle(Away):
    __doc__ = KNOWS

    def send(self, state, view):
        if not view.benign.isfinite().all():
            raise ValueError("a benign model is lost")
        return state, Messages.same(-view.benign.mean(0), view)


class Unbiased(Away):
    __doc__ = KNOWS

    def send(self, state, view):
        squares = (view.benign - view.benign.mean(0)).square().sum(0)
        return state, Messages.same(squares / (len(view.benign) - 1), view)


class Tidy(Away):
    __doc__ = KNOWS
    equivariant: ClassVar[tuple[str, ...]] = ("translation",)

    def send(self, state, view):
        return state, Messages.same(view.benign.mean(0).nan_to_num(), view)


class Zero(Away):
    __doc__ = KNOWS

    def send(self, state, view):
        return state, Messages.same(torch.zeros_like(view.after[0]), view)


class Spy(Away):
    __doc__ = KNOWS

    def send(self, state, view):
        return state, Messages.same(-view.after.mean(0), view)


class Flipper(Away):
    __doc__ = KNOWS

    def poison(self, images, labels, classes):
        return images, labels.add_(1)


class Overflow(Away):
    __doc__ = KNOWS

    def poison(self, images, labels, classes):
        return images, labels + 1


class Cropping(Trigger, Away):
    __doc__ = KNOWS

    def stamped(self, images):
        return images[..., 1:]


@pytest.mark.parametrize(
    ("attack", "contract", "says"),
    [
        (Mute, "says_what_it_knows", r"Mute: has a docstring without \*\*Knows\*\*, but must say what the attackers know"),
        (OnePerVictim, "sends_one_model_a_message", r"OnePerVictim\.send: Messages\.index is \[2\].*, but must be .*\[6\].*"),
        (OutOfReach, "sends_one_model_a_message", r"OutOfReach\.send: Messages\.index is \[7, .*\], but must be below .*"),
        (InPlace, "leaves_its_input_untouched", r"InPlace\.send: changes the models that it sees in place"),
        (Unsteady, "repeats_itself", r"Unsteady\.send: sends other bits for the same input: message 0 differs by .*"),
        (Unsteady, "draws_from_streams_of_its_own", r"Unsteady\.send: draws from torch's global random state, .*"),
        (FirstRow, "ignores_the_order_of_benign_models", r"FirstRow\.send: the messages change .* permuted: message 0 .*"),
        (MaxMoves, "moves_with_the_models", r"MaxMoves\.send: promises translation, but .*: message 0 differs by .*"),
        (GaussianScales, "scales_with_the_models", r"GaussianScales\.send: promises scale, but .*: message 0 differs by .*"),
        (ByPlace, "keeps_messages_to_their_senders_and_victims", r"ByPlace\.send: the models go elsewhere when .*"),
        (Needy, "sends_nothing_to_nobody", r"Needy\.send: raises IndexError: .* \(contract: Sends no message where .*\)"),
        (Brittle, "survives_models_that_are_lost", r"Brittle\.send: raises ValueError: a benign model is lost .*"),
        (Tidy, "survives_models_that_are_lost", r"Tidy\.send: promises translation, but makes numbers of .* all NaN"),
        (Unbiased, "survives_a_single_benign_model", r"Unbiased\.send: sends a model that is not finite where there .*"),
        (Spy, "sees_no_more_than_its_scope", r"Spy\.send: with scope=neighbourhood, what node 0 gets depends on .*"),
        (Flipper, "poisons_batches_into_batches", r"Flipper\.poison: changes the honest mini-batch in place"),
        (Overflow, "poisons_batches_into_batches", r"Overflow\.poison: returns labels \[.*5.*\], but must return .*"),
        (Cropping, "shows_its_trigger", r"Cropping\.triggered: shows images \[6, 1, 4, 3\] .*, but must show \[6, 1, 4, 4\]"),
    ],
    ids=label,
)  # fmt: skip
def test_a_broken_attack_is_told_what_is_wrong(attack, contract, says):
    testing.check_attack(Away(br=0.3))
    assert re.fullmatch(says, broken(testing.check_attack, attack(br=0.3))[contract])


def test_an_attack_may_send_what_does_not_depend_on_any_model():
    testing.check_attack(Zero(br=0.3))


# Pre-steps


class Identity(Preaggregation):
    def blend(self, inbox: Inbox) -> Blend | None:
        k = inbox.rows.shape[1]
        there = torch.cat([inbox.present.new_ones(len(inbox.present), 1), inbox.present], dim=1)
        return Blend(torch.eye(1 + k) * there[:, None], inbox.metropolis)


class Averaging(Identity):
    def blend(self, inbox):
        shares, metropolis = super().blend(inbox)
        pool = shares.sum(1, keepdim=True)
        return Blend(shares.sum(2, keepdim=True) * pool / pool.sum(2, keepdim=True), metropolis)


class Late(Identity):
    def blend(self, inbox):
        shares, metropolis = super().blend(inbox)
        return Blend(shares.flip(1), metropolis)


class Few(Identity):
    def blend(self, inbox):
        shares, metropolis = super().blend(inbox)
        return Blend(shares[:, :-1], metropolis[:, :-1])


class Swapping(Identity):
    def blend(self, inbox):
        shares, metropolis = super().blend(inbox)
        shares[0, [1, 2]] = shares[0, [2, 1]]
        return Blend(shares, metropolis)


class FirstLearner(Identity):
    """Blends the first learner's models by half with its own, and nobody else's."""

    def blend(self, inbox):
        shares, metropolis = super().blend(inbox)
        shares[0, 1:] /= 2
        shares[0, 1:, 0] += shares[0, 1:].sum(1)
        return Blend(shares, metropolis)


class Ragged(Identity):
    def blend(self, inbox):
        shares, metropolis = super().blend(inbox)
        return Blend(shares, metropolis[:, :-1])


@pytest.mark.parametrize(
    ("step", "contract", "says"),
    [
        (Averaging, "never_spreads_what_is_not_finite", r"Averaging\.blend: mixes a model that holds nan with others"),
        (Late, "puts_the_own_model_first", r"Late\.blend: the first row of learner 0 has no share of its own model, .*"),
        (Few, "shows_as_many_as_it_says", r"Few\.seen: is 8 for 8 neighbours, but must be 7, as blend makes as many"),
        (Swapping, "shows_as_many_as_it_says", r"Swapping\.blend: mixes a neighbour's column of other models alone, .*"),
        (Swapping, "follows_the_order_of_neighbours", r"Swapping\.blend: shares of learner 0 change when .*: row 1 .*"),
        (FirstLearner, "blends_trials_at_once_as_one_by_one", r"FirstLearner\.blend: shares change when several trials .*"),
        (Ragged, "blends_into_shares", r"Ragged\.blend: Blend\.shares is \[4, 9, 9\], but must be .*\[4, 8, 9\], .*"),
    ],
    ids=label,
)  # fmt: skip
def test_a_broken_pre_step_is_told_what_is_wrong(step, contract, says):
    testing.check_preaggregation(Identity())
    assert re.fullmatch(says, broken(testing.check_preaggregation, step())[contract])


# Data sets


class Noise(Dataset):
    def signature(self) -> Mapping[str, Any]:
        return {"kind": "noise"}

    def decode(self) -> Arrays:
        images = np.random.default_rng(0).integers(0, 256, (20, 3, 3, 1), dtype=np.uint8)
        labels = np.arange(20) % 2
        return Arrays(images[:12], labels[:12], images[12:], labels[12:], classes=2)


class Floats(Noise):
    def decode(self):
        arrays = super().decode()
        return arrays._replace(train_inputs=arrays.train_inputs / 255)


class ThirdClass(Noise):
    def decode(self):
        arrays = super().decode()
        return arrays._replace(test_targets=arrays.test_targets + 1)


class Unlabelled(Noise):
    def decode(self):
        arrays = super().decode()
        return arrays._replace(train_targets=arrays.train_targets[1:])


class Restless(Noise):
    def decode(self):
        arrays = super().decode()
        return arrays._replace(train_inputs=np.random.default_rng().permuted(arrays.train_inputs))


class Numbered(Noise):
    @property
    def train_size(self):
        return 20


class Arrayed(Noise):
    def signature(self):
        return {"seed": np.int64(3)}


class Cached(Noise):
    def signature(self):
        return {"cache": self.cache}


@pytest.mark.parametrize(
    ("dataset", "contract", "says"),
    [
        (Floats, "decodes_to_inputs_and_targets", r"Floats\.decode: returns train_inputs as float64, but .*"),
        (ThirdClass, "decodes_to_inputs_and_targets", r"ThirdClass\.decode: returns test targets from 1 to 2, but must .*"),
        (Unlabelled, "decodes_to_inputs_and_targets", r"Unlabelled\.decode: returns 12 train inputs and 11 targets, but .*"),
        (Restless, "decodes_the_same_twice", r"Restless\.decode: returns other train_inputs the second time; .*"),
        (Numbered, "knows_its_size", r"Numbered\.train_size: is 20, but must be 12, the number of training samples"),
        (Arrayed, "signs_with_json", r"Arrayed\.signature: returns what JSON cannot hold \(.*\), but must .*"),
        (Cached, "signs_alike_wherever_its_cache_is", r"Cached\.signature: holds cache, but must be the same for each .*"),
    ],
    ids=label,
)  # fmt: skip
def test_a_broken_data_set_is_told_what_is_wrong(dataset, contract, says):
    testing.check_dataset(Noise())
    assert re.fullmatch(says, broken(testing.check_dataset, dataset())[contract])


# Graphs


class Wheel(Topology):
    def draw(self, rng: np.random.Generator) -> nx.Graph:
        return nx.wheel_graph(self.n)


class OneBased(Wheel):
    def draw(self, rng):
        return nx.relabel_nodes(super().draw(rng), {i: i + 1 for i in range(self.n)})


class Directed(Wheel):
    def draw(self, rng):
        return super().draw(rng).to_directed()


class Looped(Wheel):
    def draw(self, rng):
        graph = super().draw(rng)
        graph.add_edge(2, 2)
        return graph


class Unseeded(Wheel):
    def draw(self, rng):
        return nx.gnp_random_graph(self.n, 0.5)


class Unfixed(Wheel):
    fixed: ClassVar[bool] = True

    def draw(self, rng):
        return nx.gnp_random_graph(self.n, 0.5, seed=rng)


class Torn(Wheel):
    def draw(self, rng):
        return nx.empty_graph(self.n)


@pytest.mark.parametrize(
    ("topology", "contract", "says"),
    [
        (OneBased, "has_nodes_from_0_on", r"OneBased\.draw: draws a graph on 10 nodes, .*, but must draw one on 0 \.\. 9"),
        (Directed, "draws_simple_graphs", r"Directed\.draw: draws a directed graph, but must draw a simple .*"),
        (Looped, "draws_simple_graphs", r"Looped\.draw: links node 2 to itself"),
        (Unseeded, "repeats_itself", r"Unseeded\.draw: draws another graph from the same random numbers"),
        (Unseeded, "draws_from_the_stream_that_it_gets", r"Unseeded\.draw: draws from Python's global random state, .*"),
        (Unfixed, "is_fixed_where_it_says_so", r"Unfixed\.fixed: is true, but draws differ"),
        (Torn, "meets_its_requirement", r"Torn\.draw: no network of Byzantine rate 0\.0: topology\.require.*"),
    ],
    ids=label,
)  # fmt: skip
def test_a_broken_family_of_graphs_is_told_what_is_wrong(topology, contract, says, monkeypatch):
    monkeypatch.setattr("byzdl.topology.draw.MAX_DRAWS", 3)
    testing.check_topology(Wheel(n=10, require="connected"))
    require = "benign_connected" if topology is Torn else "none"
    assert re.fullmatch(says, broken(testing.check_topology, topology(n=10, require=require))[contract])


# Partitions


class Dealt(Partition):
    def split(self, labels, n, rng):
        return np.array_split(rng.permutation(len(labels)), n)


class Missing(Dealt):
    def split(self, labels, n, rng):
        return super().split(labels, n - 1, rng)


class Lists(Dealt):
    def split(self, labels, n, rng):
        return [part.tolist() for part in super().split(labels, n, rng)]


class Beyond(Dealt):
    def split(self, labels, n, rng):
        return [part + 1 for part in super().split(labels, n, rng)]


class Twice(Dealt):
    def split(self, labels, n, rng):
        return [np.append(part, 5) for part in super().split(labels, n, rng)]


class Sorting(Dealt):
    def split(self, labels, n, rng):
        labels.sort()
        return super().split(labels, n, rng)


class Own(Dealt):
    def split(self, labels, n, rng):
        return super().split(labels, n, np.random.default_rng())


class Greedy(Dealt):
    def split(self, labels, n, rng):
        return [np.arange(len(labels)), *[np.arange(0)] * (n - 1)]


class Lambdas(Dealt):
    def view(self, node, seed):
        return lambda images: images


class Halved(Dealt):
    def view(self, node, seed):
        return half


def half(images: Tensor) -> Tensor:
    return images[..., ::2]


@pytest.mark.parametrize(
    ("partition", "contract", "says"),
    [
        (Missing, "gives_each_sample_to_one_node", r"Missing\.split: returns 6 parts, but must return 7, one for each node"),
        (Lists, "gives_each_sample_to_one_node", r"Lists\.split: returns a list for node 0, but must return a numpy .*"),
        (Beyond, "gives_each_sample_to_one_node", r"Beyond\.split: returns indices .*600 for node \d, but must .* 0 to 599"),
        (Twice, "gives_each_sample_to_one_node", r"Twice\.split: gives sample 5 out 8 times, but must give it to one .*"),
        (Sorting, "leaves_the_labels_untouched", r"Sorting\.split: changes the labels in place"),
        (Own, "repeats_itself", r"Own\.split: splits otherwise by the same random numbers"),
        (Greedy, "fills_a_batch_at_each_node", r"Greedy\.split: gives some node too little in every draw: .* node 1 has 0 of the .*"),
        (Lambdas, "views_images_as_images", r"Lambdas\.view: of node 0 differs from itself; views that do the same .*"),
        (Halved, "views_images_as_images", r"Halved\.view: of node 0 shows \[2, 3, 1, 8, 4\] .*, but must show .*8, 8\] .*"),
    ],
    ids=label,
)  # fmt: skip
def test_a_broken_partition_is_told_what_is_wrong(partition, contract, says):
    testing.check_partition(Dealt())
    assert re.fullmatch(says, broken(testing.check_partition, partition())[contract])


# Models


class Sequence(Model):
    def build(self, sample, outputs):
        return nn.Sequential(*self.before(sample.shape), Linear().build(sample, outputs))

    def before(self, shape):
        return []


class Normed(Sequence):
    def before(self, shape):
        return [nn.BatchNorm2d(shape[0])]


class Unlearning(Sequence):
    def build(self, sample, outputs):
        module = super().build(sample, outputs)
        module.register_parameter("idle", nn.Parameter(torch.zeros(2)))
        return module


class TwoMore(Sequence):
    def build(self, sample, outputs):
        return super().build(sample, outputs + 2)


class Constant(Sequence):
    def build(self, sample, outputs):
        module = super().build(sample, outputs)
        for parameter in module.parameters():
            nn.init.constant_(parameter, 0.5)
        return module


class NumpySeeded(Sequence):
    def build(self, sample, outputs):
        module = super().build(sample, outputs)
        for parameter in module.parameters():
            nn.init.constant_(parameter, np.random.rand())
        return module


class Centred(Sequence):
    def before(self, shape):
        return [Centring()]


class Centring(nn.Module):
    def forward(self, images):
        return images - images.mean(0)


class Doubling(Sequence):
    def build(self, sample, outputs):
        return super().build(sample, outputs).double()


@pytest.mark.parametrize(
    ("model", "contract", "says"),
    [
        (Normed, "has_parameters_alone", r"Normed\.build: has the buffer 0\.running_mean, which nodes would share, .*"),
        (Doubling, "has_parameters_alone", r"Doubling\.build: has the parameter 0\.1\.weight of torch\.float64, but .*"),
        (TwoMore, "answers_with_outputs", r"TwoMore\.build: answers 3 samples with \[3, 12\], but must .* \[3, 10\]"),
        (Constant, "is_the_seeds", r"Constant\.build: is initialised alike by every seed, but must draw from torch's .*"),
        (NumpySeeded, "is_the_seeds", r"NumpySeeded\.build: is initialised otherwise by the same seed; .*"),
        (Centred, "answers_each_sample_by_itself", r"Centred\.build: answers a sample otherwise in a batch .*: sample 0 .*"),
        (Unlearning, "has_a_gradient_for_each_parameter", r"Unlearning\.build: the parameter idle has no gradient, .*"),
    ],
    ids=label,
)  # fmt: skip
def test_a_broken_model_is_told_what_is_wrong(model, contract, says):
    testing.check_model(Sequence())
    assert re.fullmatch(says, broken(testing.check_model, model())[contract])


def test_a_model_is_checked_on_the_images_that_it_is_for():
    class Coloured(Sequence):
        def build(self, sample, outputs):
            if sample.shape[0] != 3:
                raise ConfigError.of("model", self.name, "a network for images of three channels")
            return super().build(sample, outputs)

    assert testing.check_model(Coloured(), sample=Sample((3, 6, 4)), outputs=2) is None
    assert "raises ConfigError: model is 'coloured', but must be" in str(broken(testing.check_model, Coloured()))


# All of them


def test_each_contract_has_a_sentence_and_a_name_of_its_own():
    for group, them in testing.CONTRACTS.items():
        assert all(one.says and not one.says.endswith(".") for one in them), group
        assert len({one.name for one in them}) == len(them), group


def test_what_a_check_itself_raises_is_told_of_the_class():
    def fails(component):
        """Fails."""
        raise ZeroDivisionError("of a check")

    (contract,) = contracts(fails)
    assert contract.broken_by(Clip()) == "Clip: raises ZeroDivisionError: of a check (contract: Fails)"


def test_the_contracts_inbox_is_one_that_can_tell_things_apart():
    """One that was all alike would let anything pass."""
    inbox = random_inbox()
    own, losses = inbox.losses()
    assert len(set(losses[inbox.valid].tolist())) == inbox.valid.sum()
    assert (losses[0] < own[0]).any()
    assert (losses[0] > own[0]).any()
    assert inbox.truth.count.tolist() == [1, 1, 0, 0]
