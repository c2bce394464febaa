"""Comparisons with a release: planted errors are found, and rounding on another processor is allowed."""

import gzip
import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from made_up_results import ROWS, change_csv, change_json, make_results, record

from codestilts.config.settings_json import short_digest
from codestilts.errors import CodeStiltsError
from codestilts.provenance import write_json
from codestilts.release.comparison import CONSISTENCY, DEVIATES, Comparison, compare_results, compare_table
from codestilts.release.comparison_text import comparison_text
from codestilts.release.snapshot import RELEASE, content_digest, read_snapshot
from codestilts.release.tables import TABLES
from codestilts.release.tolerances import LAST_DIGIT, Tolerances, read_tolerances
from codestilts.release.write import file_digests, write_table

ROOT = Path(__file__).parents[2]
POINT = 0.06  # the tolerance of a score with 100 rows: .6 / sqrt(100)


@pytest.fixture
def results(tmp_path: Path) -> Path:
    return planned_results(tmp_path / "results")


def planned_results(folder: Path, processor: str = "a chip") -> Path:
    """Made-up results with a registered plan of two settings."""
    make_results(folder, processor)
    write_plan(folder / "plan.json", {"target.learning_rate": 0.001, "arms.pos": {"tasks": ["pos"]}})
    return folder


@pytest.fixture
def release(results: Path, tmp_path: Path) -> Path:
    """A release of these results, with tolerances."""
    snapshot, folder = read_snapshot(results), tmp_path / "expected"
    folder.mkdir()
    for name, table in snapshot.tables.items():
        write_table(table, folder / f"{name}.csv", TABLES[name].packed)
    for name, columns in {"effects": TABLES["effects"].numbers, "claims": TABLES["claims"].numbers}.items():
        allowed = pd.DataFrame(0.5, snapshot.tables[name].index, list(columns))
        if name == "claims":
            allowed["verdict"] = snapshot.tables[name]["claim"] == "close"
        write_table(allowed, folder / "tolerances/fp32" / f"{name}.csv", packed=True)
        write_table(2 * allowed, folder / "tolerances/bf16" / f"{name}.csv", packed=True)
    tolerances = {
        "scores": {"fp32": {"match accuracy": 0.6, "tags accuracy": 0.6}, "bf16": {"match accuracy": 1.8}},
        "thresholds": {"contrasts": [-1.0, 0.0, 1.0], "target_checks": [0.0], "p": [0.05]},
    }
    machines = [json.loads(machine) for machine in snapshot.machines]
    shutil.copyfile(results / "plan.json", folder / "plan.json")
    record = {"study": "made-up", "machines": machines, "tolerances": tolerances, "lacks": {}}
    write_json(folder / RELEASE, record | {"files": file_digests(folder)})
    return folder


def deviating(found: Comparison) -> dict[str, set[str]]:
    """The columns with deviating values by table; "" stands for rows that only one side has."""
    tables = {table.name: table.cells[table.cells["status"] == DEVIATES] for table in found.tables}
    return {name: set(cells["column"]) for name, cells in tables.items() if len(cells)}


def test_the_same_results_are_equal(release: Path, results: Path) -> None:
    found = compare_results(release, results)
    assert found.deviations == 0 and not found.differs
    assert all(table.count("equal") == table.values > 0 for table in found.tables)
    assert {table.name for table in found.tables} == {
        *("plan", "examples", "runs", "predictions", "scores", "effects", "claims", CONSISTENCY)
    }


def swap_arms(results: Path) -> None:
    names = {"none": "pos", "pos": "none"}
    change_csv(results / "scores.csv", lambda table: table.assign(arm=table["arm"].map(names)))


def swap_predictions(results: Path) -> None:
    none, pos = (results / "predictions" / "tiny" / arm / "tags" / "0-1.parquet" for arm in ("none", "pos"))
    kept = none.read_bytes()
    none.write_bytes(pos.read_bytes())
    pos.write_bytes(kept)


