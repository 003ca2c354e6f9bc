"""What a bundle says about itself: `manifest.json`, validated strictly because nothing in a model file is trusted."""

import hashlib
import json
from itertools import pairwise
from typing import Annotated, Any, Final, Literal, Self, TypeAlias

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, ValidationError, model_validator

from app.domain.features import LARGEST_FLOAT32, LONGEST_LEVEL, Feature, FeatureType, is_protected
from app.domain.formulas import LONGEST_FORMULA, Formula, parse_formula
from app.errors import Invalid

FORMAT = 2
MODEL: Final = "model.onnx"
MOST_CUTS: Final = 20
MOST_LEVELS: Final = 10_000

ChurnKind: TypeAlias = Literal["port_out", "downgrade", "arpu_decline"]
# What a bundle is active as: the model of a kind of churn, or that of what actions change.
Role: TypeAlias = Literal[ChurnKind, "uplift"]
UPLIFT: Final = "uplift"
ARM: Final = "arm"  # the input that says which action is taken
Name: TypeAlias = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_-]{0,63}$")]
Version: TypeAlias = Annotated[str, Field(pattern=r"^[0-9]{8}-[0-9a-f]{12}$")]
Sha256: TypeAlias = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
Share: TypeAlias = Annotated[float, Field(ge=0, le=1)]
NotNegative: TypeAlias = Annotated[float, Field(ge=0)]
Count: TypeAlias = Annotated[int, Field(ge=0)]
Index: TypeAlias = Annotated[int, Field(ge=0)]
Cell: TypeAlias = Annotated[float, Field(ge=-LARGEST_FLOAT32, le=LARGEST_FLOAT32)]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, allow_inf_nan=False)


class AcceptedFeature(_Part):
    """A raw feature that may be sent with a question. The model may read it, derive from it, or pass it over."""

    name: str = Field(min_length=1, max_length=128)
    type: FeatureType
    unit: str | None = Field(max_length=32)
    minimum: float | None
    maximum: float | None
    levels: tuple[Annotated[str, Field(max_length=LONGEST_LEVEL)], ...] = Field(max_length=MOST_LEVELS)
    nullable: bool

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        number, category = self.type is FeatureType.NUMBER, self.type is FeatureType.CATEGORY
        _require(number or (self.minimum is None and self.maximum is None), "only a number has a range")
        _require(
            self.minimum is None or self.maximum is None or self.minimum <= self.maximum, "minimum exceeds maximum"
        )
        _require(category or not self.levels, "only a category has levels")
        _require(len(set(self.levels)) == len(self.levels), "a level is repeated")
        return self

    def to_feature(self) -> Feature:
        return Feature(**dict(self))


class InputFeature(AcceptedFeature):
    """One column of the model's input; see `app.ml.features` for how a value becomes its cell."""

    @model_validator(mode="after")
    def _can_be_read(self) -> Self:
        _require(not is_protected(self.name), "a protected attribute is never a model input")
        _require(self.type is not FeatureType.DATE, "a date is never a model input, only what is derived from it")
        _require(self.type is not FeatureType.CATEGORY or bool(self.levels), "a category has levels")
        return self


class DerivedFeature(_Part):
    """A feature computed from raw ones, never sent; see `app.domain.formulas`."""

    name: str = Field(min_length=1, max_length=128)
    formula: str = Field(min_length=1, max_length=LONGEST_FORMULA)
    unit: str | None = Field(max_length=32)

    @model_validator(mode="after")
    def _is_understood(self) -> Self:
        try:
            self.parsed()
        except Invalid as error:
            raise ValueError(error.detail) from None
        return self

    def parsed(self) -> Formula:
        return parse_formula(self.formula)


class ShortTenure(_Part):
    """Subscribers the model was not made for: those whose `feature` is below `months`. They are scored and flagged."""

    feature: str = Field(min_length=1, max_length=128)
    months: float = Field(gt=0, le=1200)


class Bands(_Part):
    """The least probability of each risk band; below `medium` the band is low."""

    medium: Share
    high: Share
    critical: Share

    @model_validator(mode="after")
    def _ascends(self) -> Self:
        _require(self.medium <= self.high <= self.critical, "bands must ascend")
        return self


