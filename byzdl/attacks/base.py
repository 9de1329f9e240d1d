"""What an attack is."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import accumulate
from typing import Any, ClassVar, Literal, Protocol

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from byzdl.config.types import Component, Count, Natural, ProperShare, RuleError
from byzdl.exchange import Mix, Neighbourhood, Roster
from byzdl.random_streams import stream
from byzdl.topology import Network

Knowledge = Literal["batch", "data"]


class Rehearsal(Protocol):
    """What the defense would make of messages among those of a roster, see `AttackView.rehearse`."""

    def __call__(self, roster: Roster, messages: "Messages", knowledge: Knowledge) -> Mix: ...


@dataclass(frozen=True)
class AttackView:
    """Everything that some attacker might know in a round. Each attack states what it uses.

    L learners, h of them benign; B Byzantine nodes; E messages from these to learners: those that arrive, which an
    attacker knows beforehand. Neighbours are those of the round, without those whose messages are lost.

    - `network`: the graph
    - `roster`: who hears whom
    - `before`, `after` [L, d]: the learners' models x^t and x^{t+1/2}
    - `nodes`: the benign nodes, ascending: all h of them, or as many as an attacker sees
    - `benign_rows` [h], `byzantine_rows` [B or 0]: where these and the Byzantine nodes stand among the learners;
      the latter do if they train
    - `rehearsal`: what the defense would do, see `rehearse`
    - `seed`, `round`: of the run, and rounds done
    """

    network: Network
    roster: Roster
    before: Tensor
    after: Tensor
    nodes: tuple[int, ...]
    benign_rows: Tensor
    byzantine_rows: Tensor
    rehearsal: Rehearsal
    seed: int = 0
    round: int = 0

    @property
    def byzantine(self) -> int:
        """B."""
        return len(self.network.byzantine)

    @property
    def attacker(self) -> Tensor:
        """Who of the B sends each message [E]."""
        return self.roster.attacker

    @property
    def victim(self) -> Tensor:
        """The node number of who gets it [E]."""
        return self.roster.victim

    @property
    def victim_row(self) -> Tensor:
        """Where who gets it stands among the learners [E]."""
        return self.roster.victim_row

    @cached_property
    def around(self) -> Tensor:
        """Where the victim's neighbours stand among the learners [E, k]; the victim itself on the padding, and for Byzantine ones."""
        roster, row = self.roster, self.victim_row
        return torch.where(roster.byzantine[row], row[:, None], roster.rows[row])

    @cached_property
    def trusted(self) -> Tensor:
        """The Metropolis weights W_ij of the victim's benign neighbours, 0 elsewhere [E, k]."""
        return self.roster.metropolis.masked_fill(self.roster.byzantine, 0)[self.victim_row]

    @cached_property
    def infiltrated(self) -> Tensor:
        """The weight of all the victim's Byzantine neighbours together [E]."""
        return (self.roster.metropolis * self.roster.byzantine).sum(1)[self.victim_row]

    @property
    def harmed(self) -> Tensor:
        """Which of the learners are benign and get messages [L]."""
        return self.roster.benign & self.roster.byzantine.any(1)

    @property
    def benign(self) -> Tensor:
        """The benign models x^{t+1/2} [h, d]."""
        return self._benign(self.after)

    @property
    def previous(self) -> Tensor:
        """The benign models x^t [h, d]."""
        return self._benign(self.before)

    @property
    def own(self) -> Tensor:
        """The attackers' own x^{t+1/2} [B, d], if they train; else [0, d]."""
        return self.after[self.byzantine_rows]

    @property
    def own_previous(self) -> Tensor:
        """The attackers' own x^t [B, d], likewise."""
        return self.before[self.byzantine_rows]

    def pull(self) -> Tensor:
        """What draws every message's victim i towards its benign neighbours: sum_j W_ij (x_j - x_i) [E, d]."""
        weights = torch.cat([-self.trusted.sum(1, keepdim=True), self.trusted], dim=1)
        rows = torch.cat([self.victim_row[:, None], self.around], dim=1)
        return F.embedding_bag(rows, self.after, per_sample_weights=weights, mode="sum")

    def rehearse(self, messages: "Messages", knowledge: Knowledge = "batch") -> Mix:
        """What the defense in use, as it stands, would make of messages for all learners; nothing changes by it.

        - `knowledge`: losses are those on each learner's own mini-batch (`batch`), or what attackers can estimate of them by
          their own data (`data`): on the mini-batch of the learner's Byzantine neighbour of lowest number
        """
        return self.rehearsal(self.roster, messages, knowledge)

    def near(self, one: Neighbourhood) -> "AttackView":
        """What an attacker knows that sees one neighbourhood: all other learners hear nobody, and no other benign node is there.

        Graph, B and the attackers' own models are what they are.
        """
        return replace(self, roster=self.roster.only(one), nodes=one.nodes, benign_rows=one.benign)

    def _benign(self, models: Tensor) -> Tensor:
        # Where all learners are benign, nothing is copied.
        return models if len(self.benign_rows) == len(models) else models[self.benign_rows]

    def stream(self, *key: int) -> np.random.Generator:
        """Random numbers of this round for the attack alone: the same on every repetition, and no other stream moves."""
        return stream(self.seed, "attack", self.round, *key)