def train_faster(results: Path) -> None:
    for path in results.glob("target/tiny/pos/match/*/*/run.json"):
        change_json(path, lambda run: run["settings"].update(learning_rate=0.002))


def train_without_decay(results: Path) -> None:
    for path in results.glob("target/tiny/pos/match/*/*/run.json"):
        change_json(path, lambda run: run["settings"].update(weight_decay=0.0))


def drop_language(results: Path) -> None:
    change_csv(results / "scores.csv", lambda table: table[table["language"] != "go"])


def drop_arm(results: Path) -> None:
    shutil.rmtree(results / "target" / "tiny" / "pos")


def add_rows(results: Path) -> None:
    change_csv(results / "scores.csv", lambda table: pd.concat([table, table.head(3).assign(language="java")]))


def repeat_rows(results: Path) -> None:
    change_csv(results / "scores.csv", lambda table: pd.concat([table, table.head(3)]))


def take_another_seed(results: Path) -> None:
    for path in results.glob("target/tiny/none/tags/0-1/1/run.json"):
        change_json(path, lambda run: run["drawn"]["tags"].update(digest="rows of seed 2"))


def rename_seed(results: Path) -> None:
    change_csv(results / "scores.csv", lambda table: table.assign(seed=table["seed"].replace("1", "2")))


def change_verdict(results: Path) -> None:
    change_csv(results / "claims.csv", lambda table: table.assign(verdict=["inconclusive", "supported"]))


def change_examples(results: Path) -> None:
    pd.DataFrame({"id": ["x"], "tags": [["A", "C"]]}).to_parquet(results / "examples" / "match.parquet")


def delete_effects(results: Path) -> None:
    (results / "effects.csv").unlink()


def plan_another_rate(results: Path) -> None:
    write_plan(results / "plan.json", {"target.learning_rate": 0.002, "arms.pos": {"tasks": ["pos"]}})


def forget_plan(results: Path) -> None:
    (results / "plan.json").unlink()


def write_plan(path: Path, plan: dict[str, object]) -> None:
    entry = {"kind": "registration", "date": "2026-01-01T00:00:00+00:00", "plan": plan}
    write_json(path, {"entries": [entry | {"digest": short_digest(plan)}]})


PLANTED = [
    (plan_another_rate, {"plan": {"value"}}),
    (forget_plan, {"plan": {""}}),
    (swap_arms, {"scores": {"value"}}),
    (train_faster, {"runs": {"learning_rate"}}),
    (train_without_decay, {"runs": {"settings"}}),
    (drop_language, {"scores": {""}}),
    (drop_arm, {"runs": {""}}),
    (add_rows, {"scores": {""}}),
    (repeat_rows, {"scores": {""}}),
    (take_another_seed, {"runs": {"drawn"}}),
    (rename_seed, {"scores": {""}}),
    (change_verdict, {"claims": {"verdict"}}),
    (change_examples, {"examples": {"digest"}}),
    (delete_effects, {"effects": {""}}),
]


@pytest.mark.parametrize("processor", ["a chip", "another chip"])
@pytest.mark.parametrize(("plant", "expected"), PLANTED, ids=lambda value: getattr(value, "__name__", ""))
def test_planted_errors_are_found_on_any_processor(
    release: Path, tmp_path: Path, plant: Callable[[Path], None], expected: dict[str, set[str]], processor: str
) -> None:
    results = planned_results(tmp_path / "again", processor)
    plant(results)
    assert deviating(compare_results(release, results)) == expected


def test_swapped_predictions_are_found_on_the_same_processor(release: Path, results: Path) -> None:
    swap_predictions(results)
    (table,) = [table for table in compare_results(release, results).tables if table.name == "predictions"]
    assert set(table.cells["row"]) == {f"predictions/tiny/{arm}/tags/0-1.parquet" for arm in ("none", "pos")}


