"""Made-up repositories in the schemas of those that the paper study reads: a few rows of every config and split.

The columns, their types, and the names of files, configs and splits are those of the hub's repositories. The texts are
made up by :mod:`hub.texts`.
"""

from pathlib import Path

from hub.code import codexglue, humaneval
from hub.encoders import write_encoders
from hub.english import english
from hub.summaries import xlsum
from hub.tables import Config, card, write_table
from hub.xtreme import xtreme


def write_repositories(root: Path) -> None:
    """Write all repositories below ``root``."""
    for name, configs in repositories().items():
        folder = root / "datasets" / name
        for config, made in configs.items():
            for split, count in made.splits.items():
                path = folder / made.file.format(config=config, split=split)
                path.parent.mkdir(parents=True, exist_ok=True)
                write_table(path, made.columns, [made.make(split, number) for number in range(count)])
        (folder / "README.md").write_text(card(name, configs), encoding="utf-8")
    write_encoders(root / "models")


def repositories() -> dict[str, dict[str, Config]]:
    """Every repository and its configs."""
    several = {"google/xtreme": xtreme(), "csebuetnlp/xlsum": xlsum(), "bigcode/humanevalpack": humaneval()}
    return english() | codexglue() | several