@dataclass(frozen=True)
class Messages:
    """What the Byzantine nodes send.

    - `models` [a, d]: the distinct models
    - `index` [E]: which of them each message carries
    """

    models: Tensor
    index: Tensor

    def check(self, messages: int, d: int) -> None:
        """**Raises:** `RuleError` where these are not E messages of models of d parameters."""
        if self.models.ndim != 2 or self.models.shape[1] != d:
            raise RuleError(f"Messages.models is {list(self.models.shape)}, but must be [a, d] with d = {d}")
        if self.index.shape != (messages,) or self.index.dtype != torch.long:
            got = f"{list(self.index.shape)} of {self.index.dtype}"
            raise RuleError(f"Messages.index is {got}, but must be [E] = [{messages}] of torch.int64")

    @classmethod
    def same(cls, model: Tensor, view: AttackView) -> "Messages":
        """One model [d], from everyone to everyone."""
        return cls(model[None], torch.zeros_like(view.attacker))

    @classmethod
    def by_attacker(cls, models: Tensor, view: AttackView) -> "Messages":
        """One model an attacker [B, d], the same to all of its neighbours."""
        return cls(models, view.attacker)

    @classmethod
    def by_message(cls, models: Tensor) -> "Messages":
        """A model of its own for every message [E, d]: each victim may get another."""
        return cls(models, torch.arange(len(models), device=models.device))

    @classmethod
    def joined(cls, parts: Sequence["Messages"], view: AttackView) -> "Messages":
        """The messages of all parts, one after another."""
        # Of models that fewer messages carry than there are, only those that are sent.
        parts = [p if len(p.models) <= len(p.index) else cls.by_message(p.models[p.index]) for p in parts]
        starts = accumulate((len(p.models) for p in parts), initial=0)
        return cls(
            torch.cat([view.after[:0], *(p.models for p in parts)]),
            torch.cat([view.attacker[:0], *(p.index + start for p, start in zip(parts, starts, strict=False))]),
        )


class Attack(Component):
    """How Byzantine nodes harm: by what they send, or by what they learn from.

    A pure function of (state, view) to (state, messages).

    - `br`: the Byzantine rate B_r, the share of the n nodes that is Byzantine
    - `start`, `every`: it acts in rounds start, start + every, start + 2 every, ...; in all others Byzantine nodes
      behave as benign ones, and so train and aggregate throughout
    - `scope`: what benign nodes attackers see. With `neighbourhood`, for each message, only its victim and those of its
      neighbours of the round: `send` is called once a victim, with a view and a state for it alone. A Byzantine victim
      without a benign neighbour gets the sender's own x^{t+1/2}
    - `equivariant`: a promise that the contract suite checks: changes of all models that change the messages alike,
      `translation` (x + c) and `scale` (c x)
    - `follows_protocol`: whether Byzantine nodes train and aggregate as benign ones do even where it always acts
    """

    br: ProperShare
    start: Natural = 0
    every: Count = 1
    scope: Literal["all", "neighbourhood"] = "all"

    follows_protocol: ClassVar[bool] = False
    equivariant: ClassVar[tuple[str, ...]] = ()

    @property
    def triggers(self) -> bool:
        """Whether there are images by which success is told, see `triggered`."""
        return False

    @property
    def trains(self) -> bool:
        """Whether Byzantine nodes have models of their own."""
        return self.follows_protocol or self.start > 0 or self.every > 1

    def acts(self, round: int) -> bool:
        """Whether there is an attack in a round (rounds count from 0)."""
        return round >= self.start and (round - self.start) % self.every == 0

    def check(self, network: Network) -> None:
        """Refuse, with a `ConfigError`, a network on which the attack is not defined; of several, the first is shown."""

    def check_classes(self, classes: int) -> None:
        """Refuse, with a `ConfigError`, data of so few classes that the attack is not defined."""

    def facts(self, network: Network) -> Mapping[str, Any]:
        """What run.json should say of the attack on its (first) network beyond its configuration."""
        return {}

    def init(self, learners: int, d: int) -> Any:
        """The state before the first round, of L learners with models of d parameters."""
        return ()

    def report(self, state: Any) -> Mapping[str, Tensor]:
        """Named values of the state to log: [L] become columns of nodes.csv, [L, k] columns of edges.csv."""
        return {}

    def poison(self, images: Tensor, labels: Tensor, classes: int) -> tuple[Tensor, Tensor]:
        """The mini-batch that a Byzantine node trains on, made from its honest one."""
        return images, labels

    def triggered(self, images: Tensor, labels: Tensor) -> tuple[Tensor, Tensor, int]:
        """Test images as the attack would show them, which of them count [b], and the class that it wants to hear."""
        raise NotImplementedError

    def send(self, state: Any, view: AttackView) -> tuple[Any, Messages]:
        """The Byzantine nodes' messages of a round, by what they see."""
        raise NotImplementedError

    def begin(self, learners: int, d: int) -> Any:
        """The state of the attack before the first round; with `scope: neighbourhood` one for each of L learners."""
        return self.init(learners, d) if self.scope == "all" else tuple(self.init(learners, d) for _ in range(learners))

    def told(self, state: Any) -> Mapping[str, Tensor]:
        """What `report` names; nothing with `scope: neighbourhood`, where each victim has a state of its own."""
        return self.report(state) if self.scope == "all" else {}

    def act(self, state: Any, view: AttackView) -> tuple[Any, Messages]:
        """The messages of a round in which it acts, from a view of everything."""
        if self.scope == "all":
            return self.send(state, view)
        states, parts = list(state), []
        for one in view.roster.neighbourhoods:
            near = view.near(one)
            if one.nodes:
                states[one.row], messages = self.send(states[one.row], near)
            else:
                messages = Messages.by_attacker(near.own, near)
            parts.append(messages)
        return tuple(states), Messages.joined(parts, view)
