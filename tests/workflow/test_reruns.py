"""Jobs run again if their inputs, settings or code change, and whatever the environment of the user is."""

import csv
import io
import os
import re
import shutil
import subprocess
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import pytest
import yaml
from projects import ROOT, environment, snakemake

# Every parameter of a rule. A new one must not hold anything of the environment.
FROM_STUDY = {"settings", "sources", "gpus", "study", "sample", "rehearsal", "plan"}
DIGESTS_OF_CODE = {"code", "parent_digest"}
CONTENT = {"content"}  # of local sources and task files
PATHS = {"script", "out", "encoder", "records", "results", "benchmarks", "near_duplicates", "clusters", "image"}
PATHS |= {"folder"}  # in an archive
PATHS |= {"overlays"}  # depends on the output, as needs does
REQUIREMENTS = {"needs"}  # depends on the output, so that it decides no rerun

HUB = {"HF_ENDPOINT": "http://127.0.0.1:9", "HF_TOKEN": "secret", "HF_HOME": "/tmp/elsewhere"}
TEXT = {"PYTHONHASHSEED": "7", "TZ": "Asia/Tokyo", "LC_ALL": "C", "LANG": "C", "PYTHONUTF8": "0", "COLUMNS": "40"}
DEVICE = {"OMP_NUM_THREADS": "7", "CUDA_VISIBLE_DEVICES": "", "CODESTILTS_PRETEND_GPUS": "2", "APPTAINER_NV": "1"}
SITE = {"CODESTILTS_COMMIT": "beef", "CODESTILTS_ACCOUNT": "me", "CODESTILTS_GPUS": "3", "CODESTILTS_SCRATCH": "/tmp"}
PLACE = {"TMPDIR": "/var/tmp", "HOME": "/tmp", "USER": "else", "XDG_CACHE_HOME": "/tmp/cache", "SLURM_JOB_ID": "3"}


@pytest.mark.parametrize("offline", ["0", "1"])
def test_no_environment_variable_decides_a_rerun(offline: str, done: Path) -> None:
    command = ["snakemake", "--cores", "2", "--dry-run", "--configfile", "micro.yaml"]
    changes = {"HF_HUB_OFFLINE": offline, **HUB, **TEXT, **DEVICE, **SITE, **PLACE}
    result = subprocess.run(command, cwd=done, env=environment(done) | changes, capture_output=True, text=True)
    assert "Nothing to be done" in result.stdout + result.stderr, result.stdout + result.stderr


def test_all_parameters_of_rules_are_known() -> None:
    found = set()
    for path in (ROOT / "rules").glob("*.smk"):
        for block in re.findall(
            r"^ +params:\n((?: +.*\n)+?) +(?:message|shell|notebook):", path.read_text(), re.MULTILINE
        ):
            found |= set(re.findall(r"^ +(\w+)=", block, re.MULTILINE))
    assert found == FROM_STUDY | DIGESTS_OF_CODE | CONTENT | PATHS | REQUIREMENTS


def test_rules_read_no_environment() -> None:
    for path in [ROOT / "Snakefile", *(ROOT / "rules").glob("*.smk")]:
        assert not re.search(r"environ|getenv|\benvvars\b", path.read_text()), path


def test_a_local_source_that_changes_is_fetched_again(fresh: Path, tmp_path: Path) -> None:
    project = Path(shutil.copytree(fresh, tmp_path / "project", symlinks=True))
    functions = "results/micro/functions/c.parquet"
    assert snakemake(project, functions).returncode == 0
    file = project / "packages/c-test/core.c"
    before = file.stat()
    file.touch()
    assert "Nothing to be done" in snakemake(project, "--dry-run", functions).stdout
    text = file.read_text()
    file.write_text(text.replace("int", "Int", 1))
    os.utime(file, (before.st_atime - 1e6, before.st_mtime - 1e6))  # older than what was fetched
    plan = snakemake(project, "--dry-run", functions).stdout
    assert re.search(r"^fetch +1$", plan, re.MULTILINE) and re.search(r"^extract +1$", plan, re.MULTILINE), plan
    file.write_text(text)
    file.parent.rename(project / "gone")
    assert "Nothing to be done" in snakemake(project, "--dry-run", functions).stdout


