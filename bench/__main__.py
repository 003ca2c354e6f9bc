"""`make bench`: the measured promises, as one table. Figures belong to the machine they were taken on.

All of them, or those named: `./run bench serving`, `models`, `large` (this one takes some minutes).
"""

import sys

from bench import large, models, serving

ALL = {"serving": serving.measure, "models": models.measure, "large": large.measure}

print("| promise | bar | measured |")
print("|---|--:|--:|")
for name in sys.argv[1:] or ALL:
    for promise, bar, measured in ALL[name]():
        print(f"| {promise} | {bar} | {measured} |", flush=True)
