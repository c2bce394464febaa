"""Tasks made of programs that solve the same problem in many languages, split by problem.

A test problem is trained on in no language, for otherwise the score would measure the recall of a known problem. So
``cluster`` is the problem; which part of its id all languages share is said by ``problem``, a pattern (``MBJP/7``).
"""

import ast
import re
from collections import Counter
from typing import Any

import pandas as pd

from codestilts.errors import CodeStiltsError
from codestilts.examples.builders.code import COLUMNS, HIDDEN
from codestilts.examples.builders.codexglue import (
    drop_ambiguous_pairs,
    drop_cross_split_duplicates,
    keep_rows,
    normalise_whitespace,
)
from codestilts.examples.parsing.definitions import parse
from codestilts.examples.parsing.functions import render_code
from codestilts.examples.parsing.languages import language
from codestilts.examples.parsing.token_tags import Leaf, Walk, tagged_leaves
from codestilts.examples.readers.hub_tables import OPTIONAL, is_null, read, values
from codestilts.examples.readers.repository import Archive
from codestilts.examples.sampling import (
    NO_LIMIT,
    Inputs,
    Settings,
    hash_uniform,
    log_dropped_rows,
    orient_pairs,
    requested_rows,
    sample_rows,
)
from codestilts.examples.text import first_words, replace_word

SHORTEST, LONGEST = 20, 20_000  # characters of a program
DEV, TEST = 0.1, 0.3  # share of the problems, where a set has no splits
TUNED = 0.3  # share of the problems that the margin of mining is tuned on
COMMENTS = ("//", "/*", "# ")  # how a comment begins, which is one token in CodeSearchNet; Python has //= as well
LABEL_SEPARATOR = "|"  # the labels of one example
SHORT = 4  # letters; a shorter title of a problem is not looked for in names
# Lines that only say what a file uses, in any language: the same ones in program after program.
_IMPORTS = re.compile(
    r"^[ \t]*(?:#\s*include\b.*|import\s*\([^)]*\)|import\b.*|from\s.*\bimport\b.*|package\s.*|use\s.*;"
    r"|using\s[\w.:=<>, ]+;)\n?",
    re.MULTILINE,
)
_IDENTIFIER = re.compile(r"[^\W\d][\w$]*")


def tokenize_program(code: str, name: str) -> tuple[list[Leaf], bytes]:
    """The tokens of a program without comments and docstrings, and the bytes that they were read from.

    What does not parse by itself is read in the surroundings of its language (a method in a class); what parses
    nowhere gives the tokens that the grammar can make out.
    """
    spec = language(name)
    if name == "php" and "<?" not in code:
        code = f"<?php\n{code}"  # without the mark a program is one piece of plain text
    found: list[tuple[list[Leaf], bytes]] = []
    for surroundings in ("{}", *spec.alone):
        first = len(surroundings.partition("{}")[0].encode())
        data, root = parse(surroundings.replace("{}", code).encode(), spec)
        walk, last = Walk(), first + len(code.encode())
        inside = [leaf for leaf in tagged_leaves(root, data, spec, walk) if first <= leaf.start and leaf.end <= last]
        if not root.has_error and not walk.opaque:
            return inside, data
        found.append((inside, data))
    return found[0]


def remove_imports(text: str) -> str:
    """A program without the lines that import, include or use."""
    return _IMPORTS.sub("", text).strip("\n")


def anonymize_program(code: str, name: str, known: str = "", title: str = "") -> str:
    """A program without comments and imports, the names of the functions it defines, and its problem's title.

    Equal names would give the partner away. ``known`` is a name that is hidden in any case; ``title`` hides the names
    that spell it (``TwoFer`` for ``two-fer``).
    """
    found, data = tokenize_program(code, name)
    if not found:
        return ""
    text = remove_imports(render_code(found, data)[1])
    for word in sorted({leaf.text for leaf in found if leaf.tag == "FUNCTION"} | {known} - {""}):
        text = replace_word(text, word, HIDDEN)
    spelled = _plain(title)
    if len(spelled) >= SHORT and not spelled.isdigit():
        text = _IDENTIFIER.sub(lambda match: HIDDEN if spelled in _plain(match[0]) else match[0], text)
    return text


def _plain(name: str) -> str:
    return re.sub(r"[\W_]", "", name).lower()


def cluster_by_problem(frame: pd.DataFrame, settings: Settings) -> pd.DataFrame:
    """The rows with their problem as cluster (option ``problem``: the part of the field that languages share)."""
    pattern = re.compile(settings.get("problem") or r"(?s).+")
    found = [pattern.search(str(name)) for name in frame["problem"]]
    if None in found:
        name = frame["problem"].iloc[found.index(None)]
        raise CodeStiltsError(f"task {settings['task']}: option problem: {pattern.pattern} is not in {name!r}")
    titles = [match[0] for match in found if match]
    clusters = [f"{package}:{title}" for package, title in zip(frame["package"], titles, strict=True)]
    return frame.assign(problem=titles, cluster=clusters)