@pytest.mark.parametrize(("share", "deviations"), [(0.9, 0), (10, 12)])
def test_rounding_passes_on_another_processor_and_ten_times_as_much_does_not(
    release: Path, tmp_path: Path, share: float, deviations: int
) -> None:
    results = planned_results(tmp_path / "again", "another chip")

    def noisy(table: pd.DataFrame) -> pd.DataFrame:
        chosen = table["target"] == "match"
        return table.assign(value=table["value"].astype(float) + np.where(chosen, share * POINT, 0.0))

    change_csv(results / "scores.csv", noisy)
    found = compare_results(release, results)
    (scores,) = [table for table in found.tables if table.name == "scores"]
    assert found.differs and len(scores.cells) == 12  # 2 arms x 2 seeds x 3 languages
    assert found.deviations == deviations
    assert scores.cells["tolerance"].tolist() == pytest.approx([POINT + LAST_DIGIT] * 12)


@pytest.mark.parametrize(
    ("language_set", "effect", "by_seed", "expected"),
    [
        ("go", "25.1", "25.100 25.100", "25.000000"),  # the scores of pos are 25 points above those of none
        ("go", "25.0", "24.000 26.000", None),
        ("all", "25.1", "25.200 25.000", None),  # a mean, which only has to be that of its seeds
        ("all", "25.1", "24.000 26.000", "25.000000"),
    ],
)
def test_an_effect_within_tolerance_that_does_not_follow_from_the_scores_is_found(
    release: Path, tmp_path: Path, language_set: str, effect: str, by_seed: str, expected: str | None
) -> None:
    results = planned_results(tmp_path / "again", "another chip")

    def plant(table: pd.DataFrame) -> pd.DataFrame:
        more = table.iloc[:1].assign(language_set=language_set, effect=effect, by_seed=by_seed)
        return more if language_set == "all" else pd.concat([table, more])

    change_csv(results / "effects.csv", plant)
    (found,) = [table for table in compare_results(release, results).tables if table.name == CONSISTENCY]
    assert found.cells["expected"].tolist() == ([expected] if expected else [])


@pytest.mark.parametrize(("name", "column"), [("effects", "by_seed"), ("effects", "effect"), ("scores", "value")])
def test_a_table_without_its_numbers_is_refused_in_a_line(release: Path, results: Path, name: str, column: str) -> None:
    change_csv(results / f"{name}.csv", lambda table: table.drop(columns=column))
    with pytest.raises(CodeStiltsError, match=rf"results: {name}.csv lacks the column {column}"):
        compare_results(release, results)


@pytest.mark.parametrize(("name", "column"), [("effects", "by_seed"), ("effects", "effect"), ("scores", "value")])
@pytest.mark.parametrize("text", ["NaN", "abc", "x y z"])
def test_what_is_no_number_deviates(release: Path, results: Path, name: str, column: str, text: str) -> None:
    change_csv(results / f"{name}.csv", lambda table: table.assign(**{column: [text, *table[column][1:]]}))
    assert column in deviating(compare_results(release, results))[name]


def test_on_the_same_processor_the_smallest_difference_deviates(release: Path, results: Path) -> None:
    change_csv(results / "scores.csv", lambda table: table.assign(value=["0.200001", *table["value"][1:]]))
    assert deviating(compare_results(release, results)) == {"scores": {"value"}}


