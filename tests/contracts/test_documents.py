"""Documents lead where they say."""

import re

import pytest

from tests.contracts.repository import ROOT, files

DOCUMENTS = [path for path in files() if path.suffix == ".md"]
LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)[^)]*\)")


def headings(text: str) -> set[str]:
    """Name the anchors a page gives its headings."""
    found = re.findall(r"(?m)^#+ +(.+?) *$", text)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in found}


@pytest.mark.parametrize("name", [str(path.relative_to(ROOT)) for path in DOCUMENTS])
def test_every_link_leads_somewhere(name: str) -> None:
    document = ROOT / name
    for link in LINK.findall(document.read_text(encoding="utf-8")):
        if re.match(r"[a-z]+:", link):
            continue
        place, _, anchor = link.partition("#")
        target = (document.parent / place) if place else document
        assert target.exists(), link
        if anchor and target.suffix == ".md":
            assert anchor in headings(target.read_text(encoding="utf-8")), link


def test_decisions_are_numbered_without_gaps() -> None:
    numbers = [path.name[:4] for path in DOCUMENTS if path.parent.name == "decisions"]

    assert numbers == [f"{number:04}" for number in range(1, len(numbers) + 1)]
