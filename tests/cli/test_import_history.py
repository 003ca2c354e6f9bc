"""What an import changes is a version of the profile, as any change is (B16); the same table twice adds none."""

from datetime import UTC, datetime
from pathlib import Path

import psycopg

from tests.cli.command import Command

MAPPING = """\
id: subscriber
fields:
  town:   {to: profile.region, type: text}
  msisdn: {to: contact.phone, type: text}
"""


def import_(stayline: Command, folder: Path, *rows: str) -> None:
    (folder / "mapping.yaml").write_text(MAPPING, encoding="utf-8")
    (folder / "table.csv").write_text("\n".join(["subscriber,town,msisdn", *rows, ""]), encoding="utf-8")
    stayline.succeeds("import", "table.csv", "--mapping", "mapping.yaml", "--as-of", "2026-10-31")


def versions(store: psycopg.Connection) -> list[tuple[object, ...]]:
    query = (
        "SELECT subscriber_id, version, profile ->> 'region', profile -> 'contact_fields' FROM profile_versions"
        " ORDER BY 1, 2"
    )
    return store.execute(query).fetchall()


def test_an_import_keeps_versions_and_phone_indexes(
    stayline: Command, store: psycopg.Connection, tmp_path: Path
) -> None:
    begun = datetime.now(UTC)
    both = ("s-1,North,+8613877001199", "s-2,South,")
    import_(stayline, tmp_path, *both)
    import_(stayline, tmp_path, *both)
    first = [("s-1", 1, "North", ["phone"]), ("s-2", 1, "South", [])]
    assert versions(store) == first

    import_(stayline, tmp_path, both[0], "s-2,West,")
    assert versions(store) == [*first, ("s-2", 2, "West", [])]
    indexed = store.execute("SELECT subscriber_id FROM subscribers WHERE phone_index IS NOT NULL").fetchall()
    assert indexed == [("s-1",)]
    since = store.execute("SELECT min(since), max(since) FROM profile_versions").fetchone()
    assert since
    assert begun <= since[0] < since[1] <= datetime.now(UTC)
