"""Checks of a config across keys and files: names that exist, and combinations that make a study."""

from collections.abc import Iterable, Iterator
from typing import Any, get_args

from codestilts.columns import NONE
from codestilts.config.doses import dose_pairs, dose_targets
from codestilts.config.lineage import ancestors
from codestilts.config.schema_errors import Problem
from codestilts.config.schema_fields import Family, Group
from codestilts.config.study import Study
from codestilts.config.unused_keys import unused_keys
from codestilts.errors import suggest
from codestilts.invented import real_language


def config_errors(study: Study) -> Iterator[Problem]:
    """Check the config of a study: first that all names exist, then arms, targets, languages and packages."""
    unknown = list(_unknown_names(study)) or list(_undefined_arms(study))
    if unknown:
        yield from unknown
        return
    found = [*_arm_problems(study), *_decoder_problems(study), *_target_problems(study)]
    found += [*_source_language_problems(study), *_grid_problems(study), *unused_keys(study)]
    yield from [*found, *_missing_packages(study)] or _trial_problems(study)


def _unknown_names(study: Study) -> Iterator[Problem]:
    """Names of encoders, arms, tasks, languages and sources that do not exist."""
    config, tasks = study.config, study.tasks
    defined = config.definitions
    own = [name for name, task in tasks.items() if not task.base]  # no config names a twin
    languages = {language for target in config.targets if target in tasks for language in tasks[target].languages}
    references: list[tuple[tuple[Any, ...], Iterable[str], Iterable[str], str]] = [
        (("encoders",), config.encoders, defined.encoders, "encoder is defined under that name"),
        (("arms",), config.arms, [*defined.arms, *tasks], "arm or task has that name"),
        (("targets",), config.targets, own, "task has that name"),
        (("languages",), config.languages, languages, "target has that language"),
        (("data", "tasks"), config.data.tasks, own, "task has that name"),
        (("target", "tasks"), config.target.tasks, own, "task has that name"),
        (("intermediate", "trial_targets"), config.intermediate.trial_targets, own, "task has that name"),
        (
            ("intermediate", "held_out_texts"),
            config.intermediate.held_out_texts,
            [name for name, task in tasks.items() if task.type == "mlm"],
            "task of masked language modelling has that name",
        ),
    ]
    if isinstance(config.keep_models, list):
        references.append((("keep_models",), config.keep_models, config.arms, "arm of this study has that name"))
    for index, block in enumerate(config.grid):
        for key in ("encoders", "arms", "targets"):
            references.append(
                (("grid", index, key), getattr(block, key) or [], getattr(config, key), "name of this study")
            )
    for name, arm in defined.arms.items():
        references.append((("definitions", "arms", name, "tasks"), arm.tasks, tasks, "task has that name"))
    for name, encoder in defined.encoders.items():
        path = ("definitions", "encoders", name, "source")
        references.append((path, [encoder.source], study.sources, "source has that name"))
    for path, names, allowed, missing in references:
        unknown = [name for name in dict.fromkeys(names) if name not in set(allowed)]
        if unknown:  # several have one line: their suggestions would repeat the allowed names
            hint = suggest(unknown[0], allowed) if len(unknown) == 1 else f"allowed: {', '.join(sorted(allowed))}"
            yield Problem(path, f"{', '.join(map(repr, unknown))}: no {missing}; {hint}")


def _undefined_arms(study: Study) -> Iterator[Problem]:
    """Arms that are tasks of a suite that is not a family of arms."""
    for index, name in enumerate(study.config.arms):
        if name not in study.config.definitions.arms and (suite := study.tasks[name].suite) not in get_args(Family):
            message = f"'{name}' is a task of the suite {suite}: define an arm with that task and a family"
            yield Problem(("arms", index), f"{message} under definitions.arms")


