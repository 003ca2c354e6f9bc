"""The overview: what whoever picks up next must know, put together from one reading of the store."""

from binascii import a2b_base64
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any, Final

from app.domain import complaints as complaint_rules
from app.domain.access import Caller
from app.domain.channels import answers_by_channel, by_preference
from app.domain.complaints import ComplaintStatus
from app.domain.consents import MARKETING, PROFILING, allowed, forbids, strictest
from app.domain.features import date_of
from app.domain.interactions import Channel, Need
from app.domain.outcomes import OutcomeKind
from app.domain.prompts import Situation, is_ending, prompt
from app.domain.tasks import TaskKind, TaskStatus, is_overdue
from app.lane import Lane
from app.ml.features import FeaturesRefused
from app.services import scores, subscribers
from app.services.interactions import unseal_text
from app.services.overview_facts import find_facts
from app.services.scores import Bundles, Score
from app.settings import Settings
from app.vault import Vault

CHURN_KIND: Final = "port_out"
DRIVERS_SHOWN: Final = 5
# Of things at one moment, what brought the other about comes before it.
_CAUSES_FIRST: Final = {
    kind: rank
    for rank, kind in enumerate(
        (
            "contact",
            "complaint_opened",
            "complaint_resolved",
            "survey_answer",
            "case_opened",
            "case_closed",
            "recommendation",
            "feedback",
        )
    )
}
CONTACTS_TOLD: Final = 5  # in their own words; the timeline has more
DAYS_A_YEAR: Final = 365.25
Json = Mapping[str, Any]
_Event = tuple[str, str, str, str, str | None]  # when, what kind, whose id, about what, which action if any
_TOLD: Final = ("at", "kind", "id", "about", "action")
_PROFILE: Final = (
    "subscriber_id",
    "merged_into",
    "status",
    "region",
    "brand",
    "value_tier",
    "payment_type",
    "group_id",
    "sla_level",
    "owner",
    "lifecycle_stage",
    "joined_on",
)
_CONTACT: Final = ("id", "occurred_at", "touchpoint", "channel", "direction", "need", "agent_id", "sentiment")
_COMPLAINT: Final = ("id", "occurred_at", "type", "severity", "status", "owner", "due_at", "transfer_count")
_TASK: Final = ("id", "kind", "about", "owner", "due_at")
_CASE: Final = ("id", "stage", "owner", "opened_at")


@dataclass(frozen=True, slots=True)
class Onlooker:
    """Who looks, when, and what it takes to show them anything."""

    lane: Lane
    caller: Caller
    bundles: Bundles
    settings: Settings
    vault: Vault
    at: datetime
    language: str

    def may(self, scope: str) -> bool:
        return scope in self.caller.scopes


async def look(onlooker: Onlooker, subscriber_id: str) -> dict[str, Any]:
    """Put the overview together; raises SubscriberNotFound.

    A part that a consent forbids, or that the caller may not read, is absent.
    """
    facts = await find_facts(onlooker.lane, subscriber_id, onlooker.caller.reach)
    if facts is None:
        raise subscribers.not_found()
    return _Picture(facts, onlooker).overview()