def test_the_contrast_without_failing_targets_is_compared_only_where_the_same_targets_fail(
    release: Path, tmp_path: Path
) -> None:
    """On another processor the check of match passes by a hair, so only tags fail; other rows keep their limits."""
    keys = dict.fromkeys(TABLES["contrasts"].keys, "x")
    rows = pd.DataFrame([keys | {"left_out_kind": "targets", "left_out": "match tags"}, keys | {"left_out": "go"}])
    contrasts = rows.assign(difference="1.0", low="0.1", high="1.9", p_holm="", p_bh="", judgement="undecided")
    checks = pd.DataFrame({"encoder": "tiny", "target": ["match", "tags"], "rival": "majority", "none": "50",
                           "rival_value": "49", "margin": "1", "low": ["-0.01", "-5"], "high": "2"})  # fmt: skip
    released = checks.assign(passed="False")
    results = planned_results(tmp_path / "again", "another chip")
    ours = {"contrasts": contrasts.replace({"match tags": "tags", "1.0": "1.1"}), "target_checks": released.copy()}
    ours["target_checks"].loc[0, ["low", "passed"]] = ["0.01", "True"]
    for name, table in {"contrasts": contrasts, "target_checks": released}.items():
        write_table(table, release / f"{name}.csv", TABLES[name].packed)
        allowed = pd.DataFrame({column: [0.05, 0.2] for column in TABLES[name].numbers})
        write_table(allowed, release / "tolerances/fp32" / f"{name}.csv", packed=True)
        ours[name].to_csv(results / f"{name}.csv", index=False)
    change_json(release / RELEASE, lambda record: record.update(files=file_digests(release)))
    found = compare_results(release, results)
    assert found.deviations == 0 and any("other checks of targets fail" in warning for warning in found.warnings)
    (cells,) = [table.cells for table in found.tables if table.name == "contrasts"]
    assert cells[["column", "tolerance"]].to_numpy().tolist() == [["difference", 0.2]]
    ours["contrasts"].replace({"1.1": "1.3"}).to_csv(results / "contrasts.csv", index=False)
    assert deviating(compare_results(release, results)) == {"contrasts": {"difference"}}
    ours["target_checks"].replace({"True": "False"}).to_csv(results / "target_checks.csv", index=False)
    assert deviating(compare_results(release, results)) == {"contrasts": {"", "difference"}}


def test_a_score_may_always_differ_by_one_answer(release: Path, tmp_path: Path) -> None:
    results = planned_results(tmp_path / "again", "another chip")
    small = {"match accuracy": 1e-6}
    change_json(release / RELEASE, lambda record: record["tolerances"]["scores"]["fp32"].update(small))
    change_csv(results / "scores.csv", lambda table: table.assign(value=table["value"].astype(float) + 0.99 / ROWS))
    assert compare_results(release, results).deviations == 0
    change_csv(results / "scores.csv", lambda table: table.assign(value=table["value"].astype(float) + 0.02 / ROWS))
    assert deviating(compare_results(release, results)) == {"scores": {"value"}}


def test_trivial_baselines_have_no_tolerance() -> None:
    """.6 / sqrt(100), and no less than one answer of 100."""
    columns = {"encoder": ["tiny", ""], "target": "match", "metric": "accuracy", "n": "100"}
    rows = pd.DataFrame(columns, dtype=str)
    found = Tolerances({"match accuracy": 0.6}).of("scores", "value", rows).tolist()
    assert found == pytest.approx([0.06 + LAST_DIGIT, 0.0])
    assert Tolerances({"match accuracy": 0.0}).of("scores", "value", rows)[0] == pytest.approx(0.01 + LAST_DIGIT)
    assert Tolerances({"tags accuracy": 0.6}).of("scores", "value", rows)[0] == 0.0


def test_one_answer_more_is_allowed_however_scores_are_rounded() -> None:
    """The scores 77 / 191 and 78 / 191 differ by .005236 as they are written, which is more than 1 / 191."""
    tests, written = 191, [round(right / 191, 6) for right in (77, 78)]
    rows = pd.DataFrame({"target": ["match"], "metric": ["accuracy"], "encoder": ["tiny"], "n": [tests]})
    assert 1 / tests < written[1] - written[0] <= Tolerances({"match accuracy": 0.0}).of("scores", "value", rows)[0]


