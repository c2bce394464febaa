"""Functions of packages that nothing else reads, for masked language modelling in several programming languages."""

import zipfile
from pathlib import Path

import pytest
from task_builds import make_settings

from codestilts.errors import CodeStiltsError
from codestilts.examples.builder_settings import Inputs
from codestilts.examples.builders.package_texts import functions

LINES = ["a = first(value, {n})", "b = second(a, total)", "c = a + b * {n}", "return add(total, c)"]
FILES = {
    "py": (".py", ["def f{n}(value, total):", "    # a comment {n}", *(f"    {line}" for line in LINES)]),
    "web": (".js", ["function f{n}(value, total) {{", "  // a comment {n}", *(f"  {line};" for line in LINES), "}}"]),
}


@pytest.fixture
def inputs(tmp_path: Path) -> Inputs:
    """Two archives of forty files with one function each; one of them is in JavaScript."""
    for name, (suffix, lines) in FILES.items():
        with zipfile.ZipFile(tmp_path / f"{name}.zip", "w") as archive:
            for n in range(40):
                archive.writestr(f"package/file{n}{suffix}", "\n".join(lines).format(n=n))
    return Inputs({name: tmp_path / f"{name}.zip" for name in FILES})


def test_languages_have_as_many_texts_and_files_are_in_one_split(inputs: Inputs) -> None:
    frame = functions(inputs, make_settings(task="t", languages=["python", "javascript"], texts=20, dev=4))
    train, dev = (frame[frame["split"] == split] for split in ("train", "dev"))
    assert train["language"].value_counts().to_dict() == {"python": 10, "javascript": 10} and 0 < len(dev) <= 4
    assert not frame["text"].str.contains("comment").any() and frame["text"].str.contains("return add").all()
    assert set(zip(frame["language"], frame["package"], strict=True)) == {("python", "py"), ("javascript", "web")}
    assert not set(train["cluster"]) & set(dev["cluster"]) and frame["id"].is_unique


def test_a_language_without_a_package_is_one_line(inputs: Inputs) -> None:
    with pytest.raises(CodeStiltsError, match=r"^task t: its sources have no function in go: add a package$"):
        functions(inputs, make_settings(task="t", languages=["python", "go"], texts=20))
