"""The natural languages that can be told from others: those of lingua-language-detector."""

from functools import lru_cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lingua import Language


@lru_cache(maxsize=1)
def identified_languages() -> dict[str, "Language"]:
    """Return the languages by their names in task files."""
    from lingua import Language

    return {language.name.lower(): language for language in Language.all()}
