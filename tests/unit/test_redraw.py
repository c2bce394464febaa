"""Redraws: what of an archive is checked before one, when it starts afresh, and what is compared after it."""

import json
import re
import zipfile
from pathlib import Path
from types import SimpleNamespace

import pytest
from grid_study import ROOT

from codestilts.archiving.zipped import CHECKSUMS, check, write_archive
from codestilts.errors import CodeStiltsError
from codestilts.workflow.redraw import compare_files, page_text, prepare, read_archived_study, redraw


def test_a_changed_archive_leaves_no_half_of_a_project(tmp_path: Path) -> None:
    study = {"study": "x", "configs": ["config.yaml"], "start": "predictions"}
    study |= {"version": "1", "commit": "", "versions": {}}
    members = {"study.json": json.dumps(study).encode(), "claims.yaml": b"{}", "config.yaml": b"study: x"}
    members["results/x/plan.json"] = b"{}"
    write_archive(members, tmp_path / "good.zip")
    project = prepare(tmp_path / "good.zip", ROOT, tmp_path / "redrawn")
    assert (project / "config.yaml").read_bytes() == b"study: x" and (project / "Snakefile").exists()
    assert not (project / "tasks/pl/match.yaml").exists(), "settings are the archive's"
    with zipfile.ZipFile(tmp_path / "good.zip") as good, zipfile.ZipFile(tmp_path / "bad.zip", "w") as bad:
        for name in good.namelist():
            bad.writestr(name, good.read(name).replace(b"study: x", b"study: y"))
    with pytest.raises(CodeStiltsError, match=r"config\.yaml differs"):
        prepare(tmp_path / "bad.zip", ROOT, tmp_path / "redrawn")
    assert list((tmp_path / "redrawn").iterdir()) == [project]


def test_every_member_is_checked_before_anything_is_drawn(tmp_path: Path) -> None:
    """Also those that a redraw does not read: a reader may."""
    plan = {"results/x/plan.json": b"{}", "config.yaml": b"study: x"}
    study = {"study": "x", "configs": ["config.yaml"], "start": "predictions", "version": "1", "commit": "c"}
    members = {
        **plan,
        "study.json": json.dumps(study | {"versions": {}}).encode(),
        "LICENSE": b"free",
        "README.md": b"r",
    }
    write_archive(members, tmp_path / "good.zip")
    check(tmp_path / "good.zip")
    for change in ({"LICENSE": b"not free"}, {"README.md": None}, {"more.txt": b"x"}, {CHECKSUMS: b"0  LICENSE\n"}):
        with zipfile.ZipFile(tmp_path / "good.zip") as good, zipfile.ZipFile(tmp_path / "bad.zip", "w") as bad:
            every = {name: good.read(name) for name in good.namelist()} | change
            for name in [name for name, content in every.items() if content is not None]:
                bad.writestr(name, every[name])
        (name,) = change
        with pytest.raises(CodeStiltsError, match=re.escape(name)) as caught:
            prepare(tmp_path / "bad.zip", ROOT, tmp_path / "redrawn")
        assert "\n" not in str(caught.value) and not (tmp_path / "redrawn").exists()


def test_a_redraw_starts_afresh_if_a_file_from_the_archive_was_changed(tmp_path: Path) -> None:
    study = {"study": "x", "configs": ["config.yaml"], "start": "predictions", "version": "1", "commit": "c"}
    members = {"study.json": json.dumps(study | {"versions": {}}).encode(), "config.yaml": b"study: x"}
    members |= {"results/x/plan.json": b"{}", "results/x/sample_predictions.csv": b"a\n1\n"}
    write_archive(members, tmp_path / "x.zip")
    project = prepare(tmp_path / "x.zip", ROOT, tmp_path / "redrawn")
    made, given = project / "results/x/scores.csv", project / "results/x/sample_predictions.csv"
    made.write_text("made by the redraw")
    assert prepare(tmp_path / "x.zip", ROOT, tmp_path / "redrawn") == project and made.exists()
    given.write_text("a\n2\n")
    prepare(tmp_path / "x.zip", ROOT, tmp_path / "redrawn")
    assert given.read_bytes() == b"a\n1\n" and not made.exists()


def test_the_text_of_a_report_is_compared_without_times_and_figures() -> None:
    page = '<h2 id="effects">Effects</h2><p>{}</p><svg>{}</svg><h2 id="cost">Time</h2><p>{}</p><h2 id="limits">L</h2>'
    assert page_text(page.format("+1.0", "a", "3 s")) == page_text(page.format("+1.0", "b", "4 s"))
    assert page_text(page.format("+1.0", "a", "3 s")) != page_text(page.format("+9.0", "a", "3 s"))
    for added in (
        '<h2 id="cost">More</h2>new<h2 id="x">',
        "<svg>new</svg>",
        '<script type="application/json">1</script>',
    ):
        whole = page.format("+1.0", "a", "3 s")
        assert page_text(whole + added) != page_text(whole)