@pytest.mark.parametrize(
    ("precisions", "scores", "effects", "warned"),
    [({"fp32"}, 0.6, 0.5, False), ({"bf16"}, 1.8, 1.0, False), ({"bf16", "fp32"}, 1.8, 1.0, False),
     ({"fp16"}, 0.6, 0.5, True), ({"fp16", "bf16"}, 1.8, 1.0, True)],
)  # fmt: skip
def test_each_precision_has_its_own_tolerances_and_several_have_the_largest(
    release: Path, results: Path, precisions: set[str], scores: float, effects: float, warned: bool
) -> None:
    kinds = [json.loads(machine) for machine in read_snapshot(results).machines]
    machines = tuple(json.dumps(kind | {"precision": name}) for kind in kinds for name in sorted(precisions))
    found = read_tolerances(read_snapshot(release), replace(read_snapshot(results), machines=machines))
    assert found.scores["match accuracy"] == scores and bool(found.warnings) == warned
    assert set(found.derived["effects"].to_numpy().ravel()) == {effects}
    assert found.scores.get("tags accuracy") == (None if scores == 1.8 and "fp32" not in precisions else 0.6)


def contrast(**values: object) -> dict[str, str]:
    row = dict.fromkeys(TABLES["contrasts"].keys, "") | {"difference": "2.0", "low": "0.2", "high": "3.8"}
    return row | {"p_holm": "", "p_bh": "", "by_seed": "1.9 2.1"} | {key: str(value) for key, value in values.items()}


@pytest.mark.parametrize(
    ("row", "touches"),
    [({"p_bh": 0.056}, True), ({"p_bh": 0.08}, False), ({"p_holm": 0.044}, True), ({"p_holm": 0.08}, False),
     ({"low": -0.05}, True), ({"high": 1.05}, True), ({"low": 0.3, "high": 0.8}, False)],
)  # fmt: skip
def test_a_verdict_on_a_contrast_rests_on_its_interval_and_its_corrected_p(row: dict[str, float], touches: bool):
    """Ends may move by .1 and a p by .01; the limits are -1, 0 and 1 point, and .05."""
    rows = pd.DataFrame([contrast(**row)]).reset_index(names="position")
    allowed = pd.DataFrame([{"difference": 0.1, "low": 0.1, "high": 0.1, "p_holm": 0.01, "p_bh": 0.01}])
    limits = {"contrasts": [-1.0, 0.0, 1.0], "p": [0.05]}
    found = Tolerances(derived={"contrasts": allowed}, thresholds=limits).touches("contrasts", rows)
    assert found.tolist() == [touches]


def test_a_large_difference_is_before_texts_that_follow_from_it() -> None:
    rows = pd.DataFrame([contrast(plus=name) for name in "abc"])
    found = rows.assign(by_seed="1.9 2.2", difference=["2.0", "2.5", "40.0"])
    cells = compare_table(TABLES["contrasts"], rows, found, None).cells
    assert list(zip(cells["row"], cells["column"], strict=True)) == [
        ("c", "difference"), ("b", "difference"), ("a", "by_seed"), ("b", "by_seed"), ("c", "by_seed")
    ]  # fmt: skip


def test_a_verdict_that_is_gone_deviates_wherever_the_numbers_are(release: Path, tmp_path: Path) -> None:
    results = planned_results(tmp_path / "again", "another chip")
    change_csv(results / "claims.csv", lambda table: table.assign(verdict=""))
    (cells,) = [table.cells for table in compare_results(release, results).tables if table.name == "claims"]
    assert (cells["status"] == DEVIATES).all() and len(cells) == 2


def test_a_verdict_on_a_claim_may_change_only_if_its_tolerances_say_so(release: Path, tmp_path: Path) -> None:
    results = planned_results(tmp_path / "again", "another chip")
    change_csv(results / "claims.csv", lambda table: table.assign(verdict=["supported", "inconclusive"]))
    assert compare_results(release, results).deviations == 0
    change_csv(results / "claims.csv", lambda table: table.assign(verdict="inconclusive"))
    (cells,) = [table.cells for table in compare_results(release, results).tables if table.name == "claims"]
    assert cells.loc[cells["status"] == DEVIATES, "row"].tolist() == ["gain / tiny"]


