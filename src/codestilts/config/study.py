"""A study: a validated config with the tasks and sources that it names, and the grid of runs that follows from them."""

import itertools
from dataclasses import dataclass, field
from functools import cached_property
from typing import Literal

from codestilts.columns import DOMAIN_FAMILIES
from codestilts.config.batches import batches
from codestilts.config.lineage import ancestors, sets_of
from codestilts.config.named import Named
from codestilts.config.schema import Arm, Block, Config, Encoder
from codestilts.config.schema_claims import Claim
from codestilts.config.schema_task import TaskSpec
from codestilts.config.scopes import ALL_GROUPS, target_scopes
from codestilts.invented import real_language
from codestilts.sources.table import Source


@dataclass(frozen=True, eq=False)  # a study equals only itself, so that what follows from it can be cached
class Study:
    """A validated config with all tasks, sources and claims of the project."""

    config: Config
    tasks: dict[str, TaskSpec]
    sources: dict[str, Source]
    lineage: dict[str, list[str]] = field(default_factory=dict)
    claims: dict[str, Claim] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """The study's name, which is also its folder under ``results/``."""
        return self.config.study

    @property
    def encoders(self) -> list[str]:
        """The pretrained encoders of the study."""
        return self.config.encoders

    @property
    def targets(self) -> list[str]:
        """All target tasks, trained or not."""
        return self.config.targets

    @cached_property
    def batches(self) -> dict[str, list[int]]:
        """The seeds of each training job by the name of the batch, such as ``0-2``."""
        return Named("batch of seeds", batches(self.config.seeds, self.config.seeds_per_job))

    @cached_property
    def arms(self) -> dict[str, Arm]:
        """The arms of the study; an arm without a definition is the task of that name, and its family the suite's."""
        defined = self.config.definitions.arms
        arms = {
            name: defined.get(name) or Arm.model_validate({"family": self.tasks[name].suite, "tasks": [name]})
            for name in self.config.arms
        }
        return Named("arm", arms)

    @cached_property
    def encoder_arms(self) -> dict[tuple[str, str], list[str]]:
        """The targets of each encoder-arm pair of the grid. Every pair has all untrained targets."""
        chosen: dict[tuple[str, str], set[str]] = {}
        for block in self.config.grid or [Block()]:
            pairs = itertools.product(block.encoders or self.encoders, block.arms or self.config.arms)
            for pair in pairs:
                chosen.setdefault(pair, set(self.untrained_targets)).update(block.targets or self.targets)
        return {
            pair: [target for target in self.targets if target in targets] for pair, targets in sorted(chosen.items())
        }

    @cached_property
    def runs(self) -> list[tuple[str, str, str]]:
        """Every encoder, arm and trained target of the grid."""
        trained = set(self.trained_targets)
        return [
            (*pair, target) for pair, targets in self.encoder_arms.items() for target in targets if target in trained
        ]

    @cached_property
    def twins(self) -> list[str]:
        """The targets that are trained in another source language than the first (:mod:`source_languages`)."""
        return [name for name, spec in self.tasks.items() if spec.base]

    @cached_property
    def twin_runs(self) -> list[tuple[str, str, str]]:
        """Every encoder, arm and twin of a target of the grid."""
        runs = itertools.product(self.encoder_arms.items(), self.twins)
        return [(*pair, twin) for (pair, targets), twin in runs if self.base(twin) in targets]

    def base(self, task: str) -> str:
        """The task whose file and settings a task has: a twin's target, or itself."""
        return self.tasks[task].base or task

    @cached_property
    def intermediate_models(self) -> list[tuple[str, str]]:
        """Every encoder-arm pair whose intermediate training the grid needs, for itself or for a variant."""
        parents = [(encoder, self.parent_arm(arm)) for encoder, arm in self.encoder_arms]
        return list(dict.fromkeys((encoder, arm) for encoder, arm in parents if arm))

    @cached_property
    def encoded_tasks(self) -> list[tuple[str, str]]:
        """Every encoder with each task that it is trained on or predicts."""
        trained = [(encoder, task) for encoder, arm in self.intermediate_models for task in self.arms[arm].tasks]
        predicted = [(pair[0], target) for pair, targets in self.encoder_arms.items() for target in targets]
        predicted += [(encoder, twin) for encoder, _, twin in self.twin_runs]
        held_out = itertools.product(self.encoders, self.held_out_texts)
        return list(dict.fromkeys([*trained, *predicted, *held_out]))

    def parent_arm(self, arm: str) -> str | None:
        """The arm whose intermediate models an arm starts from: the first with tasks of it, its base and so on."""
        chain, name = list[str](), arm
        while name in self.arms and name not in chain:
            if self.arms[name].tasks:
                return name
            chain.append(name)
            name = self.arms[name].base or ""
        return None

    @cached_property
    def kept_arms(self) -> list[str]:
        """The arms whose models are kept."""
        kept = self.config.keep_models
        return list(self.arms) if kept == "all" else [] if kept == "none" else kept

    @cached_property
    def kept_parents(self) -> list[str]:
        """The arms whose intermediate models are kept: those that kept arms start from."""
        return list(dict.fromkeys(parent for arm in self.kept_arms if (parent := self.parent_arm(arm))))

    @cached_property
    def trained_targets(self) -> list[str]:
        """The targets that are fine-tuned."""
        return [name for name in self.targets if self.tasks[name].trained]

    @cached_property
    def untrained_targets(self) -> list[str]:
        """The targets of frozen retrieval, for which the encoder is not trained."""
        return [name for name in self.targets if name not in self.trained_targets]

    @cached_property
    def intermediate_tasks(self) -> list[str]:
        """The intermediate tasks of all arms, in order of first use."""
        return list(dict.fromkeys(task for arm in self.arms.values() for task in arm.tasks))

    @cached_property
    def overlaps(self) -> dict[str, list[str]]:
        """For each arm, the targets that are made of the same data as its intermediate tasks."""
        own = {target: self.origins(target) for target in self.targets}
        found = {}
        for arm in self.arms:
            parent = self.parent_arm(arm)  # a variant starts from its base
            known = {name for task in (self.arms[parent].tasks if parent else []) for name in self.origins(task)}
            found[arm] = sorted(target for target in own if own[target] & known)
        return found

    def origins(self, task: str) -> set[str]:
        """The data sets from which a task is made, with their ancestors (``tasks/lineage.yaml``).

        These are the sets that it reads, those of its parts, and the hub's tables of functions.
        """
        found = sets_of(self.tasks[task], self.lineage)
        found.update(name for part in self.parts(task) for name in self.origins(part))
        if self.reads_functions(task):
            read = {name for language in self.task_languages(task) for name in self.sources_of_language(language)}
            found.update(name for name in read if self.sources[name].kind == "hub")
        return ancestors(found, self.lineage)

    @cached_property
    def examples(self) -> list[str]:
        """Every task whose examples are built: intermediate tasks, targets, held-out texts, and the parts of all."""
        used = self.intermediate_tasks + self.targets + self.twins + self.held_out_texts
        parts = [part for task in used for part in self.parts(task)]
        return list(dict.fromkeys(used + parts))

    def parts(self, task: str) -> list[str]:
        """The tasks whose examples the builder of a task reads."""
        own = self.config.data.tasks.get(self.base(task))
        return (own and own.examples_of) or self.tasks[task].examples_of

    def reads_functions(self, task: str) -> bool:
        """Whether a task is made of functions, not of archives or examples of other tasks."""
        return not (self.tasks[task].all_sources or self.tasks[task].examples_of)

    def role(self, task: str) -> Literal["intermediate", "target"]:
        """Whether the study uses a task as a target or for intermediate training."""
        return "target" if self.base(task) in self.targets else "intermediate"

    @property
    def source_languages(self) -> list[str]:
        """The languages that targets are trained in; the first is that of the contrasts."""
        return self.config.source_language

    def source_language(self, task: str) -> str:
        """The language that a target is trained in: that of its file, or else the study's."""
        return self.tasks[task].source_language or self.source_languages[0]

    def task_languages(self, task: str) -> list[str]:
        """The languages of a task in this study. A target has an invented language only together with the real one."""
        data = self.config.data.tasks.get(self.base(task))
        own = data.languages if data else None
        declared = [name for name in self.tasks[task].languages if own is None or name in own]
        if self.reads_functions(task):
            declared = [name for name in declared if self.sources_of_language(name)]
        if self.base(task) not in self.targets:
            return declared
        tested = {*declared} & {*self.config.languages}
        return [name for name in self.config.languages if {name, real_language(name)} <= tested]

    @cached_property
    def tested_languages(self) -> dict[str, list[str]]:
        """The languages of each target."""
        return {target: self.task_languages(target) for target in self.targets}

    @cached_property
    def code_languages(self) -> list[str]:
        """The programming languages whose functions are extracted."""
        tasks = [task for task in self.examples if self.reads_functions(task)]
        return sorted({real_language(name) for task in tasks for name in self.task_languages(task)})

    @cached_property
    def seen_languages(self) -> list[str]:
        """The languages of the code that families read; what only controls and variants read makes none seen."""
        tasks = {task for arm in self.arms.values() if arm.family == "code" for task in arm.tasks}
        families = [arm for arm in self.arms.values() if arm.family in (*DOMAIN_FAMILIES, "mixed")]
        tasks |= {task for arm in families for task in arm.tasks if self.tasks[task].domain == "code"}
        return sorted({language for task in tasks for language in self.task_languages(task)})

    def sources_of_language(self, language: str) -> list[str]:
        """The archives with functions of a programming language.

        Packages of the splits train and dev are used for source languages only. A language that the hub's tables of
        functions have is not extracted from packages.
        """
        used, language = {"intermediate", "test", "parallel", "hub"}, real_language(language)
        if language in self.source_languages:
            used |= {"train", "dev"}
        kinds = self.config.function_sources
        found = [
            name for name, source in self.sources.items() if source.kind in kinds and source.split.get(language) in used
        ]
        return [name for name in found if self.sources[name].kind == "hub"] or found

    def encoder(self, name: str) -> Encoder:
        """The definition of an encoder."""
        return self._encoder_definitions[name]

    @cached_property
    def _encoder_definitions(self) -> dict[str, Encoder]:
        return Named("encoder", self.config.definitions.encoders)

    def gpus(self, encoder: str) -> int:
        """The number of GPUs that a job requests which trains an encoder or predicts with it."""
        return self.encoder(encoder).gpus if self.config.device == "gpu" else 0

    def source_of_encoder(self, encoder: str) -> str:
        """The archive of an encoder."""
        return self.encoder(encoder).source

    @cached_property
    def used_sources(self) -> list[str]:
        """The sources that this study needs."""
        used = {self.source_of_encoder(encoder) for encoder in self.encoders}
        used.update(source for task in self.examples for source in self.tasks[task].all_sources)
        used.update(source for language in self.code_languages for source in self.sources_of_language(language))
        return sorted(used)

    @cached_property
    def unpinned(self) -> list[str]:
        """The used sources whose version is not pinned yet."""
        return [name for name in self.used_sources if not self.sources[name].pinned]

    @property
    def leaves_out(self) -> bool:
        """Whether training leaves out near-duplicates of tested examples; a rehearsal reuses rows across splits."""
        return self.config.leakage.near_duplicates == "leave_out" and not self.config.rehearsal

    @property
    def learning_rates(self) -> list[float]:
        """The learning rates that targets try; none if theirs is given."""
        return self.config.target.learning_rates

    @property
    def held_out_texts(self) -> list[str]:
        """The tasks on whose texts trials of the intermediate learning rate measure what is forgotten."""
        return self.config.intermediate.held_out_texts if self.config.intermediate.learning_rates else []

    @cached_property
    def scopes(self) -> list[str]:
        """The groups of targets and the means over groups that effects are reported for (:mod:`scopes`)."""
        groups = {name: str(self.tasks[name].group) for name in self.targets}
        suites = {name: self.tasks[name].suite for name in self.targets}
        kinds = {scope: kind for scope, (kind, _) in target_scopes(groups, suites).items()}
        means = sorted(scope for scope, kind in kinds.items() if kind == "all" and scope != ALL_GROUPS)
        return [ALL_GROUPS, *means, *sorted(scope for scope, kind in kinds.items() if kind == "group")]
