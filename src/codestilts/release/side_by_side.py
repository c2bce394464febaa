"""The answers of two studies beside each other: contrasts, claims, effects and scores without intermediate training."""

import pandas as pd

from codestilts.columns import NONE
from codestilts.config.scopes import ALL_GROUPS
from codestilts.release.comparison_text import aligned
from codestilts.release.snapshot import Snapshot

NOTHING = "–"  # in the column of a study that has no such row
COLUMNS = {  # that are read of each table
    "contrasts": ["encoder", "role", "plus", "minus", "language_set", "difference", "low", "high", "judgement"],
    "claims": ["claim", "encoder", "item", "value", "low", "high", "verdict"],
    "effects": ["encoder", "arm", "kind", "scope", "scope_kind", "language_set", "none", "effect", "low", "high"],
}


def side_by_side_text(first: Snapshot, second: Snapshot, shown: int = 10) -> str:
    """Return the numbers of two studies beside each other, also if their encoders have other names.

    Args:
        first: The study A.
        second: The study B.
        shown: How many arms are shown, those whose effects differ most first.
    """
    studies = (first, second)
    named = any(len(_encoders(study)) > 1 for study in studies)
    effects = f"effects over {ALL_GROUPS} (points), the largest differences first"
    blocks = {
        "contrasts (points)": [_contrasts(study, named) for study in studies],
        "claims": [_claims(study, named) for study in studies],
        effects: [_effects(study, named) for study in studies],
        f"scores of {NONE}": [_scores(study, named) for study in studies],
    }
    lines = []
    for name, (ours, theirs) in blocks.items():
        rows = pd.DataFrame({"what": list(dict.fromkeys([*ours["what"], *theirs["what"]]))}, dtype=object)
        rows = rows.merge(ours, "left", on="what").merge(theirs, "left", on="what", suffixes=(" A", " B"))
        hidden = 0
        if name == effects:
            difference = (rows["number B"] - rows["number A"]).abs()
            rows = rows.loc[difference.sort_values(ascending=False, kind="stable").index]
            hidden, rows = len(rows[shown:]), rows[:shown]
        if len(rows):
            body = rows[["what", "text A", "text B"]].fillna(NOTHING).to_numpy().tolist()
            lines += ["", f"{name}:", *(f"  {line}" for line in aligned([["", "A", "B"], *body]))]
        if hidden:
            lines.append(f"  and {hidden:,} more")
    return "\n".join(lines[1:])


def _encoders(study: Snapshot) -> set[str]:
    return set(_table(study, "effects")["encoder"])


def _table(study: Snapshot, name: str) -> pd.DataFrame:
    """Return a table as texts; without rows if the study lacks it."""
    return study.tables.get(name, pd.DataFrame()).reindex(columns=COLUMNS[name], fill_value="")


def _rows(table: pd.DataFrame, what: list[pd.Series], value: str, texts: pd.Series, named: bool) -> pd.DataFrame:
    """Return one row for each ``what``, which has the encoder if a study has several."""
    parts = [table["encoder"], *what] if named else what
    words = [" / ".join(filter(None, values)) for values in zip(*parts, strict=True)]
    number = pd.to_numeric(table[value], errors="coerce").to_numpy(float)
    return pd.DataFrame({"what": words, "number": number, "text": list(texts)}).drop_duplicates("what")


def _intervals(table: pd.DataFrame, value: str) -> pd.Series:
    """Return a column of numbers with their intervals, as far as there are any."""
    numbers = table[[value, "low", "high"]].apply(pd.to_numeric, errors="coerce")
    texts = [
        "" if pd.isna(number) else f"{number:+.2f}" if pd.isna(low) else f"{number:+.2f} [{low:+.2f}, {high:+.2f}]"
        for number, low, high in numbers.to_numpy().tolist()
    ]
    return pd.Series(texts, table.index, dtype=object)


def _contrasts(study: Snapshot, named: bool) -> pd.DataFrame:
    """The primary contrast, and each of its sides minus ``none``."""
    table = _table(study, "contrasts")
    table = table[table["role"].isin(["primary", "reference"])]
    sides = table["plus"] + " minus " + table["minus"] + ", " + table["language_set"]
    texts = _intervals(table, "difference") + " " + table["judgement"]
    return _rows(table, [sides], "difference", texts, named)


def _claims(study: Snapshot, named: bool) -> pd.DataFrame:
    table = _table(study, "claims")
    texts = (table["verdict"] + " " + _intervals(table, "value")).str.strip()
    return _rows(table, [table["claim"], table["item"]], "value", texts, named)


def _effects(study: Snapshot, named: bool) -> pd.DataFrame:
    """The effect of each arm over all groups of targets, in the languages of the primary contrast."""
    table = _of_primary(study)
    table = table[(table["kind"] == "arm") & (table["scope"] == ALL_GROUPS)]
    return _rows(table, [table["arm"]], "effect", _intervals(table, "effect"), named)


def _scores(study: Snapshot, named: bool) -> pd.DataFrame:
    """The score of each target without intermediate training, in the languages of the primary contrast."""
    table = _of_primary(study)
    table = table[(table["kind"] == "arm") & (table["scope_kind"] == "target")]
    texts = pd.to_numeric(table["none"], errors="coerce").map("{:.2f}".format)
    return _rows(table, [table["scope"]], "none", texts, named)


def _of_primary(study: Snapshot) -> pd.DataFrame:
    contrasts, effects = _table(study, "contrasts"), _table(study, "effects")
    sets = set(contrasts.loc[contrasts["role"] == "primary", "language_set"])
    return effects[effects["language_set"].isin(sets)]
