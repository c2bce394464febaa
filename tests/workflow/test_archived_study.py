"""The archive of a finished study: redrawn elsewhere with equal tables, without paths, and a valid RO-Crate."""

import io
import json
import os
import re
import shutil
import zipfile
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import requests
from projects import ROOT, call, copy_project
from rocrate.vocabs import RO_CRATE
from rocrate_validator import models, services
from rocrate_validator.utils.http import HttpRequester

from codestilts.archiving.zipped import CHECKSUMS, FILES, write_archive
from codestilts.workflow.redraw import compare_files

# Terms whose addresses RO-Crate 1.3 changed.
TERMS = {name: f"https://bioschemas.org/{name}" for name in ("ComputationalWorkflow", "FormalParameter")}
TERMS |= {name: f"https://bioschemas.org/ComputationalWorkflow#{name}" for name in ("input", "output")}


@pytest.fixture(scope="module")
def project(done: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project in which the micro study has run, with the files that every checkout has."""
    folder = Path(shutil.copytree(done, tmp_path_factory.mktemp("archived") / "project", symlinks=True))
    for name in ("LICENSE", "CITATION.cff"):
        shutil.copy2(ROOT / name, folder / name)
    return folder


@pytest.fixture(scope="module")
def archive(project: Path) -> Path:
    result = call(project, "scripts/archive.py", "--configs", "config.yaml", "micro.yaml")
    assert result.returncode == 0, result.stdout
    return project / "results/micro.zip"


@pytest.fixture(scope="module")
def members(archive: Path) -> dict[str, bytes]:
    with zipfile.ZipFile(archive) as opened:
        return {name: opened.read(name) for name in opened.namelist()}


@pytest.fixture(scope="module")
def redrawn(archive: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The project of a redraw in a new checkout, which has no sources, examples or models."""
    checkout = copy_project(tmp_path_factory.mktemp("elsewhere") / "checkout")
    moved = shutil.copy2(archive, checkout.parent / "moved.zip")
    result = call(checkout, "scripts/redraw.py", "--archive", moved, "--cores", "2", "--verify")
    assert result.returncode == 0, result.stdout[-6000:]
    rules = set(re.findall(r"\(Rule: (\w+)\)", result.stdout))
    assert {"score", "compare", "report"} <= rules and not {"train_target", "build", "fetch", "encode"} & rules
    [folder] = (checkout / "redrawn").iterdir()
    return folder


def test_everything_is_drawn_again_and_tables_are_equal(
    archive: Path, redrawn: Path, members: dict[str, bytes]
) -> None:
    shown = {name for name in members if re.match(r"results/micro/((tables|figures|claims)/|[\w-]+\.csv|report)", name)}
    assert {"results/micro/report.html", "results/micro/scores.csv", "results/micro/claims.csv"} <= shown
    assert {name for name in shown if not (redrawn / name).exists()} == set()
    compared = compare_files(archive, redrawn)
    assert len(compared) > 30 and {file.state for file in compared} == {"equal"}
    assert not any(
        (redrawn / name).exists() for name in ("resources", "results/micro/examples", "results/micro/encoded")
    )


def test_a_planted_error_is_found(tmp_path: Path, redrawn: Path, members: dict[str, bytes]) -> None:
    scores = members["results/micro/scores.csv"].replace(b",cloze,", b",swapped,").replace(b",pos,", b",cloze,")
    swapped = members | {"results/micro/scores.csv": scores.replace(b",swapped,", b",pos,")}
    listed = {name: raw for name, raw in swapped.items() if name not in (FILES, CHECKSUMS)}
    write_archive(listed, tmp_path / "x.zip")
    differing = [file.name for file in compare_files(tmp_path / "x.zip", redrawn) if file.state != "equal"]
    assert differing == ["results/micro/scores.csv"]


def test_a_table_that_an_archive_has_lost_is_found(tmp_path: Path, redrawn: Path, members: dict[str, bytes]) -> None:
    lost = {FILES, CHECKSUMS, "results/micro/effects.csv"}
    write_archive({name: raw for name, raw in members.items() if name not in lost}, tmp_path / "x.zip")
    found = [(file.name, file.state) for file in compare_files(tmp_path / "x.zip", redrawn) if file.state != "equal"]
    assert found == [("results/micro/effects.csv", "not in the archive")]


def test_nothing_tells_of_the_machine(project: Path, members: dict[str, bytes]) -> None:
    names = {project, project.resolve(), Path.home(), ROOT}
    found = [
        name for name, raw in members.items() for path in names if len(path.parts) > 2 and str(path).encode() in raw
    ]
    assert found == []
    record = next(name for name in members if name.endswith("run.json") and "/target/" in name)
    path = project / record
    original, times = path.read_text(), (path.stat().st_atime_ns, path.stat().st_mtime_ns)
    path.write_text(json.dumps(json.loads(original) | {"parent": str(project / "results")}))
    result = call(project, "scripts/archive.py", "--configs", "config.yaml", "micro.yaml", "--out", "refused.zip")
    path.write_text(original)
    os.utime(path, ns=times)
    assert result.returncode == 1 and f"error: {record}: holds a path" in result.stdout, result.stdout
    assert not (project / "refused.zip").exists()


def test_an_archive_is_made_alike_twice(project: Path, archive: Path) -> None:
    result = call(project, "scripts/archive.py", "--configs", "config.yaml", "micro.yaml", "--out", "again.zip")
    assert result.returncode == 0, result.stdout
    assert (project / "again.zip").read_bytes() == archive.read_bytes()


def test_an_unfinished_study_has_no_archive(project: Path) -> None:
    (project / "other.yaml").write_text("study: other\n")
    configs = ["config.yaml", "micro.yaml", "other.yaml"]
    result = call(project, "scripts/archive.py", "--configs", *configs, "--out", "none.zip")
    assert result.returncode == 1 and "finish the study first" in result.stdout and "Traceback" not in result.stdout
    assert not (project / "none.zip").exists()


def test_data_sets_and_kept_models_have_cards(project: Path, members: dict[str, bytes]) -> None:
    examples = {path.stem for path in (project / "results/micro/examples").glob("*.parquet")}
    assert {f"cards/data/{task}.md" for task in examples} == {
        name for name in members if name.startswith("cards/data/")
    }
    card = members["cards/data/match.md"].decode()
    assert card.startswith("---\n") and "license:" in card and "## Label balance" in card
    assert re.search(r"^\| all \| 80 \| 8 \| \d+ \|$", card, re.M), "twice the 40 that each seed draws, and 8"
    model = members["cards/models/tiny/cloze/tags.md"].decode()
    assert "learning_rate" in model and model.count("| 0 | 4 |") == 1 and model.count("| 1 | 4 |") == 1, "seeds, steps"
    assert "1 threads" not in model and "cards/models/tiny/cloze/intermediate.md" in members


def test_each_figure_is_linked_with_its_notebook_and_its_tables(members: dict[str, bytes]) -> None:
    entities = {entity["@id"]: entity for entity in json.loads(members["ro-crate-metadata.json"])["@graph"]}
    figures = [name for name in members if re.match(r"results/micro/figures/.*\.svg", name)]
    assert figures
    for name in figures:
        based = [link["@id"] for link in entities[name]["isBasedOn"]]
        assert any(path.startswith("notebooks/") for path in based) and any(path.endswith(".csv") for path in based)
        assert set(based) <= members.keys()
    primary = [link["@id"] for link in entities["results/micro/figures/tiny/primary.svg"]["isBasedOn"]]
    assert {"notebooks/effects.py.ipynb", "results/micro/contrasts.csv"} <= set(primary)
    sources = [entity for entity in entities.values() if entity["@id"].startswith("#source-")]
    assert sources and all("license" in source for source in sources)


def test_the_licence_of_the_project_is_not_claimed_for_excerpts(members: dict[str, bytes]) -> None:
    """The made-up packages have no licence files."""
    (root,) = [one for one in json.loads(members["ro-crate-metadata.json"])["@graph"] if one["@id"] == "./"]
    assert "licences.csv" in root["copyrightNotice"]
    table = pd.read_csv(io.BytesIO(members["licences.csv"]), keep_default_na=False)
    shown = table[table["texts_in_the_archive"] != "none"]
    assert len(shown) and set(shown["licence_files"]) == {"none in the package"}
    assert "sample predictions of mining" not in "; ".join(table["texts_in_the_archive"])


def test_the_validator_finds_a_workflow_run_crate(
    members: dict[str, bytes], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The context that the validator would fetch is the one that the library ships (1.3), with terms of 1.1."""
    folder = tmp_path / "crate"
    for name, raw in members.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(raw)

    def get(url: str, **options: Any) -> requests.Response:
        assert url == "https://w3id.org/ro/crate/1.1/context", url
        response = requests.Response()
        response.status_code, response.headers["Content-Type"] = 200, "application/ld+json"
        response._content = json.dumps({"@context": RO_CRATE["@context"] | TERMS}).encode()
        return response

    monkeypatch.setattr(HttpRequester, "get", staticmethod(get), raising=False)

    def issues() -> list[str]:
        settings = services.ValidationSettings(
            rocrate_uri=str(folder),
            profile_identifier="workflow-run-crate",
            requirement_severity=models.Severity.REQUIRED,
        )
        return [str(issue.message) for issue in services.validate(settings).get_issues()]

    assert issues() == []
    metadata = json.loads((folder / "ro-crate-metadata.json").read_text())
    for entity in metadata["@graph"]:
        if entity["@id"] == "#run":
            del entity["instrument"]
    (folder / "ro-crate-metadata.json").write_text(json.dumps(metadata))
    assert issues(), "a run without its workflow is none"
