"""A study: one validated config turned into encoders, arms, targets, seeds and the settings of every job.

Pure (standard library and YAML only): the graph of jobs is built from it, so it has to load in no time.
"""

import json
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import yaml

from codestilts.errors import CodeStiltsError
from codestilts.seeds import derive_seed
from codestilts.sources import Source

Record = dict[str, Any]
LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # the same, ten times faster, where libyaml is there


def batches(seeds: list[int], size: int) -> dict[str, list[int]]:
    """Runs of at most ``size`` consecutive seeds, each the work of one job: ``{"0-2": [0, 1, 2], "3": [3]}``."""
    groups: list[list[int]] = []
    for seed in sorted(seeds):
        if groups and len(groups[-1]) < size and seed == groups[-1][-1] + 1:
            groups[-1].append(seed)
        else:
            groups.append([seed])
    return {f"{group[0]}-{group[-1]}" if group[1:] else str(group[0]): group for group in groups}


def read_yaml(path: str | Path) -> Record:
    """The mapping in a YAML file; raises CodeStiltsError (file, line) for anything else."""
    try:
        value = yaml.load(Path(path).read_text(), Loader=LOADER)
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise CodeStiltsError(f"{path}: cannot be read: {' '.join(str(error).split())}") from error
    if not isinstance(value, dict):
        raise CodeStiltsError(f"{path}: must hold keys and values")
    return value


def load_tasks(folder: str | Path) -> dict[str, Record]:
    """Every ``tasks/<family>/<name>.yaml`` under ``folder``, by name, with its name, family and file added."""
    tasks: dict[str, Record] = {}
    for path in sorted(Path(folder).glob("*/*.yaml")):
        if path.stem in tasks:
            raise CodeStiltsError(f"{path}: another task has that name: {tasks[path.stem]['file']}")
        task = read_yaml(path)
        if isinstance(task.get("read"), list):
            named = [entry["source"] for entry in task["read"] if isinstance(entry, dict) and "source" in entry]
            task["sources"] = list(dict.fromkeys([*task.get("sources", []), *named]))
        tasks[path.stem] = task | {"name": path.stem, "family": path.parent.name, "file": str(path)}
    return tasks


def to_json(settings: Record) -> str:
    """Settings as the one-line JSON that scripts take; sorted, so that equal settings are equal strings."""
    return json.dumps(settings, sort_keys=True, ensure_ascii=False)


