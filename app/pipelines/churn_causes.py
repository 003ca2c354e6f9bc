"""The shipped rules about why subscribers leave, and what they say of a table's leavers."""

from importlib.resources import files
from itertools import compress
from pathlib import Path

import yaml
from pydantic import TypeAdapter, ValidationError

from app.domain.churn_causes import CauseRuleRefused, CauseRules, Causes, summarise
from app.ml.dataset import Dataset

_rules = TypeAdapter(CauseRules)


def read_rules(path: Path | None = None) -> CauseRules:
    """Read a file of rules; the shipped one unless a path is given. Raises CauseRuleRefused."""
    source = path or files("app") / "catalogue" / "churn_causes.yaml"
    try:
        return _rules.validate_python(yaml.safe_load(source.read_text(encoding="utf-8")))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise CauseRuleRefused(f"{source} cannot be read as YAML") from error
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        raise CauseRuleRefused(f"{source}: {where}: {first['msg']}") from error


def causes_of_leavers(dataset: Dataset, rules: CauseRules) -> Causes | None:
    """Say why the positive rows left; None where the table holds no fact that any rule asks for."""
    names = sorted(rules.facts & dataset.columns.keys())
    if not names:
        return None
    rows = zip(*(dataset.columns[name] for name in names), strict=True)
    return summarise((dict(zip(names, row, strict=True)) for row in compress(rows, dataset.labels.tolist())), rules)