def split_problems(frame: pd.DataFrame) -> pd.Series:
    """The split of each row's problem, the same in all languages and sets: 60 % train, 10 % dev, 30 % test."""
    luck = frame["problem"].map({name: hash_uniform("split", name) for name in set(frame["problem"])})
    return pd.Series("train", index=frame.index).mask(luck < TEST + DEV, "dev").mask(luck < TEST, "test")


def load_programs(inputs: Inputs, settings: Settings) -> pd.DataFrame:
    """One program (``text``) of each problem and language, the first one.

    Fields: ``problem``, ``code`` (a column, or columns whose texts follow one another) and perhaps ``name``, that of
    the function.
    """
    frame = cluster_by_problem(read(inputs, settings), settings)
    frame["code"] = [_joined(code) for code in frame["code"]]
    frame = keep_rows(
        frame, frame["code"].str.len().between(SHORTEST, LONGEST), "no program, or one too long", settings
    )
    lone = frame["code"].str.contains(r"\r(?!\n)")  # a grammar may take all that follows a comment for one
    frame = keep_rows(frame, ~lone, "carriage returns as line ends", settings)
    frame = frame.drop_duplicates(["split", "language", "cluster"]).reset_index(drop=True)
    names = frame["name"] if "name" in frame else [""] * len(frame)
    columns = zip(frame["code"], frame["language"], names, frame["problem"], strict=True)
    frame["text"] = [anonymize_program(code, kind, str(name or ""), title) for code, kind, name, title in columns]
    return keep_rows(frame, frame["text"].str.len() >= SHORTEST, "nothing but comments", settings)


def _joined(code: Any) -> str:
    parts = code if isinstance(code, list) else [code]
    return "" if any(not isinstance(part, str) for part in parts) else "\n".join(part.rstrip("\n") for part in parts)


def solution_search(inputs: Inputs, settings: Settings) -> pd.DataFrame:
    """A program (``query``, in ``language``) and the one that solves its problem in the source language (``document``).

    As English is one side of every pair in Tatoeba and BUCC (XTREME; Hu et al. 2020, arXiv 2003.11080).
    """
    rows = sample_rows(_pairs(inputs, settings), settings, equal_test=True)
    return orient_pairs(rows, settings, "query")[[*COLUMNS, "query", "document"]]


def _pairs(inputs: Inputs, settings: Settings) -> pd.DataFrame:
    pivot = settings["source_language"]
    others = [name for name in settings["languages"] if name != pivot]
    frame = load_programs(inputs, settings | {"languages": [pivot, *others]})
    known = frame.loc[frame["language"] == pivot, ["split", "cluster", "text"]]
    if known.empty:
        raise CodeStiltsError(f"task {settings['task']}: no program in {pivot}, in which all are searched")
    rows = frame[frame["language"] != pivot].merge(known.rename(columns={"text": "document"}), on=["split", "cluster"])
    rows = rows.rename(columns={"text": "query"})
    for side in ("query", "document"):
        rows = keep_rows(
            rows, ~rows.duplicated(["split", "language", side]), f"another problem has the {side}", settings
        )
    return rows


