"""`make bench`: the measured promises, as one table. Figures belong to the machine they were taken on."""

from bench import serving

ROWS = [row for measure in (serving.measure,) for row in measure()]

print("| promise | bar | measured |")
print("|---|--:|--:|")
for promise, bar, measured in ROWS:
    print(f"| {promise} | {bar} | {measured} |")
