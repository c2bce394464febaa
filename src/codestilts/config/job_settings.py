"""The settings of every job: what decides its outputs and no more, so that it is rerun when its own settings change."""

from dataclasses import asdict

from codestilts.config.study import Record, Study
from codestilts.seeding import derive_seed

SIZES = ("train", "dev", "test", "test_source")


def source(study: Study, source: str) -> Record:
    """What decides the bytes of an archive; a change of a licence note fetches nothing again."""
    row = asdict(study.sources[source])
    return {key: row[key] for key in ("kind", "id", "version", "file", "sha256", "keep", "languages", "split")}


def encoder(study: Study, encoder: str) -> Record:
    """Where an encoder's files are in its archive, and which of its blocks retrieval reads."""
    return dict(study.config["definitions"]["encoders"][encoder])


def fit(study: Study, encoder: str) -> Record:
    """What the study asks of an encoder's architecture, by the file or key that asks it (:mod:`encoder_limits`)."""
    cells = {arm: targets for (name, arm), targets in study.cells.items() if name == encoder}
    own = study.config["definitions"]["encoders"][encoder]
    arms = {*cells, *(arm for name, arm in study.phase_2 if name == encoder)}
    targets = {target for found in cells.values() for target in found}
    tasks = {task: study.tasks[task] for task in sorted(targets.union(*(study.arms[arm]["tasks"] for arm in arms)))}
    adapted = {target for name, arm, target in study.runs if name == encoder and study.arms[arm]["method"] == "lora"}
    common = study.config["target"]["lora"]["modules"]
    modules = {"target.lora.modules": common} if adapted else {}
    for target in sorted(adapted):
        if "modules" in (budget := study.config["target"]["tasks"].get(target, {}).get("lora", {})):
            modules[f"target.tasks.{target}.lora.modules"] = budget["modules"]
    chosen = {task["file"]: (task.get("options") or {}).get("layer", -1) for task in tasks.values()}
    return {
        "encoder": encoder,
        "lengths": {task["file"]: task.get("max_length", 128) for task in tasks.values()},
        "blocks": {
            f"definitions.encoders.{encoder}.layer": [own["layer"]],
            f"definitions.encoders.{encoder}.layers": own["layers"],
            **{f"{file}: options.layer": [layer] for file, layer in chosen.items() if layer > 0},
        },
        "modules": modules,
    }


def extract(study: Study, language: str) -> Record:
    """The split that each archive of a language serves."""
    return {name: study.sources[name].split[language] for name in study.sources_of_language(language)}


def build(study: Study, task: str) -> Record:
    """How many examples of a task are drawn, in which languages, and the builder's own options.

    The study's common sizes don't cut the splits that a task file calls ``whole``, except in a rehearsal.
    """
    role = "target" if task in study.targets else "intermediate"
    data = study.config["data"]
    whole = [] if study.config["rehearsal"] else study.tasks[task].get("whole", [])
    return {
        "study": study.name,
        "task": task,
        "role": role,
        **({"rehearsal": study.config["rehearsal"]} if study.config["rehearsal"] else {}),
        "languages": study.task_languages(task),
        "source_language": study.source_language(task),
        "seed": derive_seed(study.name, "examples", task),
        **{key: value for key, value in data[role].items() if key.partition("_")[0] not in whole},
        **{key: value for key, value in data["tasks"].get(task, {}).items() if key in SIZES},
    }


def _head(study: Study, task: str) -> Record:
    """What training and prediction need to know of a task."""
    spec = study.tasks[task]
    return {
        key: spec[key]
        for key in ("type", "labels", "metric", "max_length", "options", "trained", "group")
        if spec.get(key) is not None
    }


def _training(study: Study, phase: str, tasks: list[str], own: Record) -> Record:
    """The tasks and the training settings of a phase; ``own`` are a target's, and a task may have a published recipe.

    A recipe's budget is that of a single task. Its head is the published one in any case; where there is no recipe, the
    head is what a target's own settings say, else its file, else the phase.
    """
    apart = ("tasks", "learning_rates", "selection")
    budget = {key: value for key, value in study.config[phase].items() if key not in apart}
    budget |= own | {"lora": budget["lora"] | own.get("lora", {})}
    common, published = budget.pop("head"), budget.pop("recipe") == "published"
    recipes = {task: study.tasks[task].get("recipe") if published else None for task in tasks}
    heads = {task: own.get("head") or study.tasks[task].get("head") or common for task in tasks}
    known = {task: _head(study, task) | {"head": "published" if recipes[task] else heads[task]} for task in tasks}
    if len(tasks) == 1 and (recipe := recipes[tasks[0]]):
        budget |= {key: value for key, value in recipe.items() if key != "source"}
    return {"tasks": known, **budget}