def _arm_problems(study: Study) -> Iterator[Problem]:
    """Arms that repeat the arm ``none``, controls without families, and bases outside the study."""
    config, bases = study.config, {name: [arm.base] for name, arm in study.arms.items() if arm.base}
    if NONE not in config.arms:
        yield Problem(("arms",), "'none' is missing: add it, because every effect is a difference from it")
    for index, name in enumerate(config.arms):
        arm, definition = study.arms[name], ("definitions", "arms", name)
        usual = arm.method == "full" and arm.target_learning_rate_factor == 1 and not arm.frozen
        untrained = not arm.tasks and arm.init == "pretrained" and usual
        if name == NONE and (arm.tasks or arm.init != "pretrained"):
            message = "must have no tasks and pretrained weights, because every effect is a difference from it"
            yield Problem(definition, f"{message}: give this arm another name")
        if "decoder" in arm.frozen and "generation" not in {study.tasks[target].type for target in study.targets}:
            message = "no target of this study has a decoder: remove it, or add a target of the type generation"
            yield Problem((*definition, "frozen"), message)
        if "embeddings" in arm.frozen and not _trains_embeddings(study):
            message = "every target of this study keeps its embeddings fixed (target.freeze_embeddings): remove it"
            yield Problem((*definition, "frozen"), message)
        if arm.init == "random" and not arm.tasks and (parent := study.parent_arm(name)):
            message = f"has no effect, because this arm starts from the intermediate models of '{parent}': remove it"
            yield Problem((*definition, "init"), message)
        if name != NONE and untrained and not study.parent_arm(name):
            yield Problem(("arms", index), f"'{name}' has no tasks and starts from pretrained weights, as 'none' does")
        if arm.family == "control" and arm.controls_for is None:
            message = f"'{name}' is a control: list the families that it is a control for, or [] for none"
            yield Problem((*definition, "controls_for"), message)
        if arm.family != "control" and arm.controls_for is not None:
            message = f"'{name}' is of the family {arm.family}, not a control: remove the key"
            yield Problem((*definition, "controls_for"), message)
        yield from _label_problems(study, name)
        if arm.base and name in ancestors([arm.base], bases):
            message = f"'{arm.base}' is this arm, or has it as its base: name another one, or remove the key"
            yield Problem((*definition, "base"), message)
        if arm.base and arm.base not in config.arms:
            message = f"'{arm.base}' is not an arm of this study; {suggest(arm.base, config.arms)}"
            yield Problem((*definition, "base"), message)


def _label_problems(study: Study, name: str) -> Iterator[Problem]:
    """Wrong labels in the mean of a family, of unknown tasks, and twice."""
    arm, path = study.arms[name], ("definitions", "arms", name)
    wrong = [key for key in ("shuffle_labels", "flip_labels") if getattr(arm, key)]
    if wrong and arm.family not in ("control", "variant"):
        message = f"is {arm.family}, whose mean is one of true labels, and '{name}' has wrong ones ({wrong[0]})"
        yield Problem((*path, "family"), f"{message}: set it to control or variant")
    if len(wrong) > 1:
        yield Problem((*path, "flip_labels"), "flips labels that shuffle_labels shuffles: remove one of the two keys")
    for task in arm.flip_labels if not study.config.rehearsal else ():  # which may lack the task
        if task not in arm.tasks:
            message = f"'{task}' is not a task of this arm; {suggest(task, arm.tasks)}"
            yield Problem((*path, "flip_labels", task), message)
        elif study.tasks[task].type != "classification" or study.tasks[task].options.multi:
            message = "only a classification task with one label for each example has labels to flip: remove it"
            yield Problem((*path, "flip_labels", task), message)


def _trains_embeddings(study: Study) -> bool:
    section = study.config.target
    own = [section.own(study.base(target)) for target in study.trained_targets]
    return not all(budget.get("freeze_embeddings", section.freeze_embeddings) for budget in own)


def _grid_problems(study: Study) -> Iterator[Problem]:
    """Arms of a grid that cannot be compared with ``none`` or with their base. In a rehearsal nothing is compared."""
    pairs = study.encoder_arms if study.config.grid and not study.config.rehearsal else {}
    for (encoder, arm), targets in pairs.items():
        for other in dict.fromkeys([NONE, study.arms[arm].base or NONE]):
            of_other = pairs.get((encoder, other), [])
            if not set(targets) & set(of_other):
                what = f"has no target in common with '{other}'" if of_other else f"has no arm '{other}' beside it"
                message = f"'{arm}' with encoder '{encoder}' {what}, with which it is compared"
                yield Problem(("grid",), f"{message}: add '{other}' to its block")


def _decoder_problems(study: Study) -> Iterator[Problem]:
    """Arms of masked language modelling with an encoder whose decoder is pretrained: it has no head for that."""
    decoders = {name for name in study.config.encoders if study.encoder(name).decoder}
    for encoder, arm in study.intermediate_models:
        masked = [task for task in study.arms[arm].tasks if study.tasks[task].type == "mlm"]
        if masked and encoder in decoders:
            message = (
                f"'{arm}' needs a head of masked language modelling ({', '.join(masked)}), which encoder '{encoder}'"
            )
            yield Problem(("arms",), f"{message}, pretrained with a decoder, lacks: run it with other encoders (grid)")


