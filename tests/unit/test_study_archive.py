"""What a study archive may hold, what it must not tell, and that it reads back as it was written, or not at all."""

import io
import itertools
import json
import os
import re
import zipfile
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest
from grid_study import GRID, ROOT, study_of

from codestilts.archiving.contents import (
    REDRAWN,
    config_members,
    is_given,
    needed_files,
    project_members,
    result_members,
    without_machine,
    without_targets,
)
from codestilts.archiving.disclosure import check_members, disclosures
from codestilts.archiving.licences import excerpts, may_be_shared, sources_of_examples, sources_of_task, text_policy
from codestilts.archiving.markdown import CODE, hub_language, hub_licence, markdown_table
from codestilts.archiving.zipped import CHECKSUMS, FILES, extract, write_archive
from codestilts.config.registration import plan_of
from codestilts.config.settings_json import short_digest
from codestilts.config.study import Study
from codestilts.config.validation import load_study, read_configs
from codestilts.errors import CodeStiltsError
from codestilts.provenance import write_json

HOME = "/home/someone/project"
FIGURE = {"output_type": "display_data", "data": {"text/plain": "a figure"}}
WARNING = {"output_type": "stream", "name": "stderr", "text": [f"{HOME}/x.py:3: UserWarning: few points"]}


@pytest.mark.parametrize(
    ("licence", "shared"),
    [
        ("MIT", True),
        ("MIT AND BSD-3-Clause", True),
        ("MIT OR LicenseRef-GLUE", True),
        ("MIT AND LicenseRef-LDC", False),
        ("CC-BY-NC-4.0", False),  # for money it may not
        ("C-UDA AND MIT", False),  # binds the recipient
        ("LicenseRef-none", False),
        ("", False),
        ("(MIT)", False),  # unknown spellings count as closed
    ],
)
def test_texts_go_into_the_archive_if_everybody_may_pass_them_on(licence: str, shared: bool) -> None:
    assert may_be_shared(licence) is shared


def test_a_target_with_one_closed_source_is_closed(tmp_path: Path) -> None:
    study = study_of(folder=tmp_path)
    assert text_policy(study).closed == ()
    used = sources_of_task(study, "param-qa")
    assert "flask" in used and set(used) <= set(study.used_sources)
    flask = replace(study.sources["flask"], licence="LicenseRef-none")
    closed = replace(study, sources=study.sources | {"flask": flask})
    policy = text_policy(closed)
    assert {"param-qa", "match", "tags"} <= set(policy.closed), "flask has functions of all of them"
    assert policy.withheld == ("param-qa",), "labels, tags and ids are no texts"


def test_twins_of_closed_targets_are_closed_and_their_answers_withheld() -> None:
    study = load_study(read_configs([ROOT / "config.yaml"]) | {"source_language": ["python", "javascript"]}, ROOT)
    assert text_policy(study).closed == () and "param-qa-from-javascript" in study.twins
    flask = replace(study.sources["flask"], licence="LicenseRef-none")
    policy = text_policy(replace(study, sources=study.sources | {"flask": flask}))
    assert policy.withheld == ("param-qa", "param-qa-from-javascript")
    assert excerpts(study, "param-qa-from-javascript") == ["answers in predictions"], "of twins there are no samples"


def test_only_figures_and_tables_that_the_report_has_go_into_the_archive() -> None:
    kept = ["tables/claims.csv", "tables/claims.tex", "tables/e/effects.csv", "figures/e/effects-all-groups.svg"]
    left = ["tables/answers.csv", "tables/e/answers.tex", "figures/e/old.svg", "tables/e/more/effects.csv"]
    assert [name for name in kept + left if re.fullmatch(REDRAWN, name)] == kept


