"""Functions out of dataset repositories of the hub: parquet tables with one function a row, such as CodeSearchNet's.

The tables of a language lie in a folder with its name; the name of each tells its split: ``go/train-00000-of-00003``,
``go/validation/0000``. A row's function is read as a file of its own: put into what it needs around it (``alone`` in
languages.yaml), and with the documentation of its column if its text has none.
"""

import hashlib
import re
import struct
import zipfile
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path, PurePosixPath
from typing import NamedTuple

import pyarrow as pa
import pyarrow.parquet as pq

from codestilts.errors import CodeStiltsError
from codestilts.examples.parsing.definitions import attach_documentation, find_definitions, parse
from codestilts.examples.parsing.function_filter import Candidate, Claim, is_excluded_path, select_within_limits
from codestilts.examples.parsing.languages import Language

# What a row tells, and the columns that may hold it, best first: those of CodeSearchNet and of CodeXGLUE.
COLUMNS = {
    "code": ("whole_func_string", "original_string", "func_code_string", "code"),
    "doc": ("func_documentation_string", "docstring"),
    "source": ("repository_name", "repo"),
    "path": ("func_path_in_repository", "path"),
}
# What a file's name calls its split, by priority: a repository in two of them stays in the first.
SPLITS = {"test": "test", "validation": "dev", "valid": "dev", "val": "dev", "dev": "dev", "train": "train"}
PRIORITY = ("test", "dev", "train")
MAX_BYTES = 20_000  # of a function with its documentation

_END = re.compile(r"\n([ \t]*)\S[^\n]*\Z")
_BODY = re.compile(r":[ \t]*(?:#.*)?\n\s*^([ \t]+)\S", re.M)
_LONE = re.compile(r"\r(?!\n)")
MASKED, NAME = "<mask>", "mask"
_SPLIT = re.compile(rf"(?:^|[/_.-])({'|'.join(SPLITS)})(?=[/_.-])")


class Table(NamedTuple):
    """A table of one language and split: a member of an archive."""

    split: str
    archive: Path
    member: str


class Row(NamedTuple):
    """A function as its table has it. ``source`` is "" if the repository is unknown."""

    code: str
    doc: str
    source: str
    path: str


def candidates(archives: Sequence[Path], spec: Language, counts: Counter[str]) -> Iterator[Candidate]:
    """The functions of one language that are taken, test tables first.

    Of each split at most so many as :mod:`~parsing.function_filter` allows; a row that is not a function, or
    does not parse, is counted. ``source`` is the row's repository (the archive's name if the row has none), ``split``
    that of its file. Raises CodeStiltsError if an archive is damaged or has no table of the language.
    """
    tables = sorted(
        (table for archive in archives for table in _tables(archive, spec, counts)),
        key=lambda table: (PRIORITY.index(table.split), table.archive.stem, table.member),
    )
    wanted = _choose(tables, counts)
    for table, numbers in zip(tables, wanted, strict=True):
        for number, row in enumerate(_rows(table)):
            if number in numbers and (item := _candidate(table, number, row, spec, counts)):
                yield item


def _tables(archive: Path, spec: Language, counts: Counter[str]) -> list[Table]:
    """The tables of a language in an archive; one whose name tells no split is counted."""
    try:
        with zipfile.ZipFile(archive) as bundle:
            names = [name for name in bundle.namelist() if name.endswith(".parquet")]
    except (OSError, zipfile.BadZipFile, ValueError) as error:
        raise CodeStiltsError(f"archive {archive} cannot be read: {error}: fetch it again") from error
    tables = []
    for name in names:
        if spec.name not in PurePosixPath(name).parts[:-1]:
            continue
        if told := _SPLIT.findall(name):
            tables.append(Table(SPLITS[told[-1]], archive, name))
        else:
            counts[f"table without a split ({name})"] += 1
    if not tables:
        raise CodeStiltsError(
            f"archive {archive} has no table of {spec.name}, which would be {spec.name}/train-00000-of-00001.parquet "
            f"or the like: it has {', '.join(names[:5]) or 'no parquet files'}: correct the keep or the languages of "
            f"{archive.stem!r} in sources.csv"
        )
    return tables