def _target_problems(study: Study) -> Iterator[Problem]:
    """Targets without a language, a group or a partner language, or that are intermediate tasks too."""
    for index, target in enumerate(study.targets):
        task, languages = study.tasks[target], study.task_languages(target)
        if target in get_args(Group):
            yield Problem(("targets", index), f"'{target}' is the name of a group of targets: rename the task")
        if not languages:
            message = f"'{target}' has none of the languages {', '.join(study.config.languages)}"
            yield Problem(("targets", index), f"{message}; {suggest('', task.languages)}")
        elif task.together and len(languages) < len(task.languages):
            message = f"target '{target}' pairs {' and '.join(task.languages)}, but this study has only"
            yield Problem(("languages",), f"{message} {', '.join(languages)}: add the other, or remove the target")
        arms = [name for name, arm in study.arms.items() if target in arm.tasks]
        if arms:
            message = f"'{target}' is also an intermediate task ({', '.join(arms)}): use it as one of them"
            yield Problem(("targets", index), message)
        if task.group is None:
            yield Problem(("targets", index), f"'{target}' has no group, so it cannot be a target: see {task.file}")


def _source_language_problems(study: Study) -> Iterator[Problem]:
    """Source languages that a trained target does not have, in its file or in this study."""
    absent: dict[str, list[str]] = {}
    for target in [*study.trained_targets, *study.twins]:
        source, languages = study.source_language(target), study.tasks[target].languages
        if source not in languages:
            message = f"'{source}' is not a language of target '{target}'; {suggest(source, languages)}"
            yield Problem(("source_language",), message)
        elif study.task_languages(target) and source not in study.task_languages(target):
            absent.setdefault(source, []).append(study.base(target))
    for source, targets in absent.items():
        key = ("data", "tasks") if source in study.config.languages else ("languages",)
        yield Problem(key, f"'{source}' is missing: add it, because target '{targets[0]}' is trained in it")
    for language in study.source_languages[1:]:
        if language not in {study.source_language(twin) for twin in study.twins}:
            yield Problem(("source_language",), f"'{language}': no target can be trained in it; remove it")


def _trial_problems(study: Study) -> Iterator[Problem]:
    """Encoders without a target whose dev rows could choose a learning rate of intermediate training."""
    for encoder in dict.fromkeys(encoder for encoder, _ in dose_pairs(study)):
        if not dose_targets(study, encoder):
            message = f"no trained target of encoder '{encoder}' can choose among them: name one in trial_targets"
            yield Problem(("intermediate", "learning_rates"), f"{message}, or write [] to use learning_rate")


def _missing_packages(study: Study) -> Iterator[Problem]:
    """Languages for which ``sources.csv`` has no package of a split that the study needs."""

    def languages_with(split: str) -> set[str]:
        sources = [source for source in study.sources.values() if source.kind in study.config.function_sources]
        return {language for source in sources for language, name in source.split.items() if name in (split, "hub")}

    of_functions = [target for target in study.targets if study.reads_functions(target)]
    needed = {study.source_language(target) for target in of_functions if target in study.trained_targets}
    needed |= {study.source_language(twin) for twin in study.twins if study.reads_functions(twin)}
    for language in sorted(needed - languages_with("train")):
        allowed = suggest(language, languages_with("train"))
        yield Problem(("source_language",), f"sources.csv has no training package in '{language}'; {allowed}")
    other_targets = set(study.targets) - set(of_functions)
    elsewhere = {language for target in other_targets for language in study.task_languages(target)}
    for index, language in enumerate(study.config.languages):
        if real_language(language) not in languages_with("test") | elsewhere:
            allowed = suggest(language, languages_with("test"))
            yield Problem(("languages", index), f"sources.csv has no test package for '{language}'; {allowed}")
    intermediate = [task for task in study.examples if study.role(task) == "intermediate"]
    for task in [name for name in intermediate if study.reads_functions(name)]:  # those of arms, and parts of others
        data = study.config.data.tasks.get(task)
        chosen = data.languages if data else None
        for language in sorted(set(chosen or study.tasks[task].languages) - languages_with("intermediate")):
            where = "this study" if chosen else study.tasks[task].file
            message = f"sources.csv has no package for intermediate tasks in '{language}', a language of '{task}'"
            path = ("data", "tasks", task, "languages") if chosen else ("arms",)
            allowed = suggest(language, languages_with("intermediate"))
            yield Problem(path, f"{message} (languages of {where}); {allowed}")
