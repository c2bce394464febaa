"""The registered plan: noted once, changed never, with every later change dated."""

import copy
import json
import os
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import pytest
from grid_study import study_of

from codestilts.config.plan_record import PLAN, changes, current, read_entries
from codestilts.config.registration import expected_state, note_run, plan_of, register
from codestilts.config.settings_json import short_digest
from codestilts.config.study import Study
from codestilts.config.validation import load_study, read_configs
from codestilts.errors import CodeStiltsError
from codestilts.reporting.registered_plan import plan_notes

ROOT = Path(__file__).parents[2]

SMALL = "study: small\narms: [none, pos]\ntargets: [tags]\nlanguages: [python, go]\n"


def small(folder: Path, more: str = "") -> Study:
    return study_of(SMALL, more or "seeds: [0, 1, 2]\n", folder=folder)


@pytest.fixture
def results(tmp_path: Path) -> Path:
    return tmp_path / "results/small"


def add_predictions(results: Path, arm: str, when: str) -> None:
    path = results / f"predictions/bert-tiny/{arm}/tags/0-2.parquet"
    path.parent.mkdir(parents=True)
    path.write_text(arm)
    os.utime(path, (datetime.fromisoformat(when).timestamp(),) * 2)


def test_the_first_run_registers_and_later_ones_leave_it(tmp_path: Path, results: Path) -> None:
    study = small(tmp_path)
    first = note_run(study, results)
    assert first and (first.kind, first.results) == ("registration", 0)
    assert datetime.fromisoformat(first.date).tzinfo is not None
    written = (results / PLAN).read_bytes()
    assert note_run(study, results) is None
    assert (results / PLAN).read_bytes() == written


def test_a_change_is_added_with_its_date_and_what_there_was(tmp_path: Path, results: Path) -> None:
    first = note_run(small(tmp_path), results)
    add_predictions(results, "pos", "2030-01-01T00:00:00+00:00")
    entry = note_run(small(tmp_path, "seeds: [0, 1, 2, 3]\narms: [none, cloze]\nstatistics: {margin: 2.0}\n"), results)
    assert first and entry and entry.kind == "deviation" and entry.results == 1
    changed = {key: value for key, value in entry.changes.items() if not key.startswith("tasks.")}
    assert changed == {
        "arms.cloze": [None, {"family": "code", "tasks": ["cloze"]}],
        "arms.pos": [{"family": "english", "tasks": ["pos"]}, None],
        "seeds": [[0, 1, 2], [0, 1, 2, 3]],
        "statistics.margin": [1.0, 2.0],
    }
    assert {key for key in entry.changes if key.startswith("tasks.")} == {"tasks.cloze", "tasks.pos"}
    entries = read_entries(results / PLAN)
    assert entries[0] == first and len(entries) == 2
    assert short_digest(current(entries)) == entry.digest != first.digest


def test_a_plan_that_returns_is_a_deviation_too_and_changes_nothing(tmp_path: Path, results: Path) -> None:
    study, other = small(tmp_path), small(tmp_path, "seeds: [0, 1]\n")
    for one in (study, other, study):
        note_run(one, results)
    entries = read_entries(results / PLAN)
    assert [entry.kind for entry in entries] == ["registration", "deviation", "deviation"]
    assert current(entries) == plan_of(study) and changes(entries[0].plan, current(entries)) == {}


def test_how_jobs_compute_is_no_part_of_the_plan(tmp_path: Path) -> None:
    technical = "seeds_per_job: 1\nkeep_models: none\nintermediate: {checkpoint_minutes: 9}\n"
    assert plan_of(small(tmp_path)) == plan_of(small(tmp_path, technical))


@pytest.mark.parametrize("release", sorted(path.parent.name for path in ROOT.glob("expected/*/plan.json")))
def test_a_study_has_the_plan_of_its_release(release: str) -> None:
    """Or every comparison with the release would begin with settings that differ."""
    files = [ROOT / "config.yaml", *([ROOT / f"studies/{release}.yaml"] if release != "pocket" else [])]
    registered = current(read_entries(ROOT / "expected" / release / "plan.json"))
    assert changes(registered, plan_of(load_study(read_configs(files), ROOT))) == {}