@pytest.mark.parametrize(
    ("name", "content", "what"),
    [
        ("results/x/target/run.json", {"parent": f"{HOME}/results/x"}, HOME),
        ("results/x/target/run.json", {"nested": [{"parent": "/nonstandard/results"}]}, "/nonstandard/results"),
        ("results/x/notebooks/a.ipynb", {"cells": [f"sys.path.extend(['{HOME}/src'])"]}, "/home/someone"),
        ("studies/x.yaml", "path: /scratch/me/data\n", "/scratch/me"),
        ("sources.csv", "ldc,local,/data/ldc\n", "/data/ldc"),
        ("sources.csv", "ldc,local,/elsewhere/ldc\n", "/elsewhere/ldc"),
        ("config.yaml", "tasks: [/elsewhere/me/x.yaml]\n", "/elsewhere/me"),
        ("results/x/tables/a.tex", "% /scratch2/me/x", "/scratch2/me"),
        ("results/x/tables/a.tex", "% /cluster/home/me", "/cluster/home"),
        ("results/x/tables/a.tex", "% /users/me/x", "/users/me"),
        ("results/x/tables/a.tex", "% file:///home/me/x", "file:///home/me"),
        ("results/x/tables/a.tex", "% C:/Users/me/x", "C:/Users/me"),
        ("results/x/figures/a.svg", "<!-- C:\\Users\\me -->", "C:"),
        ("config.yaml", "token: hf_abcdefghijklmnopqrstuvwx\n", "secret"),
        ("config.yaml", "token: hf_oauth_abcdefghijklmnopqrstuvwx\n", "secret"),
        ("docs/notes.md", "with AIza" + "x" * 35, "secret"),
        ("docs/notes.md", "in /homes/anna/data", "absolute path"),
        ("results/x/runs.csv", "a,/fsx/team/run", "absolute path"),
        ("config.yaml", "proxy: https://me:word@proxy.example\n", "secret"),
        ("tasks/pl/x.yaml", "-----BEGIN RSA PRIVATE KEY-----", "secret"),
        ("src/codestilts/x.py", "# see /home/anna/notes\n", "/home/anna"),
        ("report/page.css", "@import '/home/anna/x.css';\n", "/home/anna"),
        ("claims.yaml", "# Bearer eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJhbm5hIn0.abc\n", "secret"),
    ],
)
def test_paths_and_secrets_are_refused(tmp_path: Path, name: str, content: object, what: str) -> None:
    text = content if isinstance(content, str) else json.dumps(content)
    with pytest.raises(CodeStiltsError) as error:
        check_members({"fine.json": b'{"parent": "results/x"}', name: text.encode()}, tmp_path)
    message = str(error.value)
    assert message.startswith(f"{name}: ") and what in message and "fine.json" not in message


