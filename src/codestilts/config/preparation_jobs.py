"""Settings of the jobs that fetch, extract and build, made from a study."""

import math

from codestilts.config.encoder_limits import EncoderRequirements
from codestilts.config.preparation_settings import (
    BaselineSettings,
    BuildSettings,
    ClusteringSettings,
    ExtractionSettings,
    SourceSettings,
)
from codestilts.config.study import Study
from codestilts.seeding import derive_seed


def source_settings(study: Study, source: str) -> SourceSettings:
    """Settings for fetching an archive."""
    row = study.sources[source]
    return SourceSettings(row.kind, row.id, row.version, row.file, row.sha256, row.keep)


def encoder_requirements(study: Study, encoder: str) -> EncoderRequirements:
    """What the study requires of an encoder's architecture."""
    targets = {arm: targets for (name, arm), targets in study.encoder_arms.items() if name == encoder}
    arms = {*targets, *(arm for name, arm in study.intermediate_models if name == encoder)}
    names = {task for arm in arms for task in [*study.arms[arm].tasks, *targets.get(arm, [])]}
    tasks = [study.tasks[name] for name in sorted(names)]
    definition, budget = study.encoder(encoder), study.config.target
    modules: dict[str, tuple[str, ...]] = {}
    for name, arm, target in study.runs:
        if name == encoder and study.arms[arm].method == "lora":
            if definition.lora_modules:
                modules[f"definitions.encoders.{encoder}.lora_modules"] = tuple(definition.lora_modules)
                continue
            modules["target.lora.modules"] = tuple(budget.lora.modules)
            if own := budget.own(target).get("lora", {}).get("modules"):
                modules[f"target.tasks.{target}.lora.modules"] = tuple(own)
    blocks: dict[str, tuple[int, ...]] = {
        f"definitions.encoders.{encoder}.layer": (definition.layer,),
        f"definitions.encoders.{encoder}.layers": tuple(definition.layers),
    }
    lengths = {f"{task.file}: max_length": task.max_length for task in tasks}
    new_decoders: list[str] = []
    for task in tasks:
        if task.options.layer and task.options.layer > 0:
            blocks[f"{task.file}: options.layer"] = (task.options.layer,)
        if task.type == "generation":
            if not definition.decoder:
                blocks[f"{task.file}: options.decoder_layers"] = (task.options.decoder_layers,)
                new_decoders.append(task.file)
            lengths[f"{task.file}: options.output_tokens"] = task.options.output_tokens
    has_decoder = definition.decoder is not None
    return EncoderRequirements(encoder, lengths, blocks, modules, has_decoder, tuple(new_decoders))


def extraction_settings(study: Study, language: str) -> ExtractionSettings:
    """Settings for extracting the functions of a language."""
    names = study.sources_of_language(language)
    return ExtractionSettings({name: study.sources[name].split[language] for name in names})


def sizes_of(study: Study, task: str) -> dict[str, int]:
    """The sizes that the study asks for; train is what one seed trains on.

    The study's common sizes do not apply to the splits that a task file calls ``whole``, except in a rehearsal.
    """
    data = study.config.data
    common = data.target if study.role(task) == "target" else data.intermediate
    whole = [] if study.config.rehearsal else study.tasks[task].whole
    sizes = {size: count for size, count in common.given().items() if size.partition("_")[0] not in whole}
    own = data.tasks.get(study.base(task))
    return sizes | (own.given() if own else {})


def drawn_size(study: Study, task: str) -> int | None:
    """Return how many training rows one seed draws, if there are enough; None means all."""
    return study.tasks[task].build.texts or sizes_of(study, task).get("train")


def drawn_rows(study: Study, task: str, pool: int) -> int:
    """How many of a task's training rows one seed trains on."""
    draw, size = study.config.data.draw, drawn_size(study, task)
    return pool if draw.fixed or size is None else min(size, math.ceil(draw.most * pool))


def build_settings(study: Study, task: str) -> BuildSettings:
    """Settings for building the examples of a task; its training rows are the pool from which seeds draw.

    A twin has the name and the seed of its target, so that both are tested on the same rows.
    """
    sizes, draw = sizes_of(study, task), study.config.data.draw
    if "train" in sizes and not draw.fixed:
        sizes["train"] *= draw.pool
    return BuildSettings(
        task=study.base(task),
        role=study.role(task),
        languages=tuple(study.task_languages(task)),
        source_language=study.source_language(task),
        seed=derive_seed(study.name, "examples", study.base(task)),
        study=study.name,
        rehearsal=study.config.rehearsal,
        **sizes,
    )


def clustering_settings(study: Study) -> ClusteringSettings:
    """Settings for clustering the texts of all examples."""
    return ClusteringSettings((*study.targets, *study.twins), study.config.leakage.similarity)


def baseline_settings(study: Study, target: str) -> BaselineSettings:
    """Settings for the trivial baselines of a target."""
    task = study.tasks[target]
    source = study.source_language(target) if task.type == "generation" else ""
    return BaselineSettings(task.type, task.options.protocol, source, task.metric)
