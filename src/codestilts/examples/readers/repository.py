"""A dataset repository of the hub: which of its files are a split of a config, and the rows in them.

The repository's card decides, read as the hub's own libraries do: its metadata by ``huggingface_hub``, its ``configs``
by the rules of ``datasets`` (``MetadataConfigs``, ``sanitize_patterns``). What it does not declare is an error, never
the nearest thing that is there. Without declared configs a config is a folder and a split a file's name.
"""

import posixpath
import re
import zipfile
import zlib
from collections import Counter
from collections.abc import Iterator
from fnmatch import fnmatchcase
from functools import cached_property
from pathlib import Path, PurePosixPath
from typing import Any

import pandas as pd
import pyarrow as pa
import yaml
from fsspec.utils import glob_translate

from codestilts.errors import CodeStiltsError, suggest
from codestilts.examples.readers.table_files import READERS

# What a split's files are called where no card says it; the second is the layout of the branch refs/convert/parquet.
PLACES = ("{split}-[0-9]*", "{split}/*", "{split}.*")
DEFAULT = ("default/", "data/", "")  # where a config without a name lies
_LATER = re.compile(r"-0*[1-9]\d*-of-\d+\.")  # the second and later parts of a table, which a rehearsal does not fetch

Record = dict[str, Any]


class Repository:
    """Which files a dataset repository has, and what its card (the text of its README.md) says of them."""

    def __init__(self, names: list[str], card: str, where: str) -> None:
        self.names, self.card, self.where = names, card, where

    @cached_property
    def configs(self) -> dict[str, Record]:
        """What the card declares of each config; empty if it declares none.

        Raises :class:`CodeStiltsError` for metadata that ``huggingface_hub`` or ``datasets`` would not read.
        """
        from huggingface_hub.repocard import REGEX_YAML_BLOCK, RepoCard

        text = self.card.removeprefix("\ufeff")
        if not REGEX_YAML_BLOCK.search(text):
            return {}
        try:
            declared = RepoCard(text).data.get("configs") or []
        except (ValueError, TypeError, RecursionError, yaml.YAMLError) as error:
            raise self._broken(f"metadata that is no mapping in YAML: {' '.join(str(error).split())}") from error
        if not isinstance(declared, list) or not all(isinstance(config, dict) for config in declared):
            raise self._broken("configs that are no list of mappings")
        names = [str(config.get("config_name") or "") for config in declared]
        if "" in names or len(set(names)) < len(names):
            raise self._broken("a config without config_name, or two of one name")
        return dict(zip(names, declared, strict=True))

    def files(self, entry: Record) -> list[str]:
        """The members that hold a split of a config, or that match ``files``.

        Raises :class:`CodeStiltsError` with the nearest spelling for a config, a split or a file that is not there.
        """
        if "files" in entry:
            found = sorted(name for name in self.names if fnmatchcase(name, entry["files"]))
            if not found:
                raise self._absent("file", entry["files"], self._tables())
            return found
        split = str(entry.get("split") or entry["as"])
        config = self._config(entry.get("config"))
        told = f"split {split} of config {config}" if config else f"split {split}"
        if (declared := self._declared(config)) is None:
            base = self.configs[config].get("data_dir") if config in self.configs else None
            folders = [f"{base}/{place}" for place in ("data/", "")] if base else list(DEFAULT)
            if not self.configs and config not in (None, "default"):
                folders = [f"{config}/"]
            for pattern in (folder + place.format(split=split) for folder in folders for place in PLACES):
                found = sorted(name for name in self._tables() if fnmatchcase(name, posixpath.normpath(pattern)))
                if found:
                    return found
            raise self._absent("file for", told, self._tables())
        if split not in declared:
            raise self._absent(f"split {split!r} in config", config, declared, name=split)
        found = []
        for pattern in declared[split]:
            matching = self._matching(pattern)
            if not matching and not _LATER.search(pattern) and not re.search(r"[*?\[]", pattern):
                raise self._absent("file", f"{pattern}, which its card names for {told}", self._tables(), pattern)
            found += [name for name in matching if name not in found]
        if not found:
            raise self._absent("file", f"{' or '.join(declared[split])} for {told}", self._tables())
        return found

    def _config(self, asked: Any) -> str | None:
        """The config that an entry means; the default one if it names none."""
        if not self.configs:
            if asked not in (None, "default") and not any(name.startswith(f"{asked}/") for name in self._tables()):
                raise self._absent("config", str(asked), {name.split("/")[0] for name in self._tables() if "/" in name})
            return None if asked is None else str(asked)
        if asked is not None:
            if str(asked) not in self.configs:
                raise self._absent("config", str(asked), self.configs)
            return str(asked)
        usual = [
            name for name, config in self.configs.items()
            if len(self.configs) == 1 or name == "default" or config.get("default") is True
        ]  # fmt: skip
        if len(usual) != 1:
            raise self._error(f"it has no one default config, so name one: {suggest('', self.configs, limit=8)}")
        return usual[0]

    def _declared(self, config: str | None) -> dict[str, list[str]] | None:
        """Split -> patterns of its files, as the card declares them for a config; None if it doesn't."""
        said = self.configs.get(config or "", {})
        files, folder = said.get("data_files"), str(said.get("data_dir") or "")
        if files is None:
            return None
        items = [files] if isinstance(files, str) else files
        if isinstance(items, list) and all(isinstance(item, str) for item in items):
            items = [{"split": "train", "path": items}]  # as `datasets` takes files without a split
        splits: dict[str, list[str]] = {}
        for item in items if isinstance(items, list) else [{}]:
            item = item if isinstance(item, dict) and set(item) == {"split", "path"} else {}
            paths = [item["path"]] if isinstance(item.get("path"), str) else item.get("path")
            if not isinstance(paths, list) or not all(isinstance(path, str) for path in paths):
                raise self._broken(f"data_files of config {config} that are neither patterns nor splits with a path")
            if str(item["split"]) in splits:
                raise self._broken(f"split {item['split']} twice in config {config}")
            splits[str(item["split"])] = [posixpath.normpath(posixpath.join(folder, path)) for path in paths]
        return splits

    def _matching(self, pattern: str) -> list[str]:
        """The files that a pattern of a card names: ``*`` ends at a slash, ``**`` does not."""
        if pattern in self.names:
            return [pattern]
        try:
            form = re.compile(glob_translate(pattern))
        except (ValueError, re.error) as error:
            raise self._broken(f"the pattern {pattern}: {error}") from error
        return sorted(name for name in self.names if form.match(name))

    def _tables(self) -> list[str]:
        return sorted(name for name in self.names if PurePosixPath(name).suffix in READERS and name != "MANIFEST.json")

    def _absent(self, what: str, asked: str | None, there: Any, name: str | None = None) -> CodeStiltsError:
        hint = suggest(name or asked, there, limit=8, label="it has") if there else "it has no tables"
        return self._error(f"no {what} {asked}: {hint}")

    def _broken(self, what: str) -> CodeStiltsError:
        return self._error(
            f"its card README.md has {what}: say in the task which `files` a split has, or take another commit"
        )

    def _error(self, message: str) -> CodeStiltsError:
        return CodeStiltsError(" ".join(f"{self.where}: {message}".split()))  # one line, whatever the names


