"""Take a recorded decision again: of the same inputs, by the rules and the model of that time."""

import asyncio
import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date
from functools import lru_cache
from pathlib import Path
from typing import Any, Final
from uuid import UUID

from pydantic_core import from_json
from sqlalchemy.ext.asyncio import AsyncSession

from app.domain.decisions.context import Situation
from app.domain.decisions.engine import decide
from app.errors import Conflict
from app.ml.bundle import Bundle, BundleRefused, load_bundle
from app.models import Decision, Subscriber
from app.schemas.decisions import ReplayRead
from app.services.decision_answers import Shown, answer_of, as_stored
from app.services.decision_contexts import SITUATION, as_context, churn_of, score_of, situations
from app.services.decisions import CONTEXT, get_decision
from app.services.interactions import unseal_text
from app.services.policies import find_rulebook
from app.services.scores import Bundles, Score
from app.services.subscribers import vault_of
from app.vault import Vault

_KEPT_LOADED: Final = 8


class NotReplayable(Conflict):
    """What the decision was taken with is not there any more."""


@dataclass(frozen=True, slots=True)
class Replaying:
    """What it takes to decide again."""

    session: AsyncSession
    vault: Vault
    bundles: Bundles
    models_dir: Path


async def replay(replaying: Replaying, decision_id: UUID) -> ReplayRead:
    """Decide again and compare. Raises NotReplayable where the inputs, or the model of that time, are gone."""
    decision, subscriber = await get_decision(replaying.session, decision_id)
    inputs = decision.inputs
    if "ledger" not in inputs:
        raise NotReplayable("the decision was recorded before its rules were kept with it")
    situation = _situation(replaying.vault, decision, subscriber)
    rules = await find_rulebook(replaying.session, decision.policy_version, inputs["language"])
    as_of = date.fromisoformat(inputs["as_of"]) if inputs["as_of"] else None
    score = await _score(replaying, decision, situation, as_of)
    context = as_context(replace(situation, churn=churn_of(score) if score else None), rules)
    verdicts = decide(context)
    shown = Shown(score, as_of, inputs["is_stale"], decision.policy_version, inputs["currency"])
    answer = answer_of(context, verdicts, shown) | {"decision_id": decision.id, "arm": verdicts.arm}
    recomputed: dict[str, Any] = from_json(as_stored(answer))
    differences = list(_differences(decision.answer, recomputed))
    return ReplayRead(
        identical=not differences, differences=differences, recorded=decision.answer, recomputed=recomputed
    )


def _situation(vault: Vault, decision: Decision, subscriber: Subscriber) -> Situation:
    said = unseal_text(vault_of(subscriber, vault), decision.context, CONTEXT)
    # What was not known yet when it was recorded is as its default has it.
    stored = {name: decision.inputs[name] for name in SITUATION if name in decision.inputs}
    stored["facts"] = stored["facts"] | {"context": json.loads(said) if said else {}}
    situation: Situation = situations.validate_python(stored)
    return situation


async def _score(replaying: Replaying, decision: Decision, situation: Situation, as_of: date | None) -> Score | None:
    scored = decision.answer["score"]
    if scored is None or as_of is None:
        return None
    bundle = await _bundle(replaying, scored["model"])
    return score_of(bundle, situation.facts["features"], as_of)


async def _bundle(replaying: Replaying, model: dict[str, Any]) -> Bundle:
    active = next((found for found in replaying.bundles.values() if found.sha256 == model["sha256"]), None)
    if active:
        return active
    try:
        found = await asyncio.to_thread(_load, replaying.models_dir / model["name"] / model["version"])
    except (BundleRefused, OSError) as error:
        raise NotReplayable(f"the model {model['name']}/{model['version']} is not in the registry any more") from error
    if found.sha256 != model["sha256"]:
        raise NotReplayable(f"the model {model['name']}/{model['version']} is not the one that was used")
    return found


@lru_cache(maxsize=_KEPT_LOADED)
def _load(directory: Path) -> Bundle:
    return load_bundle(directory)


def _differences(recorded: Any, recomputed: Any, pointer: str = "") -> Iterator[str]:
    """Yield where two JSON values differ, as pointers."""
    if isinstance(recorded, dict) and isinstance(recomputed, dict):
        for name in sorted(recorded.keys() | recomputed.keys()):
            if name in recorded and name in recomputed:
                yield from _differences(recorded[name], recomputed[name], f"{pointer}/{name}")
            else:
                yield f"{pointer}/{name}"
    elif isinstance(recorded, list) and isinstance(recomputed, list) and len(recorded) == len(recomputed):
        for number, (one, other) in enumerate(zip(recorded, recomputed, strict=True)):
            yield from _differences(one, other, f"{pointer}/{number}")
    elif recorded != recomputed:
        yield pointer