@dataclass(frozen=True)
class Study:
    """A validated config with the tasks and sources it may name."""

    config: Record
    tasks: dict[str, Record]
    sources: dict[str, Source]

    @property
    def name(self) -> str:
        """The study's name, which is also its folder under ``results/``."""
        return str(self.config["study"])

    @property
    def encoders(self) -> list[str]:
        """The encoders (phase 1) of the study."""
        return list(self.config["encoders"])

    @property
    def targets(self) -> list[str]:
        """All target tasks (phase 3), trained or not."""
        return list(self.config["targets"])

    @cached_property
    def batches(self) -> dict[str, list[int]]:
        """The seeds of each training job by the name of the batch, such as ``0-2``."""
        return batches(self.config["seeds"], self.config["seeds_per_job"])

    @cached_property
    def arms(self) -> dict[str, Record]:
        """Each arm's family, tasks (none: phase 2 is skipped), initial weights and whether labels are shuffled.

        An arm without a definition of its own is the task of that name alone.
        """
        definitions = self.config["definitions"]["arms"]
        return {name: definitions.get(name) or self._single(name) for name in self.config["arms"]}

    def _single(self, task: str) -> Record:
        family = self.tasks[task]["family"]
        return {"family": family, "tasks": [task], "init": "pretrained", "shuffle_labels": False}

    @cached_property
    def trained_arms(self) -> list[str]:
        """The arms that have a phase 2."""
        return [name for name, arm in self.arms.items() if arm["tasks"]]

    @cached_property
    def trained_targets(self) -> list[str]:
        """The targets that are fine-tuned; the others use the encoder as it is."""
        return [name for name in self.targets if self.tasks[name].get("trained", True)]

    @cached_property
    def intermediate_tasks(self) -> list[str]:
        """Every task that an arm of the study trains on, in order of first use."""
        return list(dict.fromkeys(task for arm in self.arms.values() for task in arm["tasks"]))

    @cached_property
    def examples(self) -> list[str]:
        """Every task whose examples are built: those that are trained or tested, and those that others are made of."""
        used = self.intermediate_tasks + self.targets
        made_of = [part for task in used for part in self.tasks[task].get("examples_of", [])]
        return list(dict.fromkeys(used + made_of))

    def reads_functions(self, task: str) -> bool:
        """Whether a task is made of functions, and not of archives or other tasks' examples."""
        return not (self.tasks[task].get("sources") or self.tasks[task].get("examples_of"))

    def source_language(self, task: str) -> str:
        """The language that a target is trained in: its own choice, or else the study's."""
        return str(self.tasks[task].get("source_language") or self.config["source_language"])

    def task_languages(self, task: str) -> list[str]:
        """The languages of a task in this study: an intermediate task has all its own."""
        declared = self.tasks[task]["languages"]
        if task not in self.targets:
            return list(declared)
        return [language for language in self.config["languages"] if language in declared]

    @cached_property
    def code_languages(self) -> list[str]:
        """Every programming language of which functions are extracted."""
        used = {
            language for task in self.examples if self.reads_functions(task) for language in self.task_languages(task)
        }
        return sorted(used)

    @cached_property
    def seen_languages(self) -> list[str]:
        """The programming languages that occur in an intermediate code task of the study."""
        return sorted(
            {
                language
                for arm in self.arms.values()
                if arm["family"] == "code"
                for task in arm["tasks"]
                for language in self.tasks[task]["languages"]
            }
        )

    def sources_of_language(self, language: str) -> list[str]:
        """The archives with functions of a programming language; train and dev serve the source language alone."""
        used = {"intermediate", "test", "parallel"}
        if language == self.config["source_language"]:
            used |= {"train", "dev"}
        return [name for name, source in self.sources.items() if source.split.get(language) in used]

    def source_of_encoder(self, encoder: str) -> str:
        """The archive that holds an encoder."""
        return str(self.config["definitions"]["encoders"][encoder]["source"])

    @cached_property
    def used_sources(self) -> list[str]:
        """Everything that is fetched for this study, and nothing else."""
        used = {self.source_of_encoder(encoder) for encoder in self.encoders}
        used.update(source for task in self.examples for source in self.tasks[task].get("sources") or [])
        used.update(source for language in self.code_languages for source in self.sources_of_language(language))
        return sorted(used)

    def source_settings(self, source: str) -> Record:
        """What decides the bytes of an archive; a change of a licence note fetches nothing again."""
        row = asdict(self.sources[source])
        return {key: row[key] for key in ("kind", "id", "version", "file", "sha256", "keep", "languages", "split")}

    def encoder_settings(self, encoder: str) -> Record:
        """Where an encoder's files are in its archive."""
        return dict(self.config["definitions"]["encoders"][encoder])

    def extract_settings(self, language: str) -> Record:
        """The split that each archive of a language serves."""
        return {name: self.sources[name].split[language] for name in self.sources_of_language(language)}

    def build_settings(self, task: str) -> Record:
        """How many examples of a task are drawn, in which languages, and the builder's own options."""
        role = "target" if task in self.targets else "intermediate"
        data = self.config["data"]
        return {
            "study": self.name,
            "task": task,
            "role": role,
            "languages": self.task_languages(task),
            "source_language": self.source_language(task),
            "seed": derive_seed(self.name, "examples", task),
            **data[role],
            **data["tasks"].get(task, {}),
        }

    def _head(self, task: str) -> Record:
        """What training and prediction need to know of a task."""
        spec = self.tasks[task]
        return {
            key: spec[key]
            for key in ("type", "labels", "metric", "max_length", "options", "trained", "group")
            if spec.get(key) is not None
        }

    def intermediate_settings(self, encoder: str, arm: str, seeds: str) -> Record:
        """The settings of phase 2 for one batch of seeds."""
        return {
            "study": self.name,
            "encoder": encoder,
            "arm": arm,
            "phase": "intermediate",
            "label": f"{encoder} / {arm}",
            "seeds": self.batches[seeds],
            "init": self.arms[arm]["init"],
            "shuffle_labels": self.arms[arm]["shuffle_labels"],
            "tasks": {task: self._head(task) for task in self.arms[arm]["tasks"]},
            **self.config["intermediate"],
        }

    def target_settings(self, encoder: str, arm: str, target: str, seeds: str) -> Record:
        """The settings of phase 3 for one batch of seeds; a target's own budget overrides the common one."""
        common = {key: value for key, value in self.config["target"].items() if key != "tasks"}
        return {
            "study": self.name,
            "encoder": encoder,
            "arm": arm,
            "target": target,
            "phase": "target",
            "label": f"{encoder} / {arm} / {target}",
            "seeds": self.batches[seeds],
            "init": self._target_init(arm),
            "shuffle_labels": False,
            "tasks": {target: self._head(target)},
            **common,
            **self.config["target"]["tasks"].get(target, {}),
        }

    def predict_settings(self, encoder: str, arm: str, seeds: str) -> Record:
        """The settings of the predictions of all targets for one batch of seeds."""
        return {
            "study": self.name,
            "encoder": encoder,
            "arm": arm,
            "seeds": self.batches[seeds],
            "init": self._target_init(arm),
            "tasks": {target: self._head(target) for target in self.targets},
        }

    def _target_init(self, arm: str) -> str:
        """Random weights are drawn in the first phase that trains; a later one starts from the one before."""
        return "pretrained" if self.arms[arm]["tasks"] else str(self.arms[arm]["init"])

    def baseline_settings(self, target: str) -> Record:
        """The settings of a target's trivial baselines."""
        return {"study": self.name, "targets": {target: self._head(target)}}

    def score_settings(self, **_: str) -> Record:
        """What scores, statistics and the report need to know of the study."""
        return {
            "study": self.name,
            "source_language": self.config["source_language"],
            "languages": self.config["languages"],
            "seen": self.seen_languages,
            "families": {name: arm["family"] for name, arm in self.arms.items()},
            "targets": {target: self._head(target) for target in self.targets},
        }

    def compare_settings(self, **_: str) -> Record:
        """The pre-registered contrast and how its interval is computed."""
        return {**self.score_settings(), **self.config["statistics"]}

    @cached_property
    def shown_arms(self) -> list[str]:
        """The arms whose curves and predictions the report shows: none, and one of each family of the contrast."""
        shown = ["none"]
        for family in self.config["statistics"]["contrast"]:
            members = [name for name, arm in self.arms.items() if arm["family"] == family]
            shown += sorted(members, key=lambda name: -len(self.arms[name]["tasks"]))[:1]
        return [name for name in shown if name in self.arms]

    def report_settings(self, **_: str) -> Record:
        """What the report tells of the study: arms, budgets and sources."""
        return {
            **self.compare_settings(),
            "encoders": self.encoders,
            "arms": self.arms,
            "shown": self.shown_arms,
            "seeds": self.config["seeds"],
            "budgets": {phase: self.config[phase] for phase in ("intermediate", "target")},
            "sources": self.used_sources,
        }
