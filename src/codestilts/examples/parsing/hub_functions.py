"""Read functions from dataset repositories of the hub: parquet tables with a function in each row (CodeSearchNet).

The tables of a language are in a folder with its name, and their names contain the split: ``go/train-00000-of-00003``,
``go/validation/0000``. The function of a row is parsed as a file of its own, in the context that it needs (``alone`` in
languages.yaml). It gets the documentation of its column if its text has none.
"""

import hashlib
import re
import zipfile
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path, PurePosixPath
from typing import NamedTuple

import pyarrow as pa
import pyarrow.parquet as pq

from codestilts.errors import CodeStiltsError
from codestilts.examples.parsing.definitions import attach_documentation, find_definitions, parse
from codestilts.examples.parsing.function_filter import Candidate, FunctionKey, is_excluded_path, select_within_limits
from codestilts.examples.parsing.languages import Language
from codestilts.sources.archive import DAMAGED

# The columns that may hold each value, the preferred first: those of CodeSearchNet and of CodeXGLUE.
COLUMNS = {
    "code": ("whole_func_string", "original_string", "func_code_string", "code"),
    "doc": ("func_documentation_string", "docstring"),
    "source": ("repository_name", "repo"),
    "path": ("func_path_in_repository", "path"),
}
# The names of splits in file names, and ours. A repository in two splits stays in the one of higher priority.
SPLITS = {"test": "test", "validation": "dev", "valid": "dev", "val": "dev", "dev": "dev", "train": "train"}
PRIORITY = ("test", "dev", "train")
# Of a function with its documentation: 60 lines of 120 characters (the longest that are kept) and as much documentation
# are 14,400.
MAX_BYTES = 20_000

_END = re.compile(r"\n([ \t]*)\S[^\n]*\Z")
_BODY = re.compile(r":[ \t]*(?:#.*)?\n\s*^([ \t]+)\S", re.M)
_LONE = re.compile(r"\r(?!\n)")
MASK_TOKEN, MASK_NAME = "<mask>", "mask"
_SPLIT = re.compile(rf"(?:^|[/_.-])({'|'.join(SPLITS)})(?=[/_.-])")


class Table(NamedTuple):
    """A table of one language and split: a member of an archive."""

    split: str
    archive: Path
    member: str


class Row(NamedTuple):
    """A function as it is in its table; ``source`` is "" if the repository is unknown."""

    code: str
    doc: str
    source: str
    path: str


def candidates(archives: Sequence[Path], spec: Language, counts: Counter[str]) -> Iterator[Candidate]:
    """Yield the selected functions of one language, those of test tables first.

    :mod:`codestilts.examples.parsing.function_filter` limits their number. ``source`` is the row's repository, or the
    archive's name if the row has none, and ``split`` that of the table.

    Args:
        archives: Zip files of dataset repositories.
        spec: The language.
        counts: Counts the rows that are not used, by reason.

    Raises:
        CodeStiltsError: An archive is damaged or has no table of the language.
    """
    tables = sorted(
        (table for archive in archives for table in _tables(archive, spec, counts)),
        key=lambda table: (PRIORITY.index(table.split), table.archive.stem, table.member),
    )
    selected = _select_rows(tables, counts)
    for table, numbers in zip(tables, selected, strict=True):
        for number, row in enumerate(_rows(table)):
            if number in numbers and (item := _candidate(table, number, row, spec, counts)):
                yield item


def _tables(archive: Path, spec: Language, counts: Counter[str]) -> list[Table]:
    """The tables of a language in an archive; those without a split in their names are counted."""
    try:
        with zipfile.ZipFile(archive) as bundle:
            names = [name for name in bundle.namelist() if name.endswith(".parquet")]
    except (*DAMAGED, ValueError) as error:
        raise CodeStiltsError(f"archive {archive} cannot be read: {error}: fetch it again") from error
    tables = []
    for name in names:
        if spec.name not in PurePosixPath(name).parts[:-1]:
            continue
        if splits := _SPLIT.findall(name):
            tables.append(Table(SPLITS[splits[-1]], archive, name))
        else:
            counts[f"table without a split ({name})"] += 1
    if not tables:
        raise CodeStiltsError(
            f"archive {archive} has no table of {spec.name} (such as {spec.name}/train-00000-of-00001.parquet), only "
            f"{', '.join(names[:5]) or 'other files'}: correct the keep or the languages of {archive.stem!r} in "
            "sources.csv"
        )
    return tables