# Outputs that describe the whole study: they change with every arm, language and target.
WHOLE_STUDY = [
    *("scores.csv", "effects.csv", "contrasts.csv", "target_checks.csv", "counts.csv", "claims.csv"),
    *("runs.csv", "curves.csv", "layers.csv"),
    *("figures/*", "tables/*", "browsed_predictions.parquet", "efficiency.csv", "report.html"),
]
# The outputs of one encoder-arm pair.
PAIR = ["target/tiny/{}/*", "predictions/tiny/{}/*", "retrieval/tiny/{}/*", "scores/tiny/{}.*.parquet"]
PAIR += [f"{table}/tiny/{{}}.csv" for table in ("runs", "curves", "layers")]


def new_arm(name: str) -> list[str]:
    """The outputs that an arm with an intermediate task adds, and those of the whole study."""
    own = ["doses/tiny/{}.*", "doses.csv", "intermediate/tiny/{}/*", "records/tiny/{}/*", *PAIR]
    return [*(pattern.format(name) for pattern in own), *WHOLE_STUDY]


@pytest.fixture(scope="module")
def with_java(done: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The finished project, with a test package in one more language."""
    project = Path(shutil.copytree(done, tmp_path_factory.mktemp("java") / "project", symlinks=True))
    (project / "packages/java-test").mkdir()
    (project / "packages/java-test/Core.java").write_text("class Core { int add(int a, int b) { return a + b; } }")
    with (project / "sources.csv").open("a", newline="") as stream:
        row = ["java-test", "local", "packages/java-test", *[""] * 4, "java", "test", "", "Apache-2.0", "made up", ""]
        csv.writer(stream).writerow(row)
    return project


def pending(project: Path, changes: dict[str, Any], folder: Path) -> list[str]:
    """The outputs that the micro study would write after some changes of its config, as paths below its results."""
    overlay = folder / "overlay.yaml"
    overlay.write_text(yaml.safe_dump(changes))
    result = subprocess.run(
        ["snakemake", "--summary", "--configfile", "micro.yaml", str(overlay)],
        cwd=project,
        env=environment(project),
        capture_output=True,
        text=True,
    )
    assert result.returncode == 0, result.stderr
    rows = csv.DictReader(io.StringIO(result.stdout), delimiter="\t")
    return [row["output_file"].removeprefix("results/micro/") for row in rows if row["plan"] != "no update"]


def assert_only(outputs: list[str], expected: list[str]) -> None:
    """Each output is expected, and everything that is expected is among the outputs."""
    unexpected = [path for path in outputs if not any(fnmatchcase(path, pattern) for pattern in expected)]
    missing = [pattern for pattern in expected if not any(fnmatchcase(path, pattern) for path in outputs)]
    assert (unexpected, missing) == ([], [])


AUDIT = ["audit.csv", "matched_tasks.csv", "text_clusters.parquet"]  # one job writes the first two


def micro_arms(*names: str) -> list[str]:
    """The arms of the micro study and some more."""
    return [*yaml.safe_load((ROOT / "tests/micro.yaml").read_text())["arms"], *names]


def test_nothing_is_pending_in_a_finished_study(done: Path, tmp_path: Path) -> None:
    assert pending(done, {"study": "micro"}, tmp_path) == []


def test_a_task_file_is_built_again_for_what_it_says_of_examples_only(done: Path, tmp_path: Path) -> None:
    project = Path(shutil.copytree(done, tmp_path / "project", symlinks=True))
    file = project / "tasks/pl/tags.yaml"
    text = file.read_text()
    changed = text.replace("description: >-\n", "description: >-\n  Another text.\n")
    changed = re.sub(r"^group: .*$", "group: retrieval", changed, flags=re.MULTILINE)
    assert changed.count("group: retrieval") == 1 and "group: retrieval" not in text
    file.write_text("# A remark.\n" + changed)
    assert not {"examples/tags.parquet", "encoded/tiny/tags"} & set(pending(project, {"study": "micro"}, tmp_path))
    settings = yaml.safe_load(text)
    settings["build"]["tokens"] -= 1
    file.write_text(yaml.safe_dump(settings, sort_keys=False))
    outputs = pending(project, {"study": "micro"}, tmp_path)
    assert {"examples/tags.parquet", "encoded/tiny/tags"} < set(outputs)
    assert not {"examples/match.parquet", "encoded/tiny/match"} & set(outputs)


def test_an_encoder_with_the_same_tokenizer_outdates_no_job_of_the_first(done: Path, tmp_path: Path) -> None:
    project = Path(shutil.copytree(done, tmp_path / "project", symlinks=True))
    twin = {
        "encoders": ["tiny", "twin"],
        "definitions": {"encoders": {"twin": {"source": "tiny-bert", "folder": "model"}}},
    }
    (project / "twin.yaml").write_text(yaml.safe_dump(twin))
    encoded = "results/micro/encoded/{}/tags"
    run = snakemake(project, encoded.format("twin"), configs=["micro.yaml", "twin.yaml"])
    assert run.returncode == 0, run.stdout
    files = [project / encoded.format(name) / "rows.parquet" for name in ("tiny", "twin")]
    assert files[0].samefile(files[1])
    assert set(pending(project, {"study": "micro"}, tmp_path)) <= {"report.html"}  # which says that the plan changed


def test_a_new_arm_reruns_no_job_of_other_arms(done: Path, tmp_path: Path) -> None:
    """``code-choice`` is built already, as a part of ``mlm-code``; the audit compares it with the targets now."""
    outputs = pending(done, {"arms": micro_arms("code-choice")}, tmp_path)
    ranked = ["transferability/tiny/code-choice.csv", "transferability.csv"]
    assert_only(outputs, [*new_arm("code-choice"), "encoded/tiny/code-choice", *ranked, *AUDIT])


def test_a_new_control_reruns_no_job_of_other_arms(done: Path, tmp_path: Path) -> None:
    """It trains on the examples of ``cloze``, so that nothing is built, encoded or audited."""
    shuffled = {"family": "control", "tasks": ["cloze"], "shuffle_labels": True, "controls_for": ["code"]}
    changes = {"arms": micro_arms("shuffled"), "definitions": {"arms": {"shuffled": shuffled}}}
    assert_only(pending(done, changes, tmp_path), new_arm("shuffled"))


def test_a_new_target_reruns_no_training_on_others(done: Path, tmp_path: Path) -> None:
    """Each pair's scores and records are one table of all its targets, and are put together again."""
    targets = yaml.safe_load((ROOT / "tests/micro.yaml").read_text())["targets"]
    outputs = pending(done, {"targets": [*targets, "roles"]}, tmp_path)
    own = ["examples/roles.parquet", "encoded/tiny/roles", "baselines/roles.parquet"]
    own += ["target/tiny/*/roles/*", "predictions/tiny/*/roles/*"]
    own += ["transferability/tiny/*", "transferability.csv"]
    tables = ["scores/baselines.*.parquet", "scores/tiny/*.parquet", "runs/tiny/*.csv", "curves/tiny/*.csv"]
    assert_only(outputs, [*own, *tables, "layers/tiny/*.csv", "sample_predictions.csv", *WHOLE_STUDY, *AUDIT])


def test_a_new_language_reruns_only_what_depends_on_functions(with_java: Path, tmp_path: Path) -> None:
    """Near duplicates are looked for in all languages at once, so all examples that are made of functions follow."""
    outputs = pending(with_java, {"languages": ["python", "javascript", "c", "invented", "java"]}, tmp_path)
    extracted = ["resources/java-test.zip", "functions/java.parquet", "near_duplicates.parquet"]
    built = ["examples/*.parquet", "encoded/tiny/*", "baselines/*.parquet"]
    built += [f"{kind}/tiny/{arm}/*" for kind in ("intermediate", "records") for arm in ("pos", "cloze", "mlm-code")]
    # The trials and the rankings of intermediate tasks read the targets' examples.
    built += ["transferability/tiny/*", "transferability.csv", "doses/tiny/*", "doses.csv"]
    predicted = ["target/tiny/*", "predictions/tiny/*", "retrieval/*", "scores/*", "runs/*", "curves/*", "layers/*"]
    study = [*WHOLE_STUDY, "language_similarity.csv", "sample_predictions.csv", *AUDIT]
    assert_only(outputs, [*extracted, *built, *predicted, *study])
    assert not {"examples/pos.parquet", "encoded/tiny/pos"} & set(outputs)
