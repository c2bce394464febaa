"""Test rows in an invented language: rows of the language that it renames, with the same labels and units."""

from collections.abc import Sequence

import pandas as pd

from codestilts.columns import MASK
from codestilts.examples.builder_settings import BuilderSettings
from codestilts.examples.sampling import hash_uniform, log_dropped_rows, requested_rows
from codestilts.invented import Renaming, is_invented, real_language, renaming

# The columns with code: of tagging, of classification, and of generation, whose references then are code.
CODE_COLUMNS = ("tokens", "text_b", "source", "reference", "copied")


def with_invented_languages(frame: pd.DataFrame, settings: BuilderSettings) -> pd.DataFrame:
    """Add the test rows of the task's invented languages to those of the real languages."""
    parts = [_renamed(frame, name, settings) for name in settings.languages if is_invented(name)]
    return pd.concat([frame, *parts], ignore_index=True) if parts else frame


def _renamed(frame: pd.DataFrame, language: str, settings: BuilderSettings) -> pd.DataFrame:
    """Return as many test rows of the real language as requested, in random order of clusters, under other names."""
    rows = frame[(frame["split"] == "test") & (frame["language"] == real_language(language))]
    names, columns = renaming(language), [name for name in CODE_COLUMNS if name in frame]
    codes = {
        name: pd.Series([_rename(code, names) for code in rows[name]], index=rows.index, dtype=object)
        for name in columns
    }
    renamed = rows.assign(**codes)
    exact = renamed[renamed[columns].notna().all(axis=1)]
    log_dropped_rows(settings, len(rows) - len(exact), len(rows), f"renamed as {language}, they could not be read back")
    sizes = exact.groupby("cluster").size()
    until = sizes[sorted(sizes.index, key=lambda cluster: hash_uniform(language, cluster))].cumsum()
    chosen = exact[exact["cluster"].isin(until.index[until <= requested_rows(settings, "test", language)])]
    own = {"output_language": language} if "output_language" in frame else {}
    return chosen.assign(language=language, id=chosen["id"] + f"#{language}", **own)


def _rename(code: str | Sequence[str], names: Renaming) -> str | list[str] | None:
    """Rename a text, except the mask in it, or each of several tokens; None if the inverse does not restore them."""
    texts = code.split(MASK) if isinstance(code, str) else list(code)
    renamed = [names.apply(text) for text in texts]
    if [names.inverse.apply(text) for text in renamed] != texts:
        return None
    return MASK.join(renamed) if isinstance(code, str) else renamed
