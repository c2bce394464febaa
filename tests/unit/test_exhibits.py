"""The figures and tables of the report: where they are, and which notebook makes each."""

import json
import re
from pathlib import Path

import pytest

from codestilts.config.analysis_settings import ReportedArm
from codestilts.reporting.exhibits import (
    CAPTIONS,
    CATEGORIES,
    FIGURES,
    NOTEBOOK_OF,
    TABLES,
    WHOLE_STUDY,
    Exhibit,
    exhibit_label,
)
from codestilts.reporting.study_tables import arm_table, trained_on

ROOT = Path(__file__).parents[2]


def saved(notebook: str) -> tuple[list[str], list[str]]:
    """The figures and tables that the cells of a notebook save under names of their own."""
    cells = json.loads((ROOT / f"notebooks/{notebook}.py.ipynb").read_text(encoding="utf-8"))["cells"]
    code = "\n".join("".join(cell["source"]) for cell in cells if cell["cell_type"] == "code")
    found = [re.findall(rf'{kind}_folder / "([\w-]+)"', code) for kind in ("figure", "table")]
    return found[0], found[1]


@pytest.mark.parametrize("notebook", sorted(FIGURES))
def test_each_notebook_saves_what_is_listed(notebook: str) -> None:
    figures, tables = saved(notebook)
    assert sorted(figures) == sorted(FIGURES[notebook]) and sorted(tables) == sorted(TABLES[notebook])


def test_every_notebook_is_listed() -> None:
    assert {path.name.partition(".")[0] for path in (ROOT / "notebooks").glob("*.ipynb")} == set(FIGURES) == set(TABLES)


@pytest.mark.parametrize("notebook", sorted(FIGURES))
def test_the_caption_of_an_exhibit_names_its_notebook(notebook: str) -> None:
    own = [caption for name, caption in CAPTIONS.items() if NOTEBOOK_OF[name] == notebook]
    for caption in (notebook, *own):
        assert f"The notebook ``{notebook}`` makes" in (ROOT / f"report/{caption}.rst").read_text(encoding="utf-8")
    assert len(set(CATEGORIES.values())) == len(CATEGORIES) == len(FIGURES) and notebook in CATEGORIES


def test_checks_are_not_captioned_as_differences_between_arms() -> None:
    caption = (ROOT / f"report/{CAPTIONS['checks']}.rst").read_text(encoding="utf-8")
    assert "rivals" in caption and "Differences between arms" not in caption


def test_labels_have_the_names_of_groups() -> None:
    labels = [
        exhibit_label(name, ["qa", "all groups"]) for name in ("effects-qa", "effects-all-groups", "best-sources")
    ]
    assert labels == ["effects: question answering", "effects: all groups", "best sources"]


def test_an_exhibit_of_an_encoder_and_one_of_the_study() -> None:
    figure, table = Exhibit("effects-all-groups", "figures", "tiny"), Exhibit("arms", "tables")
    assert (figure.made, figure.data) == (
        "figures/tiny/effects-all-groups.svg",
        "figures/tiny/effects-all-groups.csv",
    )
    assert figure.notebook == "notebooks/tiny/effects.ipynb"
    assert (table.made, table.notebook) == ("tables/arms.csv", f"notebooks/{WHOLE_STUDY}.ipynb")


def test_arms_are_described_family_by_family() -> None:
    arms = {
        "random": ReportedArm("control", (), "random"),
        "wrong": ReportedArm("control", ("pos",), flip_labels={"pos": 0.125}),
        "both": ReportedArm("code", ("cloze", "choice"), shuffle_labels=True),
        "none": ReportedArm("baseline"),
        "lora": ReportedArm("variant", starts_from="both"),
    }
    assert arm_table(arms)["arm"].tolist() == ["none", "both", "lora", "random", "wrong"]
    assert trained_on(arms["both"]) == "cloze, choice (labels shuffled)"
    assert trained_on(arms["wrong"]) == "pos (12.5 % of pos's labels wrong)"
    assert trained_on(arms["lora"]) == "no other intermediate task than both"
    assert trained_on(arms["random"]) == "no intermediate task (random initial weights)"
