"""The settings of the jobs that fetch, extract and build: what decides their outputs and no more."""

from dataclasses import asdict

from codestilts.config.study import Record, Study
from codestilts.config.training_jobs import task_settings
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


def baseline(study: Study, target: str) -> Record:
    """The settings of a target's trivial baselines."""
    return {"study": study.name, "targets": {target: task_settings(study, target)}}
