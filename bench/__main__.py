"""`make bench`: the measured promises, as one table. Figures belong to the machine they were taken on.

All of them, or those named, as in `./run bench serving`; `large` takes minutes.
"""

import sys

from bench import (
    bulk,
    console,
    contacts,
    decisions,
    effects,
    growth,
    large,
    models,
    overviews,
    replays,
    scoring,
    serving,
    streams,
    timelines,
    workers,
    writes,
)

ALL = {
    "serving": serving.measure,
    "scoring": scoring.measure,
    "workers": workers.measure,
    "streams": streams.measure,
    "bulk": bulk.measure,
    "contacts": contacts.measure,
    "writes": writes.measure,
    "overviews": overviews.measure,
    "timelines": timelines.measure,
    "decisions": decisions.measure,
    "console": console.measure,
    "replays": replays.measure,
    "models": models.measure,
    "effects": effects.measure,
    "growth": growth.measure,
    "large": large.measure,
}

print("| promise | bar | measured |")
print("|---|--:|--:|")
for name in sys.argv[1:] or ALL:
    for promise, bar, measured in ALL[name]():
        print(f"| {promise} | {bar} | {measured} |", flush=True)
