"""Settings of the jobs that score, compare and report. Each object holds what decides the outputs of its job and no
more, so that a change to a study reruns only the jobs it concerns.

:mod:`codestilts.config.analysis_jobs` makes them from a study. They are in a module of their own because scripts read
them: a change to how a study is read must not change the code digest of every job.
"""

from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class ScoredTarget:
    """The metric of a target and, for classification, the labels that its task file declares."""

    metric: str
    labels: tuple[str, ...] = ()


@dataclass(frozen=True)
class ScoreSettings:
    """Settings for scoring the predictions of one encoder-arm pair, or those of the trivial baselines.

    ``checkpoint`` is the kind of checkpoint that effects are computed from.
    """

    targets: dict[str, ScoredTarget]
    checkpoint: str


@dataclass(frozen=True)
class SimilaritySettings:
    """Settings for measuring how similar programming languages are to the source language."""

    source_language: str
    seen_languages: tuple[str, ...]


@dataclass(frozen=True)
class ComparedArm:
    """An arm as statistics know it.

    ``base`` is the arm that a variant is compared with, ``controls_for`` the families that a control is compared with,
    and ``overlaps`` the targets that are made of the same data as the arm's ``tasks``. ``form`` is that of its only
    task and ``domain`` that of all its tasks, if the arm represents them (:class:`codestilts.config.schema.Arm`);
    ``near`` are the targets whose form and material one of them shares. A ``mixture`` has several tasks.
    """

    family: str
    init: str = "pretrained"
    base: str | None = None
    controls_for: tuple[str, ...] = ()
    overlaps: tuple[str, ...] = ()
    form: str | None = None
    domain: str | None = None
    near: tuple[str, ...] = ()
    mixture: bool = False
    tasks: tuple[str, ...] = ()


@dataclass(frozen=True)
class ComparedTarget:
    """A target as statistics know it; ``source_language`` is the language that it is fine-tuned in."""

    metric: str
    group: str
    suite: str
    source_language: str
    trained: bool = True
    form: str | None = None


@dataclass(frozen=True)
class ComparisonSettings:
    """Settings for the tables of scores, effects, contrasts, target checks and counts.

    ``languages`` are the real ones, ``pretraining_languages`` maps each encoder to those of its pretraining data,
    ``checkpoint`` is the kind of checkpoint that effects are computed from. From ``contrast`` to ``interval`` they are
    the study's ``statistics``. If a target shares more than ``flagged_share`` of its tested examples with an arm,
    contrasts are also given without this pair.
    """

    arms: dict[str, ComparedArm]
    targets: dict[str, ComparedTarget]
    languages: tuple[str, ...]
    seen_languages: tuple[str, ...]
    pretraining_languages: dict[str, tuple[str, ...]]
    checkpoint: str
    contrast: tuple[str, str]
    language_set: str
    resamples: int
    confidence: float
    margin: float
    seed: int
    interval: str = "crossed_t"
    flagged_share: float = 1.0
    invented_languages: tuple[str, ...] = ()


@dataclass(frozen=True)
class SourceLanguageSettings:
    """Settings for comparing source languages: ``bases`` maps each of the compared targets and twins to its target."""

    comparison: ComparisonSettings
    bases: dict[str, str]


@dataclass(frozen=True)
class SampledTarget:
    """The task type of a target, and how its predictions are made where it is a retrieval task."""

    type: str
    protocol: str = "rank"


@dataclass(frozen=True)
class SamplePredictionsSettings:
    """Settings for drawing the examples whose predictions the report shows."""

    targets: dict[str, SampledTarget]
    source_language: str
    seen_languages: tuple[str, ...]


@dataclass(frozen=True)
class EffectFigureSettings:
    """Settings of the notebook that draws effects and contrasts; ``scopes`` are groups of targets and their means."""

    scopes: tuple[str, ...]
    language_set: str
    margin: float
    confidence: float


@dataclass(frozen=True)
class LanguageFigureSettings:
    """Settings of the notebook that draws scores and contrasts per language; ``targets`` in the order of the study."""

    targets: tuple[str, ...]
    source_language: str


@dataclass(frozen=True)
class ReportedArm:
    """An arm as the report describes it."""

    family: str
    tasks: tuple[str, ...] = ()
    init: str = "pretrained"
    shuffle_labels: bool = False
    flip_labels: dict[str, float] = field(default_factory=dict)
    starts_from: str = ""  # the arm whose intermediate models it starts from, if not its own


@dataclass(frozen=True)
class TrainingFigureSettings:
    """Settings of the notebook that draws training.

    ``shown_arms`` are those whose dev curves are drawn, ``metrics`` the main metric of each target.
    """

    arms: dict[str, ReportedArm]
    shown_arms: tuple[str, ...]
    metrics: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class GenerationFigureSettings:
    """Settings of the notebook that draws generated texts.

    These are the metric of each target, the compared checkpoint, and the arms that differ in the training of targets
    alone.
    """

    metrics: dict[str, str]
    checkpoint: str
    alike: tuple[str, ...]


@dataclass(frozen=True)
class TransferabilityFigureSettings:
    """Settings of the notebook that judges rankings of intermediate tasks."""

    confidence: float


@dataclass(frozen=True)
class DoseFigureSettings:
    """Settings of the notebook that draws the trials of intermediate learning rates."""

    comparison: ComparisonSettings


@dataclass(frozen=True)
class ReportSettings:
    """Settings of the report.

    ``sampled`` maps targets to the splits of a published data set of which the study draws only a part, ``budgets`` are
    the study's training settings as the report prints them, ``sources`` the archives that it fetched. ``doses`` tells
    whether trials choose the intermediate learning rates, ``generation`` whether a target is a task of generation,
    ``transferability`` the number of rows that intermediate tasks were ranked by, or 0. ``source_languages`` are all
    of them if there are several; ``gpus`` says how many GPUs train a model of an encoder together, if any.
    ``encoder_sources`` maps each encoder to the row of ``sources.csv`` that it comes from.
    """

    study: str
    rehearsal: bool
    encoders: tuple[str, ...]
    arms: dict[str, ReportedArm]
    seeds: tuple[int, ...]
    source_language: str
    sampled: dict[str, tuple[str, ...]]
    budgets: dict[str, Any]
    sources: tuple[str, ...]
    comparison: ComparisonSettings
    doses: bool = False
    generation: bool = False
    transferability: int = 0
    source_languages: tuple[str, ...] = ()
    gpus: dict[str, int] = field(default_factory=dict)
    encoder_sources: dict[str, str] = field(default_factory=dict)