def test_texts_of_others_may_mention_paths_but_not_those_of_this_machine(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SOME_API_KEY", "value-of-a-key")
    for name in ("results/x/sample_predictions.csv", "results/x/predictions/a.parquet", "licences/a/LICENSE"):

        def found(text: str, name: str = name) -> list[str]:
            raw = text.encode()
            if name.endswith(".parquet"):
                raw = pd.DataFrame({"gold": ["a", text], "seed": [0, 1]}).to_parquet()
            return list(disclosures(name, raw, tmp_path))

        assert found("reads /etc/hosts and /home/user/.config") == []
        assert found("the answer") == []
        assert str(tmp_path) in found(f"in {tmp_path}/results")[0]
        assert "SOME_API_KEY" in found("it is value-of-a-key!")[0]


def test_a_block_at_the_end_of_a_line_of_markdown_does_not_join_it_to_the_next() -> None:
    """The template engine drops the line break after a block, so an empty line has to follow."""
    for template in sorted((ROOT / "report").glob("*.md.j2")):
        lines = template.read_text(encoding="utf-8").splitlines()
        pairs = itertools.pairwise(lines)
        joined = [one for one, after in pairs if one.endswith("%}") and not one.startswith("{%") and after]
        assert joined == [], template


def test_the_project_itself_has_no_such_thing(tmp_path: Path) -> None:
    members = project_members(ROOT)
    assert {"Snakefile", "envs/lock.txt", "tasks/pl/match.yaml", "src/codestilts/errors.py"} <= members.keys()
    assert not any("__pycache__" in name or name.startswith(("tests", "results", ".")) for name in members)
    check_members(members, tmp_path)


def test_notebooks_lose_what_describes_the_machine(tmp_path: Path) -> None:
    inserted = {"metadata": {"tags": ["snakemake-job-properties"]}, "source": [f"path = '{HOME}'"], "outputs": []}
    drawn = {"metadata": {"tags": []}, "source": ["draw()"], "outputs": [FIGURE, WARNING]}
    metadata = {"kernelspec": {"name": "python3"}, "papermill": {"input_path": f"{HOME}/.snakemake/x.ipynb"}}
    raw = without_machine({"cells": [inserted, drawn], "metadata": metadata, "nbformat": 4})
    drawn["outputs"] = [FIGURE]
    assert json.loads(raw) == {"cells": [drawn], "metadata": {"kernelspec": {"name": "python3"}}, "nbformat": 4}
    check_members({"results/x/notebooks/a.ipynb": raw}, tmp_path)
    assert json.loads(without_machine(json.loads(raw), outputs=False))["cells"][0]["outputs"] == []


@pytest.mark.parametrize("suffix", ["csv", "parquet"])
def test_samples_of_closed_targets_are_left_out(tmp_path: Path, suffix: str) -> None:
    table, path = pd.DataFrame({"target": ["open", "closed"], "text": ["a", "secret words"]}), tmp_path / f"t.{suffix}"
    table.to_csv(path, index=False) if suffix == "csv" else table.to_parquet(path, index=False)
    raw = io.BytesIO(without_targets(path, ["closed"]))
    kept = pd.read_csv(raw) if suffix == "csv" else pd.read_parquet(raw)
    assert kept.to_dict("records") == [{"target": "open", "text": "a"}]


def test_what_a_redraw_reads_is_what_it_cannot_make_again() -> None:
    given = ["predictions/e/a/t/0.parquet", "audit.csv", "language_similarity.csv", "plan.json", "doses/e/a.json"]
    given += ["retrieval/e/a/0-2/layers.csv", "target/e/a/t/0-2/0/run.json", "sample_predictions.csv"]
    made = ["scores.csv", "claims.csv", "doses.csv", "tables/e/x.csv", "figures/e/x.svg", "report.html"]
    either = ["scores/e/a.sums.parquet", "claims/c.json"]
    neither = ["examples/t.parquet", "encoders/e/encoder.safetensors", "logs/report.log"]
    assert [name for name in given + made + either + neither if is_given(name, "predictions")] == given
    assert [name for name in given + made + either + neither if is_given(name, "scores")] == given + either


def test_config_files_from_elsewhere_get_a_name_in_the_project(tmp_path: Path) -> None:
    names, members = config_members(ROOT, [ROOT / "config.yaml", tmp_path / "mine.yaml"])
    assert names == ["config.yaml", "studies/mine.yaml"] and members["studies/mine.yaml"] == tmp_path / "mine.yaml"


def test_equal_files_make_equal_archives_which_read_back(tmp_path: Path) -> None:
    file = tmp_path / "a.csv"
    file.write_text("x\n1\n")
    os.utime(file, (1e9, 1e9))
    members = {"results/s/b.txt": b"two", "results/s/a.csv": file}
    for name in ("one.zip", "two.zip"):
        write_archive(members, tmp_path / name)
        members = dict(reversed(members.items()))
    assert (tmp_path / "one.zip").read_bytes() == (tmp_path / "two.zip").read_bytes()
    extract(tmp_path / "one.zip", tmp_path / "out", lambda name: True)
    assert (tmp_path / "out/results/s/a.csv").read_text() == "x\n1\n"
    assert (tmp_path / "out/results/s/a.csv").stat().st_mtime == 1e9, "plans and predictions keep their order"
    with zipfile.ZipFile(tmp_path / "one.zip") as archive:
        archive.extractall(tmp_path / "unzipped")
        sums = archive.read(CHECKSUMS).decode()
    # echo -n two | sha256sum
    assert "3fc4ccfe745870e2c0d99f71f30ff0656c8dedd41cc1d7d3d376b0dbe685e2f3  results/s/b.txt\n" in sums
    extract(tmp_path / "unzipped", tmp_path / "again", lambda name: name.startswith("results/"))
    assert (tmp_path / "again/results/s/b.txt").read_bytes() == b"two"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"../outside.txt": b"x"}, "outside"),
        ({"/absolute.txt": b"x"}, "outside"),
        ({"more.txt": b"x"}, "not listed"),
        ({"a.txt": b"other"}, "digest"),
        ({"a.txt": None}, "missing"),
        ({FILES: None}, "not a study archive"),
        ({FILES: b"\xff\xfe"}, "files.csv is damaged"),
        ({FILES: b"path,bytes\na.txt,1\n"}, "the columns must be"),
        ({FILES: b"path,bytes,sha256,written\na.txt,1\n"}, "line 2, is damaged"),
        ({FILES: b"path,bytes,sha256,written\na.txt,1,0,yesterday\n"}, "line 2, is damaged"),
    ],
)
def test_a_changed_archive_is_refused(tmp_path: Path, change: dict[str, bytes | None], message: str) -> None:
    write_archive({"a.txt": b"a"}, tmp_path / "good.zip")
    with zipfile.ZipFile(tmp_path / "good.zip") as archive:
        content: dict[str, bytes | None] = {name: archive.read(name) for name in archive.namelist()}
    with zipfile.ZipFile(tmp_path / "bad.zip", "w") as archive:
        for name, raw in (content | change).items():
            if raw is not None:
                archive.writestr(name, raw)
    with pytest.raises(CodeStiltsError, match=message):
        extract(tmp_path / "bad.zip", tmp_path / "out/in", lambda name: True)
    assert not (tmp_path / "out/outside.txt").exists() and not Path("/absolute.txt").exists()


def test_a_member_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    write_archive({"a": b"a file, and a folder", "a/b": b"x"}, tmp_path / "x.zip")
    with pytest.raises(CodeStiltsError, match=r"x\.zip: cannot write a"):
        extract(tmp_path / "x.zip", tmp_path / "out", lambda name: True)


