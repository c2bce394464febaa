"""Test rows in an invented language: rows of the language that it renames, with the same labels and units."""

from collections.abc import Sequence

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
    codes = pd.Series([_rename(code, names) for code in rows[column]], index=rows.index, dtype=object)
    exact = rows.assign(**{column: codes})[codes.notna()]
    log_dropped_rows(settings, len(rows) - len(exact), len(rows), f"renamed as {language}, they could not be read back")
    sizes = exact.groupby("cluster").size()
    until = sizes[sorted(sizes.index, key=lambda cluster: hash_uniform(language, cluster))].cumsum()
    chosen = exact[exact["cluster"].isin(until.index[until <= requested_rows(settings, "test", language)])]
    return chosen.assign(language=language, id=chosen["id"] + f"#{language}")


def _rename(code: str | Sequence[str], names: Renaming) -> str | list[str] | None:
    """Rename a text or each of several tokens; None if the inverse does not restore them."""
    texts = [code] if isinstance(code, str) else list(code)
    renamed = [names.apply(text) for text in texts]
    if [names.inverse.apply(text) for text in renamed] != texts:
        return None
    return renamed[0] if isinstance(code, str) else renamed