def test_the_first_line_that_differs_is_named(tmp_path: Path) -> None:
    study = {"study": "x", "configs": ["config.yaml"], "start": "predictions", "version": "1", "commit": "c"}
    members = {"study.json": json.dumps(study | {"versions": {}}).encode(), "config.yaml": b"study: x"}
    members |= {
        "results/x/plan.json": b"{}",
        "results/x/scores.csv": b"a,b\n1,2\n3,4\n",
        "results/x/runs.csv": b"a\n1\n",
    }
    write_archive(members, tmp_path / "x.zip")
    project = prepare(tmp_path / "x.zip", ROOT, tmp_path / "redrawn")
    (project / "results/x/scores.csv").write_text("a,b\n1,2\n3,5\n")
    found = {file.name: file for file in compare_files(tmp_path / "x.zip", project)}
    assert found["results/x/scores.csv"].first == "line 3: '3,4', now '3,5'"
    assert found["results/x/runs.csv"].state == "missing"


@pytest.mark.parametrize(("start", "scored"), [("predictions", True), ("scores", False)])
def test_a_redraw_has_all_config_files_and_asks_for_the_scores_of_twins(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, start: str, scored: bool
) -> None:
    """The report does not read these scores; where a redraw starts from scores, it has them."""
    study = {"study": "x", "configs": ["config.yaml", "a.yaml", "studies/b.yaml"], "start": start}
    study |= {"version": "1", "commit": "", "versions": {}}
    twins = "results/x/scores/twins/e/a.sums.parquet"
    members = dict.fromkeys(
        ["config.yaml", "a.yaml", "studies/b.yaml", "results/x/plan.json", twins, "results/x/scores/e/a.sums.parquet"],
        b"",
    )
    write_archive(members | {"study.json": json.dumps(study).encode()}, tmp_path / "x.zip")
    project = prepare(tmp_path / "x.zip", ROOT, tmp_path / "redrawn")
    assert (project / twins).exists() is not scored
    commands: list[list[str]] = []

    def run(command: list[str], **_: object) -> SimpleNamespace:
        commands.append(command)
        return SimpleNamespace(returncode=0)

    monkeypatch.setattr("codestilts.workflow.redraw.subprocess.run", run)
    redraw(project, tmp_path / "x.zip", "1")
    words = " ".join(commands[0])
    assert "--configfile a.yaml studies/b.yaml --allowed-rules" in words and words.count("--configfile") == 1
    assert commands[0][commands[0].index("--") + 1 :] == ["results/x/report.html", *([twins] if scored else [])]
    assert ("score_twins" in commands[0]) is scored


def test_what_is_no_study_archive_is_refused_in_one_line(tmp_path: Path) -> None:
    with pytest.raises(CodeStiltsError, match="no such file"):
        read_archived_study(tmp_path / "missing.zip")
    (tmp_path / "text.zip").write_text("no zip")
    with pytest.raises(CodeStiltsError, match="damaged"):
        read_archived_study(tmp_path / "text.zip")
    study = {"study": "../x", "configs": ["config.yaml"], "start": "predictions"}
    odd = study | {"version": "1", "commit": "", "versions": {}}
    write_archive({"study.json": json.dumps(odd).encode()}, tmp_path / "odd.zip")
    with pytest.raises(CodeStiltsError, match="unexpected names"):
        read_archived_study(tmp_path / "odd.zip")
    write_archive({"study.json": json.dumps(odd | {"study": "x", "start": "weights"}).encode()}, tmp_path / "start.zip")
    with pytest.raises(CodeStiltsError, match="'predictions' or 'scores'"):
        read_archived_study(tmp_path / "start.zip")
    renamed = (tmp_path / "odd.zip").rename(tmp_path / "odd.zip?download=1")
    with pytest.raises(CodeStiltsError, match=r"ends in \.zip: rename the file"):
        read_archived_study(renamed)


@pytest.mark.parametrize("missing", ["studies/more.yaml", "results/x/plan.json"])
def test_an_archive_without_what_its_study_needs_is_refused_before_anything_runs(tmp_path: Path, missing: str) -> None:
    study = {"study": "x", "configs": ["config.yaml", "studies/more.yaml"], "start": "predictions"}
    study |= {"version": "1", "commit": "", "versions": {}}
    members = dict.fromkeys(["config.yaml", "studies/more.yaml", "results/x/plan.json"], b"")
    del members[missing]
    write_archive(members | {"study.json": json.dumps(study).encode()}, tmp_path / "x.zip")
    with pytest.raises(CodeStiltsError, match=f"has no {re.escape(missing)}"):
        prepare(tmp_path / "x.zip", ROOT, tmp_path / "redrawn")
    assert not (tmp_path / "redrawn").exists()