class Intervals(_Part):
    """The ends of each measure's 95 % interval."""

    auroc: tuple[Share, Share]
    pr_auc: tuple[Share, Share]
    log_loss: tuple[NotNegative, NotNegative]
    brier: tuple[Share, Share]
    ece: tuple[Share, Share]
    top_decile_lift: tuple[NotNegative, NotNegative]
    empc: tuple[NotNegative, NotNegative]


class Metrics(_Part):
    """How the model does on the held-out rows, which it never saw. See `app.ml.training.measures` for each formula.

    `empc` is money a subscriber, in the currency in which a subscriber is worth 200 (see `app.ml.training.profit`).
    """

    auroc: Share
    pr_auc: Share
    log_loss: NotNegative
    brier: Share
    ece: Share
    top_decile_lift: NotNegative
    empc: NotNegative
    intervals: Intervals
    rows: Count
    positives: Count
    base_rate: Share


class Distribution(_Part):
    """How many rows fell into each bin of one column: 0 is missing, and a cell x is in 1 + the number of cuts <= x."""

    cuts: tuple[Cell, ...] = Field(max_length=MOST_CUTS)
    counts: tuple[Count, ...]

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        _require(all(cut < above for cut, above in pairwise(self.cuts)), "cuts must ascend")
        _require(len(self.counts) == len(self.cuts) + 2, "there must be a count for each bin")
        _require(sum(self.counts) > 0, "no row was counted")
        return self


class Reference(_Part):
    """What recent traffic is compared with: the training rows, in the order of `features`, and held-out scores.

    Cuts and cells are as the model's input has them; see `app.ml.features`.
    """

    features: tuple[Distribution, ...] = Field(max_length=1000)
    score: Distribution


class Training(_Part):
    """What the model was made from. `share` of the subscribers was trained on; the others are the held-out rows."""

    rows: Count
    positives: Count
    seed: int
    share: Share
    libraries: dict[str, str]
    data_sha256: Sha256
    dropped: dict[str, str] = Field(description="columns of the table that are no input, each with its reason")
    excluded: dict[str, Count] = Field(description="rows of the table that were left out, by reason")


class Purpose(_Part):
    """What a model is for, and when it was made. `label_note` says what its label really is."""

    churn_kind: ChurnKind
    horizon_days: int = Field(ge=1, le=3660)
    label_note: str = Field(max_length=1000)
    trained_at: AwareDatetime


class Figure(_Part):
    """A measure with the ends of its 95 % interval."""

    value: float
    low: float
    high: float


class Reliability(_Part):
    """Rows whose predicted gain lies below `upto`, the last ones without an end: predicted and measured, on average."""

    upto: float | None
    predicted: float
    measured: Figure
    rows: Count


class ArmEffect(_Part):
    """What an arm changes on average: `gain` in probability, `share` of the outcomes that come without it.

    `reliability` tells by predicted gain, in ascending order, how far such predictions can be believed.
    """

    gain: Figure
    share: Figure
    rows: Count
    outcomes: Count
    reliability: tuple[Reliability, ...] = Field(min_length=1, max_length=20)


class Uplift(_Part):
    """What a model of effects was learned from, and whether it may rank.

    Every figure is out of fold: of rows that the model it judges never saw. `is_randomised`: the propensities of the
    log were known. `beats_risk`: ranking by uplift beats ranking by risk, with the best single arm, beyond chance.
    """

    control: str = Field(min_length=1, max_length=LONGEST_LEVEL)
    goal: Literal["lower", "raise"]
    is_randomised: bool
    beats_risk: bool
    qini: dict[str, Figure]
    gap: Figure
    arms: dict[str, ArmEffect] = Field(min_length=1, max_length=100)


class Canary(_Part):
    """Made-up rows as the model's input has them, null for NaN, and the logit that the model gives each of them."""

    rows: tuple[tuple[Cell | None, ...], ...] = Field(min_length=1, max_length=32)
    logits: tuple[float, ...]