def _choose(tables: Sequence[Table], counts: Counter[str]) -> list[set[int]]:
    """The numbers of the rows that are taken, table by table. Sees every row, but keeps no text."""
    places, claims, homes = list[tuple[int, int]](), list[Claim](), dict[str, str]()
    for index, table in enumerate(tables):
        for number, row in enumerate(_rows(table)):
            if row.source:
                homes.setdefault(row.source, table.split)  # tables come by priority
            if row.source and homes[row.source] != table.split:
                counts["repository in another split"] += 1
            elif is_excluded_path(row.path):
                counts["file skipped by its path"] += 1
            elif _LONE.search(row.code):
                counts["carriage returns as line ends"] += 1
            elif "\N{REPLACEMENT CHARACTER}" in row.code:
                counts["characters that were lost (U+FFFD)"] += 1
            elif len(row.code.encode()) > MAX_BYTES or not row.code.strip():
                counts["too long" if row.code.strip() else "empty"] += 1
            else:
                digest = hashlib.sha256(row.code.encode()).digest()[:8]
                source, path = row.source or table.archive.stem, row.path or table.member
                claims.append(Claim(digest, bool(row.doc.strip()), table.split, source, path))
                places.append((index, number))
    kept = select_within_limits(claims)
    counts["more than enough of a file, source or split"] += len(claims) - len(kept)
    wanted = [set[int]() for _ in tables]
    for place in kept:
        index, number = places[place]
        wanted[index].add(number)
    return wanted


def _rows(table: Table) -> Iterator[Row]:
    """The rows of a table, read a thousand at a time."""
    where = f"archive {table.archive}, {table.member}"
    try:
        file = pq.ParquetFile(pa.BufferReader(_contents(table)))
        names = set(file.schema_arrow.names)
        columns = {key: next((name for name in some if name in names), "") for key, some in COLUMNS.items()}
        if not columns["code"]:
            raise CodeStiltsError(
                f"{where}: no column with the text of functions: one of {', '.join(COLUMNS['code'])} is wanted, "
                f"it has {', '.join(sorted(names))}"
            )
        for batch in file.iter_batches(1000, columns=[name for name in columns.values() if name]):
            texts = [_texts(batch, name) for name in columns.values()]
            yield from map(Row._make, zip(*texts, strict=True))
    except (OSError, KeyError, zipfile.BadZipFile, pa.ArrowException) as error:
        raise CodeStiltsError(f"{where}: cannot be read: {error}: fetch it again") from error


def _contents(table: Table) -> pa.Buffer:
    """The bytes of a table; in place if they are stored as they are, for tables may be larger than the memory."""
    with zipfile.ZipFile(table.archive) as bundle:
        info = bundle.getinfo(table.member)
        if info.compress_type != zipfile.ZIP_STORED:
            return pa.py_buffer(bundle.read(info))
    file = pa.memory_map(str(table.archive))
    file.seek(info.header_offset + 26)  # of the local header's 30 bytes, lengths of the name and the extra field
    lengths: tuple[int, int] = struct.unpack("<HH", file.read(4))
    file.seek(info.header_offset + 30 + sum(lengths))
    return file.read_buffer(info.file_size)


def _texts(batch: pa.RecordBatch, name: str) -> list[str]:
    """A column of texts, "" where there is none. Bytes that are no UTF-8 become U+FFFD, and the row is not taken.

    Tables made of a cloze test have a mark in the place of a name, without which nothing else of the row would parse.
    """
    if not name:
        return [""] * len(batch)
    column = batch.column(name).cast(pa.large_binary()).to_pylist()
    return [(value or b"").decode(errors="replace").replace(MASKED, NAME) for value in column]


def _candidate(table: Table, number: int, row: Row, spec: Language, counts: Counter[str]) -> Candidate | None:
    """The function of a row, in the first surroundings in which the whole of it parses; None (counted) if in none."""
    missed = Counter({"row not parsed": 1})
    for surroundings in spec.alone:
        data, root = parse(surroundings.replace("{}", _indented(row.code, spec)).encode(), spec)
        if root.has_error:
            continue
        missed = Counter[str]()
        found = next(find_definitions(root, spec, missed, alone=True), None)
        if found is not None:
            found = found if found.doc else attach_documentation(found, row.doc, spec)
            where, source = f"{table.archive.stem}:{table.member}", row.source or table.archive.stem
            return Candidate(where, number, source, table.split, row.path or table.member, data, found)
    counts.update(missed or {"no function": 1})
    return None


def _indented(code: str, spec: Language) -> str:
    """A function's text, its first line indented as in its file, from which the lines after it still are.

    That is as far as the line that closes it; where nothing does, a level less than its body.
    """
    code = code.strip("\r\n")
    found = (_BODY if spec.docs == "docstring" else _END).search(code)
    margin = found[1] if found else ""
    if spec.docs == "docstring":
        margin = margin[: -1 if "\t" in margin else -4]
    return code if code[:1].isspace() else margin + code