def test_without_tolerances_every_difference_on_another_processor_deviates(release: Path, tmp_path: Path) -> None:
    results = planned_results(tmp_path / "again", "another chip")
    change_json(release / RELEASE, lambda record: record.pop("tolerances"))
    assert compare_results(release, results).deviations == 0
    change_csv(results / "scores.csv", lambda table: table.assign(value=table["value"].astype(float) + 1e-6))
    found = compare_results(release, results)
    assert deviating(found) == {"scores": {"value"}} and "make rounding" in found.warnings[0]


def test_a_release_of_a_part_ignores_what_came_later(release: Path, results: Path) -> None:
    lacks = {"runs": 7, "of": 8, "lacks": {"tiny / pos": {"tags": [1]}}}
    change_json(release / RELEASE, lambda record: record.update(lacks))
    add_rows(results)
    found = compare_results(release, results)
    assert found.deviations == 0 and "7 of 8 runs" in found.warnings[0]
    change_csv(results / "effects.csv", lambda table: table.assign(effect="1.0", by_seed="0.500 1.500"))
    assert deviating(compare_results(release, results)) == {"effects": {"effect", "by_seed"}}
    shutil.copytree(results / "predictions/tiny/pos", results / "predictions/tiny/cloze")  # the study goes on
    found = compare_results(release, results)
    assert found.deviations == 0 and "effects: not compared" in " ".join(found.warnings)
    drop_language(results)
    assert deviating(compare_results(release, results)) == {"scores": {""}}


def test_tables_that_a_part_has_in_its_release_only_are_not_missing(release: Path, results: Path) -> None:
    for name in ("scores", "effects", "claims"):
        (results / f"{name}.csv").unlink()
    assert deviating(compare_results(release, results)) == {"scores": {""}, "effects": {""}, "claims": {""}}
    lacks = {"runs": 7, "of": 8, "lacks": {"tiny / pos": {"tags": [1]}}}
    change_json(release / RELEASE, lambda record: record.update(lacks))
    found = compare_results(release, results)
    assert found.deviations == 0 and {table.name for table in found.tables} == {
        *("plan", "examples", "runs", "predictions")
    }
    assert f"scores, effects, claims: not compared, because {results} lacks them" in found.warnings[-1]


def test_the_table_shows_the_worst_first_and_what_missing_rows_have_in_common(release: Path, results: Path) -> None:
    change_csv(results / "scores.csv", lambda table: table.assign(value=["0.9", "0.21", *table["value"][2:]]))
    drop_language(results)
    text = comparison_text(compare_results(release, results))
    assert "not compared: all other files" in text
    assert "8 rows are missing, each with encoder tiny, checkpoint last, language go, metric accuracy\n" in text
    cells = [line for line in text.splitlines() if " value " in line]
    assert [float(line.split()[-2]) for line in cells] == pytest.approx([0.7, -0.01])
    assert text.endswith("10 values deviate")  # eight rows, two values


def test_the_script_exits_with_1_on_deviations(release: Path, results: Path) -> None:
    command = [sys.executable, ROOT / "scripts" / "verify.py", "--expected", release, "--results", results]
    assert subprocess.run(command, capture_output=True).returncode == 0
    change_verdict(results)
    failed = subprocess.run(command, capture_output=True, text=True)
    assert failed.returncode == 1 and failed.stdout.endswith("1 value deviates\n")


def test_a_folder_without_results_is_an_error_in_one_line(release: Path, tmp_path: Path) -> None:
    command = [sys.executable, ROOT / "scripts" / "verify.py", "--expected", release, "--results", tmp_path / "none"]
    failed = subprocess.run(command, capture_output=True, text=True)
    assert failed.returncode == 1 and failed.stderr.startswith("error:") and len(failed.stderr.splitlines()) == 1


