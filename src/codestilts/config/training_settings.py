"""Settings of the jobs that train or predict: what decides the outputs of each job and no more.

:mod:`codestilts.config.training_jobs` makes them from a study. They are in a module of their own because training
reads them: a change to how a study is read must not change the code digest of every training job.
"""

import json
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

Precision = Literal["fp32", "bf16", "fp16"]
Init = Literal["pretrained", "random"]
Selection = Literal["last", "dev", "oracle"]
Head = Literal["published", "quick"]
Mixture = Literal["examples", "steps"]
MAX_LENGTH = 128  # tokens of a sequence, where a task file sets no max_length


@dataclass(frozen=True)
class TaskOptions:
    """Options of the task types (:class:`codestilts.config.schema_task.Options` describes each)."""

    pairs: Literal["cross", "dual", "product"] = "cross"
    multi: bool = False
    answer: str | None = None
    stride: int | None = None
    no_answer: bool = False
    layer: int = -1
    sweep: bool = True
    protocol: Literal["rank", "mining", "map"] = "rank"
    output_tokens: int = 48
    beams: int = 1
    decoder_layers: int = 2
    label_smoothing: float = 0.0


@dataclass(frozen=True)
class TaskSettings:
    """The part of a task that training and prediction depend on.

    A seed trains on ``drawn`` of the task's training rows, but at most on the share ``most_drawn`` of them; if
    ``drawn`` is 0, on all. The share ``flipped`` of the rows that it trains on gets a wrong label.
    """

    type: str
    metric: str
    labels: tuple[str, ...] = ()
    max_length: int = MAX_LENGTH
    options: TaskOptions = field(default_factory=TaskOptions)
    head: Head = "quick"
    drawn: int = 0
    most_drawn: float = 1.0
    flipped: float = 0.0


@dataclass(frozen=True)
class EncodingSettings:
    """The part of a task that its encoding depends on.

    Training examples whose similarity to a tested one is at least ``similarity`` are left out; 0 keeps all.
    """

    type: str
    labels: tuple[str, ...] = ()
    max_length: int = MAX_LENGTH
    options: TaskOptions = field(default_factory=TaskOptions)  # those of :data:`ENCODING_OPTIONS`
    similarity: float = 0.0


# Options of the task types that decide tokens and labels; the others are read by heads and by decoding.
ENCODING_OPTIONS = ("pairs", "multi", "answer", "stride", "no_answer", "output_tokens")


@dataclass(frozen=True)
class LoraSettings:
    """Low-rank adapters (Hu et al. 2022, arXiv 2106.09685)."""

    rank: int
    alpha: int
    modules: tuple[str, ...]
    learning_rate_factor: float


@dataclass(frozen=True)
class TrainingSettings:
    """Settings of one training job: a batch of seeds of one arm, in the intermediate phase or on one target.

    The budget is ``steps`` of ``tokens_per_step``; with ``epochs`` (a published recipe) it is epochs of batches of
    ``batch_size`` examples instead. New heads have their own ``head_learning_rate`` if there is one. ``lora`` is set
    if adapters are trained instead of the encoder's weights. The fields from ``target`` to ``keep_models`` are
    those of targets; dev rows are those of ``source_language``, or all where it is empty. ``store_precision`` is that
    of the weights on disk. With ``freeze_decoder``, what decoders have copied from the encoder stays.
    A rate that trials choose is multiplied by ``trial_factor``.
    Jobs have one of the CPU's ``threads``, so that results do not depend on the number of cores.
    """

    study: str
    encoder: str
    arm: str
    phase: Literal["intermediate", "target"]
    seeds: tuple[int, ...]
    tasks: dict[str, TaskSettings]
    init: Init
    learning_rate: float
    warmup: float
    weight_decay: float
    clip: float
    dropout: float
    freeze_embeddings: bool
    cap: int
    evaluations: int
    checkpoint_minutes: float
    precision: Precision
    tf32: bool
    steps: int = 0
    tokens_per_step: int = 0
    epochs: float = 0.0
    batch_size: int = 0
    shuffle_labels: bool = False
    lora: LoraSettings | None = None
    target: str = ""
    source_language: str = ""
    selection: tuple[Selection, ...] = ()
    keep_models: bool = True
    head_learning_rate: float | None = None
    mixture: Mixture = "examples"
    store_precision: Precision = "fp32"
    freeze_decoder: bool = False
    trial_factor: float = 1.0
    threads: int = 1

    @property
    def label(self) -> str:
        """The name of the job in messages: encoder, arm and target."""
        return " / ".join(filter(None, (self.encoder, self.arm, self.target)))

    def task_weight(self, examples: int, mean_tokens: float) -> float:
        """Weight of a task in the steps: examples-proportional with a cap (Raffel et al. 2020, section 3.5.2).

        A step is a number of tokens, not of examples. The weight is therefore the (capped) number of examples times
        their mean tokens; with ``mixture: steps`` it is the number of examples alone.
        """
        return min(examples, self.cap) * (mean_tokens if self.mixture == "examples" else 1.0)


@dataclass(frozen=True)
class TuningSettings:
    """Settings of the learning-rate trials of a target: those of its training, with one seed, and the rates.

    With ``tests``, the test rows are scored too; no choice reads these scores.
    """

    training: TrainingSettings
    learning_rates: tuple[float, ...]
    tests: bool = False


@dataclass(frozen=True)
class DoseSettings:
    """Settings of the trials of an arm's intermediate learning rate, with one seed.

    ``intermediate`` is None for the arm ``none``, whose only trial is the reference of the others. ``targets`` are
    trained after it; ``groups`` has the group of each, and all groups have the same weight in the choice. ``held_out``
    are the tasks of masked language modelling whose dev texts show what the encoder forgets. With ``tests``, the test
    rows of the targets are scored too; no choice reads these scores.
    """

    intermediate: TrainingSettings | None
    learning_rates: tuple[float, ...]
    targets: dict[str, TrainingSettings]
    groups: dict[str, str]
    held_out: dict[str, TaskSettings] = field(default_factory=dict)
    tests: bool = False


@dataclass(frozen=True)
class RetrievalSettings:
    """Settings of frozen retrieval: the untrained targets are predicted with the encoders of a batch of seeds.

    ``layers`` are the blocks of the layer sweep.
    """

    study: str
    encoder: str
    arm: str
    seeds: tuple[int, ...]
    tasks: dict[str, TaskSettings]
    init: Init
    layers: tuple[int, ...]
    precision: Precision
    tf32: bool
    threads: int = 1


def to_plain(settings: TrainingSettings | TuningSettings | DoseSettings | RetrievalSettings) -> dict[str, Any]:
    """Return settings as they are read back from JSON."""
    return dict(json.loads(json.dumps(asdict(settings))))