def _select_rows(tables: Sequence[Table], counts: Counter[str]) -> list[set[int]]:
    """The numbers of the selected rows of each table. Reads every row, but keeps no text in memory."""
    positions, keys, split_of_source = list[tuple[int, int]](), list[FunctionKey](), dict[str, str]()
    for index, table in enumerate(tables):
        for number, row in enumerate(_rows(table)):
            if row.source:
                split_of_source.setdefault(row.source, table.split)  # tables are sorted by priority
            if row.source and split_of_source[row.source] != table.split:
                counts["repository in another split"] += 1
            elif is_excluded_path(row.path):
                counts["file skipped by its path"] += 1
            elif _LONE.search(row.code):
                counts["carriage returns as line ends"] += 1
            elif "\N{REPLACEMENT CHARACTER}" in row.code:
                counts["invalid UTF-8 or lost characters (U+FFFD)"] += 1
            elif len(row.code.encode()) > MAX_BYTES or not row.code.strip():
                counts["too long" if row.code.strip() else "empty"] += 1
            else:
                digest = hashlib.sha256(row.code.encode()).digest()[:8]
                source, path = row.source or table.archive.stem, row.path or table.member
                keys.append(FunctionKey(digest, bool(row.doc.strip()), table.split, source, path))
                positions.append((index, number))
    within_limits = select_within_limits(keys)
    counts["more than enough of a file, source or split"] += len(keys) - len(within_limits)
    selected = [set[int]() for _ in tables]
    for index, number in map(positions.__getitem__, within_limits):
        selected[index].add(number)
    return selected


def _rows(table: Table) -> Iterator[Row]:
    """The rows of a table, read a thousand at a time."""
    where = f"archive {table.archive}, {table.member}"
    try:
        with zipfile.ZipFile(table.archive) as bundle, bundle.open(table.member) as stream:
            file = pq.ParquetFile(stream)  # reads what it needs: a table may be larger than the memory
            names = set(file.schema_arrow.names)
            columns = {key: next((name for name in some if name in names), "") for key, some in COLUMNS.items()}
            if not columns["code"]:
                raise CodeStiltsError(
                    f"{where}: no column with the text of functions, only {', '.join(sorted(names))}: use a table with "
                    f"{' or '.join(COLUMNS['code'])}"
                )
            for batch in file.iter_batches(1000, columns=[name for name in columns.values() if name]):
                texts = [_texts(batch, name) for name in columns.values()]
                yield from map(Row._make, zip(*texts, strict=True))
    except (*DAMAGED, KeyError, pa.ArrowException) as error:
        raise CodeStiltsError(f"{where}: cannot be read: {error}: fetch it again") from error


def _texts(batch: pa.RecordBatch, name: str) -> list[str]:
    """A column of texts, "" for null. Bytes that are not UTF-8 become U+FFFD, and the row is not used.

    Tables of a cloze test have a mask token in place of a name, which would keep the row from being parsed.
    """
    if not name:
        return [""] * len(batch)
    column = batch.column(name).cast(pa.large_binary()).to_pylist()
    return [(value or b"").decode(errors="replace").replace(MASK_TOKEN, MASK_NAME) for value in column]


def _candidate(table: Table, number: int, row: Row, spec: Language, counts: Counter[str]) -> Candidate | None:
    """The function of a row, in the first context in which all of it parses; None (counted) if there is none."""
    reasons = Counter({"row not parsed": 1})
    for context in spec.alone:
        data, root = parse(context.replace("{}", _restore_indentation(row.code, spec)).encode(), spec)
        if root.has_error:
            continue
        reasons = Counter[str]()
        definition = next(find_definitions(root, spec, reasons, alone=True), None)
        if definition is not None:
            definition = definition if definition.doc else attach_documentation(definition, row.doc, spec)
            where, source = f"{table.archive.stem}:{table.member}", row.source or table.archive.stem
            return Candidate(where, number, source, table.split, row.path or table.member, data, definition)
    counts.update(reasons or {"no function": 1})
    return None


def _restore_indentation(code: str, spec: Language) -> str:
    """A function's text with its first line indented as it was in the file; the other lines still are.

    The first line is indented like the line that closes the function, or one level less than its body.
    """
    code = code.strip("\r\n")
    match = (_BODY if spec.docs == "docstring" else _END).search(code)
    margin = match[1] if match else ""
    if spec.docs == "docstring":
        margin = margin[: -1 if "\t" in margin else -4]
    return code if code[:1].isspace() else margin + code