def test_the_table_says_whether_values_may_differ(release: Path, results: Path, tmp_path: Path) -> None:
    """On another processor without measured tolerances, nothing may differ; without records it is unknown."""

    def rule(found: Comparison) -> str:
        return comparison_text(found).splitlines()[2].removeprefix("values have to be ")

    other = planned_results(tmp_path / "again", "another chip")
    assert rule(compare_results(release, results)) == "equal: the same processor and versions"
    assert rule(compare_results(release, other)) == "within rounding, because of another processor"
    assert rule(compare_results(results, other)) == "equal, in spite of another processor"
    shutil.rmtree(other / "target")
    assert rule(compare_results(release, other)).endswith(f"an unknown processor, as {other} has no records of runs")


@pytest.mark.parametrize(
    ("ours", "theirs", "differs"),
    [("3.11.2", "3.11.7", ""), ("3.11.2", "3.12.2", "another python"), ("3.1.2", "3.11.2", "another python")],
)
def test_a_patch_of_python_changes_no_number(
    release: Path, results: Path, ours: str, theirs: str, differs: str
) -> None:
    for path in results.glob("target/*/*/*/*/*/run.json"):
        change_json(path, lambda run: run["versions"].update(python=theirs))
    change_json(release / RELEASE, lambda of: [machine["versions"].update(python=ours) for machine in of["machines"]])
    assert compare_results(release, results).differs == differs


def test_results_without_a_run_in_common_are_called_different_studies(release: Path, results: Path) -> None:
    assert not any("different studies" in warning for warning in compare_results(release, results).warnings)
    for path in results.glob("target/*/*/*/*/*/run.json"):
        change_json(path, lambda run: run["settings"].update(encoder="large"))
    assert "they may be different studies" in compare_results(release, results).warnings[0]


def test_an_archive_has_to_be_unpacked_to_be_compared(release: Path, tmp_path: Path) -> None:
    (tmp_path / "x.zip").write_bytes(b"PK")
    with pytest.raises(CodeStiltsError, match=r"x\.zip: a zip: unpack it"):
        compare_results(release, tmp_path / "x.zip")


def test_a_folder_in_place_of_a_table_is_an_error_in_one_line(release: Path, results: Path) -> None:
    (results / "scores.csv").unlink()
    (results / "scores.csv").mkdir()
    with pytest.raises(CodeStiltsError, match=r"scores\.csv: a folder: name a file$"):
        compare_results(release, results)


RECORD = record("pos", "tags", 1, "a chip")
DAMAGE: list[tuple[str, bytes | dict[str, object], str]] = [
    ("again/scores.csv", b"", "not a table"),
    ("again/scores.csv", b"a,b\n1\n1,2,3\n", "not a table"),
    ("again/scores.csv", b"encoder,value\ntiny,1\n", "lacks the column arm"),
    ("again/examples/match.parquet", b"PAR1 cut off", "not a table"),
    ("again/predictions/tiny/pos/tags/0-1.parquet", b"", "not a table"),
    ("again/target/tiny/pos/tags/0-1/1/run.json", {"settings": {"encoder": "tiny"}}, "not a record of a run"),
    ("again/target/tiny/pos/tags/0-1/1/run.json", {**RECORD, "drawn": {"tags": {}}}, "not a record of a run"),
    (
        "again/plan.json",
        {"entries": [{"kind": "registration", "date": "", "digest": "", "plan": [1]}]},
        "not the record of",
    ),
    (
        "again/plan.json",
        {"entries": [{"kind": "deviation", "date": "", "digest": "", "changes": {"a": 1}}]},
        "not the record",
    ),
    ("expected/scores.csv.gz", b"no gzip", "not a table"),
    ("expected/scores.csv.gz", gzip.compress(b"encoder,arm\n")[:-9], "not a table"),
    ("expected/runs.csv.gz", gzip.compress(b"phase\nx\n"), "lacks the column encoder"),
    ("expected/tolerances/fp32/effects.csv.gz", gzip.compress(b"low\n0\n"), "not the tolerances of effects"),
    ("expected/release.json", b"[]", "not the record of a release"),
    ("expected/release.json", {"tolerances": {}}, "tolerances.scores: Field required"),
    ("expected/release.json", {"tolerances": {"scores": {}, "thresholds": {}}}, "tolerances.scores"),
    ("expected/release.json", {"machines": []}, "machines: List should have at least 1 item"),
    ("expected/release.json", {"files": {}}, "files: Dictionary should have at least 1 item"),
    ("expected/release.json", {"machines": [{}]}, "machines.0.precision: Field required"),
    ("expected/release.json", {"machines": [{"precision": "fp32"}]}, "machines.0.versions: Field required"),
    ("expected/release.json", {"lacks": {"tiny / pos": {}}, "runs": "some"}, "runs: "),
]