class Manifest(Purpose):
    """One version of one model. `terms` index into `features`; the logit is `intercept` + the sum of the terms."""

    format: Literal[2]
    name: Name
    version: Version
    features: tuple[InputFeature, ...] = Field(min_length=1, max_length=1000)
    derived: tuple[DerivedFeature, ...] = Field(max_length=200, description="which of the features are computed")
    accepted: tuple[AcceptedFeature, ...] = Field(
        max_length=1000, description="what may be sent besides, and is not an input"
    )
    terms: tuple[Annotated[tuple[Index, ...], Field(min_length=1, max_length=2)], ...] = Field(min_length=1)
    intercept: float
    bands: Bands
    short_tenure: ShortTenure | None
    metrics: Metrics
    training: Training
    reference: Reference
    canary: Canary
    uplift: Uplift | None = None
    files: dict[Literal["model.onnx", "report.json", "report.html"], Sha256] = Field(min_length=1)
    manifest_sha256: Sha256

    @property
    def role(self) -> Role:
        return UPLIFT if self.uplift else self.churn_kind

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        names = [feature.name for feature in self.features]
        if self.uplift:
            arms = next((feature.levels for feature in self.features if feature.name == ARM), ())
            _require(arms == (self.uplift.control, *self.uplift.arms), "its arms are not the levels of its input arm")
        _require(len(set(names)) == len(names), "a feature is repeated")
        _require(len(set(self.terms)) == len(self.terms), "a term is repeated")
        _require(all(term[0] < term[-1] for term in self.terms if len(term) > 1), "a pair must name two features")
        _require(all(term[-1] < len(names) for term in self.terms), "a term names a feature that is not there")
        _require(len(self.reference.features) == len(names), "the reference does not describe the features")
        widths = {len(row) for row in self.canary.rows}
        _require(widths == {len(names)}, "a canary row must have one cell a feature")
        _require(len(self.canary.rows) == len(self.canary.logits), "a canary row must have one logit")
        _require(MODEL in self.files, "files must name the model")
        _require(self.version.endswith("-" + self.files[MODEL][:12]), "version does not name its model")
        return self

    @model_validator(mode="after")
    def _can_be_fed(self) -> Self:
        made = {derived.name for derived in self.derived}
        others = {feature.name: feature.type for feature in self.accepted}
        raw = {feature.name: feature.type for feature in self.features if feature.name not in made} | others
        _require(len(made) == len(self.derived), "a derived feature is repeated")
        _require(len(made) + len(raw) == len(self.features) + len(self.accepted), "a feature is accepted twice")
        for derived in self.derived:
            formula = derived.parsed()
            _require(formula.operands <= raw.keys(), "a formula names a feature that is neither input nor accepted")
            _require(not any(map(is_protected, formula.operands)), "a formula reads a protected attribute")
            dates = {name for name in formula.operands if raw[name] is FeatureType.DATE}
            _require(dates == formula.dates, "a formula takes a date for a number, or the other way round")
        return self


def seal(fields: dict[str, Any]) -> bytes:
    """Return the text of a manifest of these JSON fields, its own checksum added. Raises ValueError as `parse` does."""
    sealed = {**fields, "manifest_sha256": _digest(fields)}
    text = json.dumps(sealed, indent=2, ensure_ascii=False, allow_nan=False).encode()
    parse(text)
    return text


def parse(text: bytes) -> Manifest:
    """Read a manifest. Raises ValueError saying what is wrong with it, without repeating the file's contents."""
    fields = _read_object(text)
    try:
        manifest = Manifest.model_validate_json(text)
    except ValidationError as error:
        raise ValueError(first_problem(error)) from None
    fields.pop("manifest_sha256")
    _require(_digest(fields) == manifest.manifest_sha256, "its own checksum does not match")
    return manifest


def first_problem(error: ValidationError) -> str:
    """Say where and what the first problem is, without the value."""
    first = error.errors(include_url=False, include_input=False)[0]
    return ": ".join([*filter(None, [".".join(map(str, first["loc"]))]), first["msg"].removeprefix("Value error, ")])


def _read_object(text: bytes) -> dict[str, Any]:
    try:
        fields = json.loads(text, object_pairs_hook=_without_repeats)
    except (ValueError, RecursionError):
        raise ValueError("not valid JSON") from None
    if not isinstance(fields, dict):
        raise ValueError("not a JSON object")  # noqa: TRY004  # the file is wrong, not the caller's type
    return fields


def _without_repeats(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    # Two readers of a repeated key may each believe another value: then the checksum covers neither.
    _require(len({key for key, _ in pairs}) == len(pairs), "a key is repeated")
    return dict(pairs)


def _digest(fields: dict[str, Any]) -> str:
    canonical = json.dumps(fields, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
    return hashlib.sha256(canonical.encode()).hexdigest()


def _require(holds: bool, otherwise: str) -> None:  # noqa: FBT001  # reads as a sentence: require this, otherwise that
    if not holds:
        raise ValueError(otherwise)