@pytest.mark.parametrize(
    ("change", "key"),
    [
        ("target: {learning_rates: [1.0e-4, 1.0e-3], trial_tests: true}\n", "target.trial_tests"),
        ("seeds: [0, 1]\n", "seeds"),
        ("targets: [match]\n", "targets.match"),
        ("languages: [python, c]\n", "languages.c"),
        ("intermediate: {learning_rate: 1.0e-4}\n", "intermediate.learning_rate"),
        ("target: {tasks: {tags: {steps: 3}}}\n", "target.tasks.tags"),
        ("data: {intermediate: {train: 9}}\n", "data.intermediate"),
        ("statistics: {language_set: seen}\n", "statistics.language_set"),
        ("leakage: {near_duplicates: keep}\n", "leakage.near_duplicates"),
        ("leakage: {similarity: 0.95}\n", "leakage.similarity"),
        ("store_precision: fp16\n", "store_precision"),
        ("function_sources: [npm, pypi]\n", "function_sources"),
    ],
)
def test_what_decides_results_is_part_of_the_plan(change: str, key: str, tmp_path: Path) -> None:
    assert key in changes(plan_of(small(tmp_path)), plan_of(small(tmp_path, change)))


def test_the_pins_of_sources_are_part_of_the_plan(tmp_path: Path) -> None:
    study = small(tmp_path)
    name = study.used_sources[0]
    pinned = replace(study, sources=study.sources | {name: replace(study.sources[name], sha256="0" * 64)})
    assert list(changes(plan_of(study), plan_of(pinned))) == [f"sources.{name}"]


def test_the_lineage_of_data_sets_is_part_of_the_plan(tmp_path: Path) -> None:
    study = study_of("arms: [none, pos]\ntargets: [tags]\n", folder=tmp_path)
    (origin,) = study.origins("pos")
    derived = replace(study, lineage={origin: ["another"]})
    assert "tasks.pos" in changes(plan_of(study), plan_of(derived))


def test_registering_anew_needs_a_reason_and_keeps_the_record(tmp_path: Path, results: Path) -> None:
    study, other = small(tmp_path), small(tmp_path, "seeds: [0, 1]\n")
    register(study, results, "")
    with pytest.raises(CodeStiltsError, match="say why"):
        register(other, results, " ")
    register(other, results, "fresh seeds")
    assert [entry.reason for entry in read_entries(results / PLAN)] == ["", "fresh seeds"]
    assert note_run(other, results) is None


def test_a_damaged_record_is_one_line_and_not_overwritten(tmp_path: Path, results: Path) -> None:
    results.mkdir(parents=True)
    (results / PLAN).write_text("{}")
    with pytest.raises(CodeStiltsError, match=r"plan\.json: not the record of a registered plan .*register"):
        note_run(small(tmp_path), results)
    assert (results / PLAN).read_text() == "{}"


def test_a_registration_after_results_says_how_many_there_were(tmp_path: Path, results: Path) -> None:
    add_predictions(results, "none", "2020-01-01T00:00:00+00:00")
    entry = note_run(small(tmp_path), results)
    assert entry and entry.results == 1
    notes = plan_notes(read_entries(results / PLAN), results, [("bert-tiny", "none")])
    assert [(period.what, period.results) for period in notes.periods] == [
        ("before any registration", 1),
        ("registered by the first run", 0),
    ]
    assert not notes.mixed and not notes.changes


def test_the_report_knows_which_results_are_older_than_a_change(tmp_path: Path, results: Path) -> None:
    dates = ["2026-01-01T00:00:00+00:00", "2026-02-01T00:00:00+00:00"]
    note_run(small(tmp_path), results)
    note_run(small(tmp_path, "seeds: [0, 1]\narms: [none, pos, cloze]\n"), results)
    record = json.loads((results / PLAN).read_text())
    for entry, date in zip(record["entries"], dates, strict=True):
        entry["date"] = date
    (results / PLAN).write_text(json.dumps(record))
    add_predictions(results, "pos", "2026-01-15T00:00:00+00:00")
    add_predictions(results, "cloze", "2026-02-15T00:00:00+00:00")
    add_predictions(results, "gone", "2026-01-15T00:00:00+00:00")  # of an arm that the report does not show
    notes = plan_notes(read_entries(results / PLAN), results, [("bert-tiny", "pos"), ("bert-tiny", "cloze")])
    assert notes.mixed and [period.results for period in notes.periods] == [1, 1]
    shown = {change.key: (change.before, change.after) for change in notes.changes}
    assert shown["seeds"] == ("[0, 1, 2]", "[0, 1]") and shown["arms.cloze"][0] == "missing"


