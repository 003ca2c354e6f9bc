"""The base scored, as a worker does it."""

import asyncio
from collections.abc import Mapping

import httpx

from app import worker
from app.db import create_engine, create_sessions
from app.settings import Settings
from app.vault import Vault
from app.worker import Ground


def work_off(settings: Settings) -> Mapping[str, Mapping[str, int]]:
    """Have a worker do each of its jobs once; returns what each tells."""
    return asyncio.run(_work_off(settings))


async def _work_off(settings: Settings) -> Mapping[str, Mapping[str, int]]:
    engine = create_engine(settings)
    ground = Ground(settings, create_sessions(engine), Vault(settings.keys))
    try:
        return await worker.run_once(ground)
    finally:
        await engine.dispose()


def ask_for_run(api: httpx.Client) -> str:
    """Ask for the base to be scored; returns the job's address."""
    answer = api.post("/v1/scoring-runs", json={})
    assert answer.status_code == 202, answer.text
    return answer.headers["location"]


def score_base(api: httpx.Client, settings: Settings) -> str:
    """Have the base scored; returns the job's address."""
    job = ask_for_run(api)
    work_off(settings)
    assert api.get(job).json()["state"] == "done"
    return job