def mining(inputs: Inputs, settings: Settings) -> pd.DataFrame:
    """The pairs of :func:`solutions` among programs without a partner (BUCC; Zweigenbaum et al. 2017).

    For each pair ``distractors`` more problems have a query only and as many a document only; the text of the other
    side is empty. Dev, on which the margin is tuned, and test have no problem in common.
    """
    rows = _pairs(inputs, settings)
    if not (rows["split"] == "dev").any():
        rows["split"] = ["dev" if hash_uniform("split", name) < TUNED else "test" for name in rows["problem"]]
    parts, share = [], settings["distractors"]
    for (split, name), group in rows.groupby(["split", "language"], sort=True):
        luck = group["cluster"].map(lambda cluster: hash_uniform(settings["task"], cluster))
        group = group.loc[luck.sort_values().index]
        count = min(requested_rows(settings, str(split), str(name)), int(len(group) // (1 + 2 * share)))
        extra = round(count * share)
        asked, searched = group.iloc[count : count + extra], group.iloc[count + extra : count + 2 * extra]
        parts += [group.iloc[:count], asked.assign(document=""), searched.assign(query="")]
    return orient_pairs(pd.concat(parts, ignore_index=True), settings, "query")[[*COLUMNS, "query", "document"]]


def topic_classification(inputs: Inputs, settings: Settings) -> pd.DataFrame:
    """Which algorithms does this program need? Its ``labels``, joined by ``|`` (xCodeEval; Khan et al. 2023).

    Fields: ``id``, ``problem``, ``text_a`` and ``tags``; ``by`` is the column of the language. The set has millions of
    programs, so it is read piece by piece, and of each training problem ``per_problem`` are kept.
    """
    unknown = Counter[str]()
    rows = [row for entry in settings["read"] for row in _sampled(entry, inputs, settings)]
    for row in rows:
        tags = row.pop("tags")
        try:
            named = set(ast.literal_eval(tags) if isinstance(tags, str) else tags)  # a list, in some copies as text
        except (ValueError, SyntaxError, TypeError) as error:
            raise CodeStiltsError(
                f"task {settings['task']}: {row['id']}: tags {tags!r} are no list: {error}"
            ) from error
        row["label"] = LABEL_SEPARATOR.join(sorted(named & set(settings["labels"])))
        unknown.update(named - set(settings["labels"]))
    print(f"{settings['task']}: tags that are not declared and left out: {dict(unknown.most_common())}")
    frame = cluster_by_problem(pd.DataFrame(rows), settings).assign(text_b="")
    frame = keep_rows(frame, frame["label"] != "", "no declared tag", settings)
    return sample_rows(drop_cross_split_duplicates(frame, "cluster", settings), settings)[
        [*COLUMNS, "text_a", "text_b", "label"]
    ]


def _sampled(entry: dict[str, Any], inputs: Inputs, settings: Settings) -> list[dict[str, Any]]:
    """The rows of an entry; train rows of the source language only, the luckiest ``per_problem`` of each problem."""
    archive, train = Archive(inputs[entry["source"]], f"task {settings['task']}"), entry["as"] == "train"
    spoken = [settings["source_language"]] if train else settings["languages"]
    names = {str(settings.get("codes", {}).get(name, name)): name for name in spoken}
    limit = int(settings.get("per_problem") or NO_LIMIT) if train else NO_LIMIT
    found: dict[Any, dict[str, dict[str, Any]]] = {}
    total, lacking = 0, Counter[str]()
    for table in archive.pieces(entry):
        wanted = pd.Series(values(table, entry["by"], archive.where, settings), index=table.index).map(names)
        table, wanted = table[wanted.notna()], wanted[wanted.notna()]
        fields = {**settings["fields"], **entry.get("fields", {})}
        columns = {name: values(table, spec, archive.where, settings) for name, spec in fields.items()}
        for name, *cells in zip(wanted, *columns.values(), strict=True):
            row = {**dict(zip(columns, cells, strict=True)), "language": name, "split": entry["as"]}
            total += 1
            if absent := next((key for key in ("id", *fields) if key not in OPTIONAL[1:] and is_null(row[key])), ""):
                lacking[absent] += 1
                continue
            row |= {"id": f"{entry['source']}:{row['id']}", "package": entry["source"]}
            best = found.setdefault((name, row["problem"]), {})
            best[row["id"]] = row
            if len(best) > limit:
                del best[max(best, key=lambda key: hash_uniform(settings["task"], key))]
    for key, count in lacking.items():
        log_dropped_rows(settings, count, total, f"{entry['source']}:{entry['as']}: no {key}")
    return [row for best in found.values() for row in best.values()]


def nl_code(inputs: Inputs, settings: Settings) -> pd.DataFrame:
    """Documentation -> the function it documents, trained in the source language (CodeSearchNet as CodeXGLUE has it).

    Fields: ``said`` (its first paragraph is the query), ``tokens``, ``name`` (hidden in the tokens) and ``repo``, the
    cluster. An untrained twin has the test rows of the task ``like``.
    """
    settings = {**settings, "task": settings.get("like") or settings["task"]}
    parts = []
    for entry in settings["read"]:
        spoken = [settings["source_language"]] if entry["as"] == "train" else settings["languages"]
        frame = read(inputs, settings | {"read": [entry], "languages": spoken})
        paragraphs = [re.split(r"\n\s*\n", text.strip())[0] for text in frame["said"]]
        frame["query"] = [first_words(text, settings["doc_words"]) for text in paragraphs]
        columns = zip(frame["tokens"], frame["name"], strict=True)
        frame["document"] = [
            normalise_whitespace(_unnamed(tokenize_program, name)[: settings["code_tokens"]])
            for tokenize_program, name in columns
        ]
        parts.append(frame.drop(columns=["said", "tokens", "name"]))
    frame = drop_ambiguous_pairs(pd.concat(parts, ignore_index=True), settings)
    repeated = frame.duplicated(["split", "language", "document"])
    frame = keep_rows(frame, ~repeated, "another row has the function", settings)
    own = frame["package"] + ":" + frame["repo"]
    frame = drop_cross_split_duplicates(
        frame.assign(cluster=own.where(frame["repo"] != "", frame["id"])), "cluster", settings
    )
    rows = sample_rows(frame, settings, equal_test=True)
    return orient_pairs(rows, settings, "document")[[*COLUMNS, "query", "document"]]


def _unnamed(code: list[str], name: str) -> list[str]:
    """The tokens without comments and the function's own name, which may follow that of its class: ``Type.name``."""
    own = re.split(r"[.:#]+", name)[-1]
    code = [token for token in code if not (token.startswith(COMMENTS) and len(token) > len("//="))]
    return [HIDDEN if token == own else token for token in code]