def intermediate(study: Study, encoder: str, arm: str, seeds: str) -> Record:
    """The settings of phase 2 for one batch of seeds."""
    budget = _training(study, "intermediate", study.arms[arm]["tasks"], {})
    return {
        "study": study.name,
        "encoder": encoder,
        "arm": arm,
        "phase": "intermediate",
        "label": f"{encoder} / {arm}",
        "seeds": study.batches[seeds],
        "init": study.arms[arm]["init"],
        "shuffle_labels": study.arms[arm]["shuffle_labels"],
        "method": "full",
        **budget,
        "learning_rate": budget["learning_rate"] * study.arms[arm]["learning_rate_factor"],
    }


def target(study: Study, encoder: str, arm: str, target: str, seeds: str) -> Record:
    """The settings of phase 3 for one batch of seeds; a target's own budget overrides the common one."""
    return {
        "study": study.name,
        "encoder": encoder,
        "arm": arm,
        "target": target,
        "phase": "target",
        "label": f"{encoder} / {arm} / {target}",
        "seeds": study.batches[seeds],
        "init": _target_init(study, arm),
        "shuffle_labels": False,
        "method": study.arms[arm]["method"],
        "source_language": study.source_language(target),
        "selection": study.config["target"]["selection"],
        "keep_models": study.config["keep_models"],
        **_training(study, "target", [target], study.config["target"]["tasks"].get(target, {})),
    }


phase_3 = target  # the name of its function is that of its wildcard too


def tune(study: Study, encoder: str, arm: str, target: str) -> Record:
    """The settings of the trials of learning rates: those of phase 3 for the first seed, one rate a trial."""
    settings = phase_3(study, encoder, arm, target, next(iter(study.batches)))
    first = settings["seeds"][0]
    return {**settings, "seeds": [first], "learning_rates": study.learning_rates}


def probe(study: Study, encoder: str, arm: str, seeds: str) -> Record:
    """The settings of the predictions of all untrained targets for one batch of seeds."""
    own = study.config["definitions"]["encoders"][encoder]
    heads = {target: _head(study, target) for target in study.untrained_targets}
    for head in heads.values():
        options = head.get("options", {})
        head["options"] = {"layer": own["layer"], **options}
    return {
        "study": study.name,
        "encoder": encoder,
        "arm": arm,
        "seeds": study.batches[seeds],
        "init": _target_init(study, arm),
        "layers": own["layers"],
        **{key: study.config["target"][key] for key in ("precision", "tf32")},
        "tasks": heads,
    }


def _target_init(study: Study, arm: str) -> str:
    """Random weights are drawn in the first phase that trains; a later one starts from the one before."""
    return "pretrained" if study.parent_arm(arm) else str(study.arms[arm]["init"])


def baseline(study: Study, target: str) -> Record:
    """The settings of a target's trivial baselines."""
    return {"study": study.name, "targets": {target: _head(study, target)}}


def score(study: Study, **_: str) -> Record:
    """What scores, statistics and the report need to know of the study."""
    return {
        "study": study.name,
        "source_language": study.config["source_language"],
        "source_languages": list(dict.fromkeys(map(study.source_language, study.targets))),
        "source_of": {target: study.source_language(target) for target in study.targets},
        "languages": study.config["languages"],
        "seen": study.seen_languages,
        "pretrained": {name: study.config["definitions"]["encoders"][name]["languages"] for name in study.encoders},
        "checkpoint": study.config["target"]["selection"][0],
        "bases": {name: arm["base"] for name, arm in study.arms.items() if arm.get("base")},
        "control_of": {name: arm["control_of"] for name, arm in study.arms.items() if arm.get("control_of")},
        "random": [name for name, arm in study.arms.items() if arm["init"] == "random"],
        "overlaps": study.overlaps,
        "domains": {target: study.tasks[target]["family"] for target in study.targets},
        "families": {name: arm["family"] for name, arm in study.arms.items()},
        "targets": {target: _head(study, target) for target in study.targets},
    }


def compare(study: Study, **_: str) -> Record:
    """The pre-registered contrast and how its interval is computed."""
    return {**score(study), **study.config["statistics"]}


def cut(study: Study) -> dict[str, list[str]]:
    """The targets of whose whole splits the study draws a part, and these splits."""
    found = {}
    for target in study.targets:
        sizes = {key.partition("_")[0] for key, size in build(study, target).items() if key in SIZES and size}
        found[target] = [split for split in study.tasks[target].get("whole", []) if split in sizes]
    return {target: splits for target, splits in found.items() if splits}


def report(study: Study, **_: str) -> Record:
    """What the report tells of the study: arms, budgets and sources."""
    return {
        **compare(study),
        "encoders": study.encoders,
        "arms": study.arms,
        "shown": study.shown_arms,
        "scopes": study.scopes,
        "rehearsal": study.config["rehearsal"],
        "cut": cut(study),
        "seeds": study.config["seeds"],
        "budgets": {phase: study.config[phase] for phase in ("intermediate", "target")},
        "sources": study.used_sources,
    }