@dataclass(slots=True)
class _Picture:
    facts: Json
    onlooker: Onlooker
    consents: dict[str, bool] = field(init=False)
    _words: dict[str, Vault] = field(default_factory=dict)

    def overview(self) -> dict[str, Any]:
        profile = self.facts["profile"]
        score = self._score() if self._shows("scores:read", PROFILING) else None
        parts = {
            "subscriber_id": profile["subscriber_id"],
            "at": self.onlooker.at,
            "profile": self._profile(),
            "prompt": self._prompt(score) if self._shows("subscribers:read", PROFILING) else None,
            "score": score and self._present(score),
            "open_complaints": self._if("complaints:read", self._open_complaints),
            "last_contacts": self._if("interactions:read", self._contacts),
            "last_recommendation": self._if("decisions:read", self._recommendation, MARKETING),
            "satisfaction": self._if("surveys:read", self._satisfaction),
            "group": self.facts["group"] if self._shows("care:read") else None,
            "pool": self._if("care:read", self._case),
            "tasks": self._if("care:read", self._tasks),
            "timeline": self._timeline(),
        }
        return {name: part for name, part in parts.items() if part is not None}

    def __post_init__(self) -> None:
        self.consents = strictest(self.facts["consents"])

    def _shows(self, scope: str, purpose: str | None = None) -> bool:
        forbidden = purpose is not None and forbids(self.consents, purpose)
        return self.onlooker.may(scope) and not forbidden

    def _if(self, scope: str, part: Callable[[], Any], purpose: str | None = None) -> Any:
        return part() if self._shows(scope, purpose) else None

    def _list(self, name: str) -> Sequence[Json]:
        return self.facts[name] or ()

    def _unseal(self, row: Json, name: str) -> str | None:
        sealed = row[name]
        return unseal_text(self._words_of(row["subscriber_id"]), sealed and a2b_base64(sealed), name)

    def _words_of(self, subscriber_id: str) -> Vault:
        words = self._words.get(subscriber_id)
        if words is None:
            key = a2b_base64(self.facts["keys"][subscriber_id])
            words = self._words[subscriber_id] = self.onlooker.vault.of(key, subscriber_id)
        return words

    def _profile(self) -> dict[str, Any]:
        profile = self.facts["profile"]
        contact = self.facts["contact"]
        masked = contact and subscribers.mask(self._words_of(profile["subscriber_id"]), a2b_base64(contact))
        said = ((Channel(channel), OutcomeKind(outcome)) for channel, outcome in self._list("answers_by_channel"))
        reachable = by_preference(map(Channel, allowed(self.consents, Channel)), answers_by_channel(said))
        return {name: profile[name] for name in _PROFILE} | {"contact": masked, "reachable_by": reachable}

    def _score(self) -> Score | None:
        snapshot, bundle = self.facts["snapshot"], self.onlooker.bundles.get(CHURN_KIND)
        if snapshot is None or bundle is None:
            return None
        known = scores.known_to(bundle, snapshot["features"])
        try:
            return scores.score_values(bundle, known, date.fromisoformat(snapshot["as_of"]), DRIVERS_SHOWN)
        except FeaturesRefused:
            return None

    def _present(self, score: Score) -> Any:
        as_of = date.fromisoformat(self.facts["snapshot"]["as_of"])
        stale = scores.is_stale(as_of, self.onlooker.at, self.onlooker.settings)
        return scores.as_plain(score, self.facts["profile"]["subscriber_id"], as_of, stale)

    def _contacts(self) -> list[dict[str, Any]]:
        return [
            {name: row[name] for name in _CONTACT}
            | {"reason": self._unseal(row, "reason"), "request": self._unseal(row, "request")}
            for row in self._list("contacts")[:CONTACTS_TOLD]
        ]

    def _unfinished(self) -> list[Json]:
        return [row for row in self._list("complaints") if row["status"] in complaint_rules.UNFINISHED]

    def _open_complaints(self) -> list[dict[str, Any]]:
        return [
            {name: row[name] for name in _COMPLAINT}
            | {
                "description": self._unseal(row, "description"),
                "escalation": self._escalation(row),
                "ping_pong": complaint_rules.is_ping_pong(row["transfer_count"]),
            }
            for row in self._unfinished()
        ]

    def _escalation(self, complaint: Json) -> complaint_rules.Escalation:
        due = datetime.fromisoformat(complaint["due_at"])
        return complaint_rules.escalation_of(ComplaintStatus(complaint["status"]), due, self.onlooker.at)

    def _recommendation(self) -> dict[str, Any] | None:
        decision = self.facts["decision"]
        if decision is None:
            return None
        first: Json = next(iter(decision["actions"]), {})
        shown = (decision["id"], first.get("code"))
        to_it = (row for row in self._list("outcomes") if (row["decision_id"], row["action"]) == shown)
        feedback = next(to_it, {"outcome": None, "occurred_at": None})
        return {
            "decision_id": decision["id"],
            "decided_at": decision["decided_at"],
            "channel": decision["channel"],
            "action": first.get("code"),
            "name": first.get("name"),
            "say": first.get("say"),
            "none_because": decision["none_because"],
            "feedback": feedback["outcome"],
            "feedback_at": feedback["occurred_at"],
        }

    def _satisfaction(self) -> dict[str, Any] | None:
        latest = next(iter(self._list("answers")), None)
        if latest is None:
            return None
        dimension, gap = _worst_gap(latest)
        return {
            "answered_at": latest["answered_at"],
            "touchpoint": latest["touchpoint"],
            "score_share": None if latest["score"] is None else latest["score"] / latest["scale_max"],
            "dissatisfied": latest["dissatisfied"],
            "worst_dimension": dimension,
            "adequacy_gap": gap,
        }

    def _case(self) -> dict[str, Any] | None:
        still_open = (row for row in self._list("cases") if row["closed_at"] is None)
        return next(({name: row[name] for name in _CASE} for row in still_open), None)

    def _tasks(self) -> list[dict[str, Any]]:
        at = self.onlooker.at
        return [
            {name: row[name] for name in _TASK}
            | {"overdue": is_overdue(TaskStatus.OPEN, datetime.fromisoformat(row["due_at"]), at)}
            for row in self._list("tasks")
        ]

    def _prompt(self, score: Score | None) -> str:
        complaint = next(iter(self._unfinished()), None)
        group = self.facts["group"]
        leaving = (row for row in self._list("contacts") if row["need"] == Need.LEAVE)
        situation = Situation(
            complaint_type=complaint["type"] if complaint else None,
            complaint_late=complaint is not None and self._escalation(complaint) != complaint_rules.Escalation.NONE,
            group_at_risk=group["name"] if group and group["at_risk_since"] else None,
            dissatisfied_on=self._day(self._case(), "opened_at"),
            callback_due_on=self._day(self._callback(), "due_at"),
            leaving_said_on=self._day(next(leaving, None), "occurred_at"),
            product_ends_on=self._product_end(),
            risk_band=score.band.value if score else None,
            years_with_us=self._years(),
        )
        return prompt(situation, self.onlooker.language)

    def _callback(self) -> Json | None:
        return next((row for row in self._list("tasks") if row["kind"] == TaskKind.CALLBACK), None)

    def _day(self, row: Json | None, name: str) -> date | None:
        return self.onlooker.settings.today(datetime.fromisoformat(row[name])) if row else None

    def _product_end(self) -> date | None:
        """The first day on which something they have ends, as far as a snapshot tells and it is near."""
        known = self.facts["snapshot"]["features"] if self.facts["snapshot"] else {}
        today = self.onlooker.settings.today(self.onlooker.at)
        days = (date_of(known.get(name)) for name in self.onlooker.settings.end_date_features)
        return min((day for day in days if day and is_ending(day, today)), default=None)

    def _years(self) -> int | None:
        joined = self.facts["profile"]["joined_on"]
        days = joined and (self.onlooker.settings.today(self.onlooker.at) - date.fromisoformat(joined)).days
        return None if days is None else int(days / DAYS_A_YEAR)

    def _timeline(self) -> list[dict[str, Any]]:
        events = sorted(self._events(), key=lambda event: (event[0], _CAUSES_FIRST[event[1]], event[2]), reverse=True)
        return [dict(zip(_TOLD, event, strict=True)) for event in events]

    def _events(self) -> Iterator[_Event]:
        """What happened, of what may be shown: each time is PostgreSQL's own text in UTC, so they sort as texts."""
        if self._shows("interactions:read"):
            yield from ((row["occurred_at"], "contact", row["id"], row["need"], None) for row in self._list("contacts"))
        if self._shows("complaints:read"):
            yield from _spans(self._list("complaints"), "complaint", ("occurred_at", "resolved_at"), "type")
        if self._shows("surveys:read"):
            for row in self._list("answers"):
                yield row["answered_at"], "survey_answer", row["id"], _mood(row), None
        if self._shows("care:read"):
            yield from _spans(self._list("cases"), "case", ("opened_at", "closed_at"), "stage")
        if self._shows("decisions:read", MARKETING):
            yield from self._recommended()

    def _recommended(self) -> Iterator[_Event]:
        if decision := self.facts["decision"]:
            first = next((action["code"] for action in decision["actions"]), None)
            yield decision["decided_at"], "recommendation", decision["id"], first or "no_action", first
        for row in self._list("outcomes"):
            yield row["occurred_at"], "feedback", row["id"], row["outcome"], row["action"]


def _spans(rows: Sequence[Json], kind: str, times: tuple[str, str], about: str) -> Iterator[_Event]:
    """The beginning and, where it came, the end of each."""
    begins, ends = times
    for row in rows:
        yield row[begins], f"{kind}_opened", row["id"], row[about], None
        if row[ends]:
            yield row[ends], f"{kind}_{ends.removesuffix('_at')}", row["id"], row[about], None


def _mood(answer: Json) -> str:
    return "dissatisfied" if answer["dissatisfied"] else "satisfied"


def _worst_gap(answer: Json) -> tuple[str | None, float | None]:
    """The quality dimension that falls furthest short of what was expected at least, on 0…100 of the scale."""
    span = answer["scale_max"] - 1
    gaps = [
        ((item["perceived"] - item["adequate"]) / span * 100, item["dimension"])
        for item in answer["answers"]
        if item.get("perceived") is not None and item.get("adequate") is not None and item.get("dimension")
    ]
    if not gaps:
        return None, None
    gap, dimension = min(gaps)
    return dimension, gap