def test_a_copy_of_an_older_result_is_still_older(tmp_path: Path, results: Path) -> None:
    """`cp` and `snakemake --touch` give it the date of today."""
    note_run(small(tmp_path), results)
    add_predictions(results, "pos", "2030-01-01T00:00:00+00:00")
    entry = note_run(small(tmp_path, "seeds: [0, 1]\narms: [none, pos, cloze]\n"), results)
    assert entry and len(entry.predictions) == entry.results == 1
    add_predictions(results, "cloze", "2031-01-01T00:00:00+00:00")
    pairs = [("bert-tiny", "pos"), ("bert-tiny", "cloze")]
    for touched in (False, True):
        if touched:
            for path in (results / "predictions").rglob("*.parquet"):
                path.touch()
        notes = plan_notes(read_entries(results / PLAN), results, pairs)
        assert notes.mixed and [period.results for period in notes.periods] == [1, 1]
    next(results.rglob("pos/tags/*.parquet")).write_text("made again under the new plan")
    notes = plan_notes(read_entries(results / PLAN), results, pairs)
    assert not notes.mixed and [period.results for period in notes.periods] == [0, 2]


def test_a_plan_that_was_changed_by_hand_is_refused(tmp_path: Path, results: Path) -> None:
    note_run(small(tmp_path), results)
    note_run(small(tmp_path, "statistics: {margin: 2.0}\n"), results)
    written = json.loads((results / PLAN).read_text())
    for number, part, value in ((0, "plan", {"seeds": [7]}), (1, "changes", {"statistics.margin": [1.0, 3.0]})):
        changed = copy.deepcopy(written)
        changed["entries"][number][part] |= value
        (results / PLAN).write_text(json.dumps(changed))
        with pytest.raises(CodeStiltsError, match=r"plan\.json: the plan of .* the digest .* changed by hand; restore"):
            note_run(small(tmp_path), results)
    (results / PLAN).write_text(json.dumps(written))
    assert note_run(small(tmp_path, "statistics: {margin: 2.0}\n"), results) is None


def test_a_registration_after_results_hides_no_change(tmp_path: Path, results: Path) -> None:
    """Without results a new registration begins anew; once there are some, changes since it are shown for good."""
    note_run(small(tmp_path, "seeds: [7]\n"), results)
    register(small(tmp_path), results, "before anything ran")
    notes = plan_notes(read_entries(results / PLAN), results, [])
    assert notes.entry and (notes.entry.reason, notes.again, notes.changes) == ("before anything ran", [], [])
    add_predictions(results, "pos", "2030-01-01T00:00:00+00:00")
    other = small(tmp_path, "statistics: {margin: 2.0, language_set: seen}\n")
    register(other, results, "a better margin")
    register(other, results, "once more")
    notes = plan_notes(read_entries(results / PLAN), results, [])
    assert notes.entry and notes.entry.reason == "before anything ran"
    assert [(entry.reason, entry.results) for entry in notes.again] == [("a better margin", 1), ("once more", 1)]
    assert [(change.key, change.before, change.after) for change in notes.changes] == [
        ("statistics.language_set", "unseen", "seen"),
        ("statistics.margin", "1.0", "2.0"),
    ]


def test_the_state_that_the_report_follows_is_known_before_a_run(tmp_path: Path, results: Path) -> None:
    """Before the first run and after it the same; a change, or a new registration, is another one."""
    study, other = small(tmp_path), small(tmp_path, "seeds: [0, 1]\n")
    before = expected_state(study, results)
    note_run(study, results)
    assert expected_state(study, results) == before and not (tmp_path / "results/other").exists()
    changed = expected_state(other, results)
    assert changed != before
    note_run(other, results)
    assert expected_state(other, results) == changed
    back = expected_state(study, results)
    assert back not in (before, changed)
