"""The figures and tables of the report (its exhibits), by the notebook that makes them, and where their files are.

The module imports little of the library, because rules read it while a study is planned.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from codestilts.config.scopes import effect_figure
from codestilts.display_names import scope_name

WHOLE_STUDY = "study"  # the notebook about the whole study; the others run once for each encoder
FIGURES = {
    WHOLE_STUDY: ["jobs"],
    "effects": ["primary", "checks"],  # and one for each scope
    "languages": ["matrix", "difference", "similarity"],
    "training": ["curves", "losses"],
    "doses": ["doses"],
    "generation": ["wrong-language"],
    "transferability": ["rankings"],
    "sources": ["source-scores", "source-effects"],
}
TABLES = {
    WHOLE_STUDY: ["arms", "claims", "audit", "sources", "stages", "slurm"],
    "effects": ["contrasts", "sensitivity", "effects", "checks"],
    "languages": ["counts", "difference", "languages"],
    "training": ["budgets", "learned", "matched", "checkpoints", "rates", "layers", "cost"],
    "doses": ["doses", "fixed-doses"],
    "generation": ["wrong-language"],
    "transferability": ["rankings", "choices"],
    "sources": ["expectations", "best-sources"],
}
# What `snakemake --report` shows the exhibits of each notebook under. Their caption is report/NOTEBOOK.rst, or its own.
CATEGORIES = {
    WHOLE_STUDY: "The study",
    "effects": "Effects",
    "languages": "Languages",
    "training": "Training",
    "doses": "Doses",
    "generation": "Generated texts",
    "transferability": "Choosing an intermediate task",
    "sources": "Source languages",
}
CAPTIONS = {"claims": "claims", "audit": "audit", "checks": "checks"}
PRINTED = ["pdf", "png", "csv"]  # the files of a figure beside its SVG; the last has the numbers that it draws
NOTEBOOK_OF = {name: notebook for lists in (FIGURES, TABLES) for notebook, names in lists.items() for name in names}


def exhibit_label(name: str, scopes: Iterable[str]) -> str:
    """Return what `snakemake --report` lists an exhibit as; ``scopes`` have figures of effects."""
    effects = {effect_figure(scope): f"effects: {scope_name(scope)}" for scope in scopes}
    return effects.get(name, name.replace("-", " "))


@dataclass(frozen=True)
class Exhibit:
    """A figure or table of the report.

    ``stem`` is the path of its files in the folder of results, without their suffixes.
    """

    name: str
    kind: str  # figures or tables
    encoder: str = ""  # empty if it is about the whole study

    @property
    def stem(self) -> str:
        return "/".join(filter(None, (self.kind, self.encoder, self.name)))

    @property
    def data(self) -> str:
        """The CSV file with its numbers."""
        return f"{self.stem}.csv"

    @property
    def made(self) -> str:
        """The file that shows it."""
        return f"{self.stem}.{'svg' if self.kind == 'figures' else 'csv'}"

    @property
    def notebook(self) -> str:
        """The notebook that made it, as it was run."""
        return "/".join(filter(None, ("notebooks", self.encoder, f"{NOTEBOOK_OF.get(self.name, 'effects')}.ipynb")))