@pytest.mark.parametrize(("name", "damage", "message"), DAMAGE, ids=range(len(DAMAGE)))
def test_a_damaged_file_is_an_error_in_one_line_that_names_it(
    release: Path, tmp_path: Path, name: str, damage: bytes | dict[str, object], message: str
) -> None:
    results, path = planned_results(tmp_path / "again", "another chip"), tmp_path / name
    assert path.exists() and compare_results(release, results).deviations == 0
    if isinstance(damage, bytes):
        path.write_bytes(damage)
        if path.name != RELEASE:
            change_json(release / RELEASE, lambda record: record.update(files=file_digests(release)))
    elif path.name == RELEASE:
        change_json(path, lambda record: record.update(damage))
    else:
        write_json(path, damage)
    with pytest.raises(CodeStiltsError) as error:
        compare_results(release, results)
    assert str(error.value).startswith(f"{path}: ") and message in str(error.value)
    assert len(str(error.value).splitlines()) == 1


@pytest.mark.parametrize("name", ["scores.csv.gz", "plan.json", "claims.csv", "tolerances/fp32/claims.csv.gz"])
@pytest.mark.parametrize("gone", [True, False])
def test_a_release_whose_files_are_gone_or_changed_compares_nothing(
    release: Path, results: Path, name: str, gone: bool
) -> None:
    path = release / name
    if gone:
        path.unlink()
    else:
        path.write_bytes(path.read_bytes() + b"x")
    with pytest.raises(CodeStiltsError, match="missing or changed since its release") as error:
        compare_results(release, results)
    assert str(error.value).startswith(f"{path}: ")


def test_a_digest_is_of_content_and_not_of_how_it_is_stored() -> None:
    texts, numbers, lists = ["a", "b", "a"], [1, 2, 3], [["x"], [], None]
    table = pa.table({"text": texts, "number": numbers, "list": lists})
    other = pa.table(
        {"number": pa.array(numbers, pa.int32()), "list": lists, "text": pa.array(texts).dictionary_encode()}
    )
    assert content_digest(table) == content_digest(other)
    assert content_digest(table) != content_digest(table.take([1, 0, 2]))
    assert content_digest(table) != content_digest(table.set_column(0, "text", [["a", "b", "c"]]))


def test_a_setting_with_its_default_value_does_not_change_the_digest_of_a_run() -> None:
    from codestilts.config.training_settings import RetrievalSettings, to_plain
    from codestilts.release.snapshot import settings_digest

    settings = to_plain(RetrievalSettings("made-up", "tiny", "pos", (0,), {}, "pretrained", (), "fp32", tf32=False))
    older = {name: value for name, value in settings.items() if name != "threads"}
    assert settings_digest("retrieval", settings) == settings_digest("retrieval", older)
    assert settings_digest("retrieval", settings) != settings_digest("retrieval", settings | {"precision": "bf16"})


def test_runs_of_several_processors_are_never_compared_bit_by_bit(results: Path) -> None:
    write_json(results / "target/tiny/pos/tags/0-1/1/run.json", record("pos", "tags", 1, "another chip"))
    assert "several kinds of processor" in compare_results(results, results).differs
