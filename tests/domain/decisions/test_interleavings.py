"""Whoever decides, contacts, hesitates and hears an answer in whatever order: no cap is ever exceeded.

Decisions about one person are taken one after another (the store's lock sees to that), so an interleaving of callers is
an order of whole steps. A caller contacts only on its latest decision, once, and while that right has not lapsed.
"""

import os
import random
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

import pytest

from app.domain.decisions.context import Action, Contact, PastOutcome
from app.domain.decisions.engine import decide
from app.domain.decisions.policy import Cap, Policy
from app.domain.decisions.rights import Made, Right, pending
from app.domain.interactions import Channel
from app.domain.outcomes import OutcomeKind
from tests.factories.decisions import AT, action, context

INTERLEAVINGS = int(os.environ.get("STAYLINE_INTERLEAVINGS", "1000"))  # a hundred thousand take ten minutes
LAPSES = timedelta(minutes=10)
CHANNELS = (Channel.CALL, Channel.SMS)
CALLERS = ("anna", "ben", "campaign", "dialler")


@dataclass
class World:
    """One person, and what the store holds of them."""

    offer: Action
    policy: Policy
    now: datetime = AT
    contacts: list[Made] = field(default_factory=list)
    rights: list[Right] = field(default_factory=list)
    latest: dict[str, Right | None] = field(default_factory=dict)
    outcomes: list[PastOutcome] = field(default_factory=list)

    def decide(self, caller: str, channel: Channel) -> None:
        given = [replace(r, is_own=r.caller == caller) for r in self.rights if r.at > self.now - LAPSES]
        situation = context(
            self.offer,
            at=self.now,
            channel=channel,
            policy=self.policy,
            contacts=tuple(Contact(made.channel, made.at) for made in self.contacts),
            pending=pending(given, (made for made in self.contacts if made.at > self.now - LAPSES)),
            outcomes=tuple(self.outcomes),
        )
        chosen = decide(situation).chosen
        self.latest[caller] = Right(channel, self.now, caller, is_own=False) if chosen else None
        if right := self.latest[caller]:
            self.rights.append(right)

    def contact(self, caller: str) -> None:
        right = self.latest.pop(caller, None)
        if right and self.now < right.at + LAPSES:
            self.contacts.append(Made(right.channel, self.now, caller))

    def hear(self, outcome: OutcomeKind) -> None:
        """An answer comes to a contact that was made."""
        if self.contacts:
            self.outcomes.append(PastOutcome(self.offer.code, outcome, self.contacts[-1].at))


def live(chance: random.Random) -> World:
    caps = tuple(Cap(days, chance.randint(1, 3)) for days in chance.sample((1, 7, 30), chance.randint(0, 2)))
    own = Cap(chance.choice((1, 7)), chance.randint(1, 2))
    world = World(action(caps=caps), Policy(channel_caps={Channel.CALL: (own,), Channel.SMS: (own,)}))
    for _ in range(chance.randint(8, 20)):
        caller = chance.choice(CALLERS)
        step = chance.random()
        if step < 0.4:
            world.decide(caller, chance.choice(CHANNELS))
        elif step < 0.85:
            world.contact(caller)
        elif step < 0.9:
            world.hear(chance.choice((OutcomeKind.LATER, OutcomeKind.NO_RESPONSE)))
        world.now += timedelta(seconds=chance.choice((0, 0, 0, 1, 5, 60, 300, 700, 80_000, 400_000)))
    return world


def exceeded(world: World) -> list[tuple[Channel, Cap]]:
    """The caps that some window of their length holds too many contacts for."""
    times = {
        channel: sorted(contact.at for contact in world.contacts if contact.channel is channel) for channel in CHANNELS
    }
    return [
        (channel, cap)
        for channel, made in times.items()
        for cap in (*world.offer.caps, *world.policy.channel_caps[channel])
        if any(made[n + cap.max] - made[n] < cap.window for n in range(len(made) - cap.max))
    ]


@pytest.mark.parametrize("part", range(10))
def test_no_cap_is_exceeded_in_whatever_order_callers_act(part: int) -> None:
    contacts = 0
    for seed in range(part, INTERLEAVINGS, 10):
        world = live(random.Random(seed))  # noqa: S311  # an order of steps, not a secret
        assert exceeded(world) == [], seed
        contacts += len(world.contacts)
    assert contacts > INTERLEAVINGS / 20


def test_this_check_tells_a_world_without_rights() -> None:
    """Where a right that was given is not counted, caps are exceeded, and this is seen."""
    found = 0
    for seed in range(300):
        chance = random.Random(seed)  # noqa: S311  # as above
        world = World(action(), Policy(channel_caps={channel: (Cap(7, 1),) for channel in CHANNELS}))
        for caller in CALLERS:
            world.decide(caller, Channel.CALL)
            world.rights.clear()
        for caller in chance.sample(CALLERS, 2):
            world.contact(caller)
        found += bool(exceeded(world))
    assert found == 300