def test_the_sources_of_examples_are_those_that_are_in_them(tmp_path: Path) -> None:
    """Of the packages in Python and JavaScript, a task may use those of one split."""
    study = study_of(folder=tmp_path)
    pd.DataFrame({"package": ["flask", "flask"], "id": ["a", "b"]}).to_parquet(tmp_path / "match.parquet")
    assert sources_of_examples(study, "match", tmp_path / "match.parquet") == ["flask"]
    assert len(sources_of_task(study, "match")) > 1


def finished(folder: Path, study: Study) -> Path:
    """Results with all files that a finished study has, most of them empty."""
    for name in needed_files(study):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).touch()
    entry = {"kind": "registration", "date": "2026-01-01T00:00:00+00:00", "plan": plan_of(study)}
    write_json(folder / "plan.json", {"entries": [entry | {"digest": short_digest(entry["plan"])}]})
    return folder


def test_only_a_finished_study_is_archived(tmp_path: Path) -> None:
    """Two encoders, four arms and two trained targets, one run more, and two batches of seeds."""
    study = study_of(GRID, folder=tmp_path)
    results = finished(tmp_path / "results/parts", study)
    members = result_members(study, results, "predictions")
    assert len([name for name in members if "/predictions/" in name]) == (2 * 4 * 2 + 1) * 2
    for name in (
        *("predictions/minilm/pos/tags/2.parquet", "retrieval/bert-tiny/random/0-1/search-untrained.parquet"),
        *("retrieval/bert-tiny/none/2/run.json", "target/bert-tiny/pos/search/0-1/1/run.json"),
        *("records/minilm/pos/2/2/run.json", "baselines/tags.parquet", "doses/minilm/pos.csv", "scores.csv"),
        *("audit.csv", "doses.csv", "browsed_predictions.parquet", "report.html", "plan.json"),
    ):
        (results / name).rename(tmp_path / "away")
        with pytest.raises(CodeStiltsError, match=f"{re.escape(name)}: missing: finish the study first"):
            result_members(study, results, "predictions")
        (tmp_path / "away").rename(results / name)
    write_json(results / "plan.json", {"entries": []})
    with pytest.raises(CodeStiltsError, match="other settings"):
        result_members(study, results, "predictions")


def test_folders_may_be_links_but_files_may_not(tmp_path: Path) -> None:
    """Results may be on several disks; a file that is a link may be anything on this machine."""
    study = study_of(GRID, folder=tmp_path)
    results = finished(tmp_path / "results/parts", study)
    before = result_members(study, results, "predictions")
    (results / "predictions").rename(tmp_path / "disk")
    (results / "predictions").symlink_to(tmp_path / "disk")
    assert set(result_members(study, results, "predictions")) == set(before)
    (results / "notes.csv").symlink_to("/etc/passwd")
    with pytest.raises(CodeStiltsError, match=r"notes\.csv: a link: put the file itself in its place"):
        result_members(study, results, "predictions")


def test_cards_name_licences_as_the_hub_does_and_escape_bars() -> None:
    assert hub_licence(["Apache-2.0", "Apache-2.0"]) == ("apache-2.0", None)
    assert hub_licence(["GPL-2.0-or-later"]) == ("gpl-2.0", None) and hub_licence(["GFDL-1.2"]) == ("gfdl", None)
    assert hub_licence(["C-UDA"]) == ("c-uda", None)
    for without_key in ("blessing", "WordNet-3.0", "PSF-2.0", "LicenseRef-GLUE"):
        assert hub_licence([without_key]) == ("other", without_key)
    assert hub_licence(["MIT", "Apache-2.0 OR BSD-2-Clause"]) == ("other", "(Apache-2.0 OR BSD-2-Clause) AND MIT")
    table = pd.DataFrame({"a|b": ["x\ny", "|"], "n": [1.5, 2.0]})
    assert markdown_table(table) == "| a\\|b | n |\n| --- | --- |\n| x y | 1.5 |\n| \\| | 2 |"


def test_languages_have_the_codes_of_the_hub() -> None:
    languages = {"english": "en", "chinese": "zh", "burmese": "my", "javanese": "jv", "yoruba": "yo", "python": "code"}
    assert {name: hub_language(name) for name in languages} == languages
    tasks = load_study(read_configs([ROOT / "config.yaml"]), ROOT).tasks.values()
    coded = {(name, hub_language(name) == CODE) for task in tasks for name in task.languages if task.suite != "control"}
    natural = {name for task in tasks if task.suite in ("english", "xtreme") for name in task.languages}
    assert {name for name, code in coded if not code} == natural and len(natural) == 40