class Archive(Repository):
    """A fetched repository: a zip of its files. Raises :class:`CodeStiltsError` if it is none."""

    def __init__(self, path: Path, where: str) -> None:
        self.path = path
        try:
            with zipfile.ZipFile(path) as archive:
                names = [name for name in archive.namelist() if not name.endswith("/")]
                card = archive.read("README.md").decode(errors="replace") if "README.md" in names else ""
        except (OSError, zipfile.BadZipFile, zlib.error) as error:
            raise CodeStiltsError(f"{where}: {path} cannot be read: {error}: fetch it again") from error
        super().__init__(names, card, f"{where}, {path.name}")

    def pieces(self, entry: Record, wanted: frozenset[str] = frozenset()) -> Iterator[pd.DataFrame]:
        """The rows of a split of a config as they lie in its files: the ``wanted`` columns, or all of them.

        Types are those of the file: nothing becomes a float because a value is missing, which is None or NaN. A cell of
        a CSV file is text. A row of JSON with half of a surrogate pair, which no file could hold, is dropped, and the
        log says how many. Raises :class:`CodeStiltsError` for a file that is damaged or no table.
        """
        with zipfile.ZipFile(self.path) as archive:
            for name in self.files(entry):
                dropped = Counter[str]()
                reader = READERS.get(PurePosixPath(name).suffix)
                try:
                    if not reader:
                        raise ValueError(f"its name must end in one of {', '.join(READERS)}")
                    with archive.open(name) as stream:
                        yield from reader(stream, wanted, dropped)
                except (
                    ValueError,
                    OSError,
                    RecursionError,
                    pa.ArrowException,
                    zipfile.BadZipFile,
                    zlib.error,
                ) as error:
                    message = " ".join(str(error).split())
                    raise CodeStiltsError(f"{self.where}: {name} cannot be read: {message}") from error
                for why, count in (+dropped).items():
                    print(f"{self.where}: {name}: {count} rows dropped: {why}")

    def table(self, entry: Record, wanted: set[str] | None = None) -> pd.DataFrame:
        """All rows of :meth:`pieces` that the entry's ``where`` admits; row numbers as index."""
        where = entry.get("where") or {}
        columns = frozenset({*wanted, *(name.partition(".")[0] for name in where)} if wanted else ())
        parts = list(self.pieces(entry, columns))
        if not sum(map(len, parts)):
            raise CodeStiltsError(f"{self.where}: {', '.join(self.files(entry))}: there are no rows")
        table = pd.concat(parts, ignore_index=True)
        for column, allowed in where.items():
            values = allowed if isinstance(allowed, list) else [allowed]
            table = table[column_of(table, column, self.where).isin(values)]
        return table.reset_index(drop=True)


def column_of(table: pd.DataFrame, path: str, where: str) -> pd.Series:
    """A column, or what lies in it: ``answers.text.0``. Raises :class:`CodeStiltsError` if it isn't there."""
    first, *inside = path.split(".")
    if first not in table:
        raise CodeStiltsError(f"{where}: there is no column {first!r}: {suggest(first, table, label='the table has')}")
    found = table[first]
    for step in inside:
        key: Any = int(step) if step.isdigit() else step
        kept = [value for value in found if isinstance(value, dict)]
        if kept and isinstance(key, str) and not any(key in value for value in kept):
            keys = sorted({str(known) for value in kept for known in value})
            raise CodeStiltsError(
                f"{where}: column {first!r} holds no {path!r}: {suggest(step, keys, label='it holds')}"
            )
        found = pd.Series([_inside(value, key) for value in found], index=table.index, dtype=object)
        if len(found) and found.isna().all() and not isinstance(key, int):
            raise CodeStiltsError(f"{where}: column {first!r} holds no {path!r}")
    return found


def _inside(value: Any, key: Any) -> Any:
    try:
        return value[key]
    except (KeyError, IndexError, TypeError):
        return None
