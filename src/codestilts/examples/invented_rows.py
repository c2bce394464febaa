"""Test rows in an invented language: rows of the language that it renames, with the same labels and units."""

import pandas as pd

from codestilts.examples.builder_settings import BuilderSettings
from codestilts.examples.sampling import hash_uniform, log_dropped_rows, requested_rows
from codestilts.invented import Renaming, is_invented, real_language, renaming

CODE_COLUMNS = ("tokens", "text_b")  # of tagging and of classification


def with_invented_languages(frame: pd.DataFrame, settings: BuilderSettings) -> pd.DataFrame:
    """Add the test rows of the task's invented languages to those of the real languages."""
    parts = [_renamed(frame, name, settings) for name in settings.languages if is_invented(name)]
    return pd.concat([frame, *parts], ignore_index=True) if parts else frame


def _renamed(frame: pd.DataFrame, language: str, settings: BuilderSettings) -> pd.DataFrame:
    """Return as many test rows of the real language as requested, in random order of clusters, under other names."""
    rows = frame[(frame["split"] == "test") & (frame["language"] == real_language(language))]
    column, names = next(name for name in CODE_COLUMNS if name in frame), renaming(language)
    exact = rows[[_is_exact(code, names) for code in rows[column]]]
    log_dropped_rows(settings, len(rows) - len(exact), len(rows), f"renamed as {language}, they could not be read back")
    sizes = exact.groupby("cluster").size()
    until = sizes[sorted(sizes.index, key=lambda cluster: hash_uniform(language, cluster))].cumsum()
    chosen = exact[exact["cluster"].isin(until.index[until <= requested_rows(settings, "test", language)])]
    code = [names.apply(text) if isinstance(text, str) else list(map(names.apply, text)) for text in chosen[column]]
    renamed = chosen.assign(language=language, id=chosen["id"] + f"#{language}")
    renamed[column] = code
    return renamed


def _is_exact(code: str | list[str], names: Renaming) -> bool:
    return names.is_exact(code) if isinstance(code, str) else all(map(names.is_exact, code))
