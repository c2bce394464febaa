"""Tasks made of programs that solve the same problem in many languages, split by problem.

A test problem is trained on in no language: the score would measure the recall of a known problem. Therefore
``cluster`` is the problem. The option ``problem`` is a pattern for the part of its id that all languages share
(``MBJP/7``).
"""

import ast
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pandas as pd

from codestilts.columns import EXAMPLE_COLUMNS, LABEL_SEPARATOR
from codestilts.errors import CodeStiltsError
from codestilts.examples.builder_settings import BuilderSettings, Entry, Inputs
from codestilts.examples.builders.code import HIDDEN_NAME
from codestilts.examples.builders.program_text import anonymize_program
from codestilts.examples.readers.hub_tables import OPTIONAL, is_null, read, values
from codestilts.examples.readers.repository import Archive
from codestilts.examples.sampling import (
    NO_LIMIT,
    drop_ambiguous_pairs,
    drop_cross_split_duplicates,
    hash_uniform,
    keep_rows,
    log_dropped_rows,
    orient_pairs,
    requested_rows,
    sample_rows,
)
from codestilts.examples.text import first_words, normalise_whitespace

# Characters of a program. Shorter ones solve nothing. Encoders would truncate longer ones: 20,000 characters are about
# 3,900 tokens (5.1 characters a token in pocket's Python functions).
MIN_CHARACTERS, MAX_CHARACTERS = 20, 20_000
# Shares of the problems where a set has no splits. A convention: CRUXEval has 800 problems, so 240 are test and 80 dev.
DEV_SHARE, TEST_SHARE = 0.1, 0.3
# Share of the problems on which the margin of mining is tuned where a set has no dev split. A convention: only one
# number is fitted there.
MARGIN_SHARE = 0.3
COMMENTS = ("//", "/*", "# ")  # how a comment begins, which is one token in CodeSearchNet; Python has //= as well


def cluster_by_problem(frame: pd.DataFrame, settings: BuilderSettings) -> pd.DataFrame:
    """Make the problem the cluster of each row.

    Raises:
        CodeStiltsError: The option ``problem`` (the pattern of the part that languages share) does not match.
    """
    pattern = re.compile(settings.options.problem or r"(?s).+")
    titles = []
    for name in frame["problem"]:
        match = pattern.search(str(name))
        if match is None:
            raise CodeStiltsError(f"task {settings.task}: option problem: {pattern.pattern} is not in {name!r}")
        titles.append(match[0])
    clusters = [f"{package}:{title}" for package, title in zip(frame["package"], titles, strict=True)]
    return frame.assign(problem=titles, cluster=clusters)


def split_problems(frame: pd.DataFrame) -> pd.Series:
    """Return the split of each row's problem, the same in all languages and sets (see ``DEV_SHARE``)."""
    number = frame["problem"].map({name: hash_uniform("split", name) for name in set(frame["problem"])})
    split = pd.Series("train", index=frame.index)
    return split.mask(number < TEST_SHARE + DEV_SHARE, "dev").mask(number < TEST_SHARE, "test")


def load_programs(inputs: Inputs, settings: BuilderSettings) -> pd.DataFrame:
    """Load the first program (``text``) of each problem and language.

    Fields: ``problem``, ``code`` (a column, or columns whose texts follow one another) and optionally ``name``, the
    name of the function.
    """
    frame = cluster_by_problem(read(inputs, settings), settings)
    frame["code"] = [_join_code(code) for code in frame["code"]]
    usable = frame["code"].str.len().between(MIN_CHARACTERS, MAX_CHARACTERS)
    frame = keep_rows(frame, usable, "no program, or one too long", settings)
    lone = frame["code"].str.contains(r"\r(?!\n)")  # some grammars read everything after a comment as part of it
    frame = keep_rows(frame, ~lone, "carriage returns as line ends", settings)
    frame = frame.drop_duplicates(["split", "language", "cluster"]).reset_index(drop=True)
    names = frame["name"] if "name" in frame else [""] * len(frame)
    columns = zip(frame["code"], frame["language"], names, frame["problem"], strict=True)
    frame["text"] = [anonymize_program(code, kind, str(name or ""), title) for code, kind, name, title in columns]
    return keep_rows(frame, frame["text"].str.len() >= MIN_CHARACTERS, "nothing but comments", settings)


def _join_code(code: Any) -> str:
    parts = code if isinstance(code, list) else [code]
    return "" if any(not isinstance(part, str) for part in parts) else "\n".join(part.rstrip("\n") for part in parts)


def solution_search(inputs: Inputs, settings: BuilderSettings) -> pd.DataFrame:
    """Retrieve the program in the source language (``document``) that solves the same problem as another (``query``).

    The source language is one side of every pair, as English is in Tatoeba and BUCC (XTREME; Hu et al. 2020, arXiv
    2003.11080).
    """
    rows = sample_rows(_solution_pairs(inputs, settings), settings, equal_test=True)
    return orient_pairs(rows, settings, "query")[[*EXAMPLE_COLUMNS, "query", "document"]]


def _solution_pairs(inputs: Inputs, settings: BuilderSettings) -> pd.DataFrame:
    pivot = settings.source_language
    others = [name for name in settings.languages if name != pivot]
    frame = load_programs(inputs, replace(settings, languages=[pivot, *others]))
    documents = frame.loc[frame["language"] == pivot, ["split", "cluster", "text"]].rename(columns={"text": "document"})
    if documents.empty:
        raise CodeStiltsError(
            f"task {settings.task}: no program in {pivot}, which is searched: choose another source_language"
        )
    rows = frame[frame["language"] != pivot].merge(documents, on=["split", "cluster"])
    rows = rows.rename(columns={"text": "query"})
    for side in ("query", "document"):
        repeated = rows.duplicated(["split", "language", side])
        rows = keep_rows(rows, ~repeated, f"another problem has the {side}", settings)
    return rows


def mining(inputs: Inputs, settings: BuilderSettings) -> pd.DataFrame:
    """Mine the pairs of :func:`solution_search` among programs without a partner (BUCC; Zweigenbaum et al. 2017).

    For each pair there are ``distractors`` more problems with a query only and as many with a document only; the text
    of the other side is empty. Dev, on which the margin is tuned, and test have no problem in common.
    """
    rows = _solution_pairs(inputs, settings)
    if not (rows["split"] == "dev").any():
        rows["split"] = ["dev" if hash_uniform("split", name) < MARGIN_SHARE else "test" for name in rows["problem"]]
    parts, share = [], settings.required("distractors")
    for (split, name), group in rows.groupby(["split", "language"], sort=True):
        order = group["cluster"].map(lambda cluster: hash_uniform(settings.task, cluster))
        group = group.loc[order.sort_values().index]
        count = min(requested_rows(settings, str(split), str(name)), int(len(group) // (1 + 2 * share)))
        extra = round(count * share)
        queries, documents = group.iloc[count : count + extra], group.iloc[count + extra : count + 2 * extra]
        parts += [group.iloc[:count], queries.assign(document=""), documents.assign(query="")]
    rows = orient_pairs(pd.concat(parts, ignore_index=True), settings, "query")
    return rows[[*EXAMPLE_COLUMNS, "query", "document"]]


def topic_classification(inputs: Inputs, settings: BuilderSettings) -> pd.DataFrame:
    """Predict the algorithms that a program needs (xCodeEval; Khan et al. 2023): its ``labels``, joined by ``|``.

    Fields: ``id``, ``problem``, ``text_a`` and ``tags``; ``by`` is the column of the language. The set has millions of
    programs, so it is read in pieces, and ``per_problem`` programs of each training problem are kept.

    Raises:
        CodeStiltsError: The tags of a row are not a list.
    """
    undeclared = Counter[str]()
    rows = [row for entry in settings.read for row in _sample_by_problem(entry, inputs, settings)]
    for row in rows:
        tags = row.pop("tags")
        try:
            names = set(ast.literal_eval(tags) if isinstance(tags, str) else tags)  # some copies have lists as text
        except (ValueError, SyntaxError, TypeError) as error:
            raise CodeStiltsError(
                f"task {settings.task}: {row['id']}: tags {tags!r} are not a list: {error}: map another column"
            ) from error
        row["label"] = LABEL_SEPARATOR.join(sorted(names & set(settings.labels)))
        undeclared.update(names - set(settings.labels))
    print(f"{settings.task}: undeclared tags, not used: {dict(undeclared.most_common())}")
    frame = cluster_by_problem(pd.DataFrame(rows), settings).assign(text_b="")
    frame = keep_rows(frame, frame["label"] != "", "no declared tag", settings)
    frame = sample_rows(drop_cross_split_duplicates(frame, "cluster", settings), settings)
    return frame[[*EXAMPLE_COLUMNS, "text_a", "text_b", "label"]]


def _sample_by_problem(entry: Entry, inputs: Inputs, settings: BuilderSettings) -> list[dict[str, Any]]:
    """The rows of an entry; of train, ``per_problem`` rows of each problem in the source language."""
    archive, train = Archive(inputs.files[entry["source"]], f"task {settings.task}"), entry["as"] == "train"
    limit = int(settings.options.per_problem or NO_LIMIT) if train else NO_LIMIT
    sample: dict[Any, dict[str, dict[str, Any]]] = {}
    total, lacking = 0, Counter[str]()
    for row, missing in _read_pieces(entry, archive, settings):
        total += 1
        if missing:
            lacking[missing] += 1
            continue
        row |= {"id": f"{entry['source']}:{row['id']}", "package": entry["source"]}
        chosen = sample.setdefault((row["language"], row["problem"]), {})
        chosen[row["id"]] = row
        if len(chosen) > limit:
            del chosen[max(chosen, key=lambda key: hash_uniform(settings.task, key))]
    for name, count in lacking.items():
        log_dropped_rows(settings, count, total, f"{entry['source']}:{entry['as']}: no {name}")
    return [row for chosen in sample.values() for row in chosen.values()]


def _read_pieces(entry: Entry, archive: Archive, settings: BuilderSettings) -> Iterator[tuple[dict[str, Any], str]]:
    """The rows of an entry in the wanted languages, each with the first field that it lacks or ""."""
    wanted = [settings.source_language] if entry["as"] == "train" else settings.languages
    language_of_code = {settings.code_of(name): name for name in wanted}
    fields = {**settings.fields, **entry.get("fields", {})}
    required = [name for name in ("id", *fields) if name not in OPTIONAL[1:]]
    for table in archive.pieces(entry):
        codes = pd.Series(values(table, entry["by"], archive.where, settings), index=table.index)
        languages = codes.map(language_of_code)
        table, languages = table[languages.notna()], languages[languages.notna()]
        columns = {name: values(table, spec, archive.where, settings) for name, spec in fields.items()}
        for name, *cells in zip(languages, *columns.values(), strict=True):
            row = {**dict(zip(columns, cells, strict=True)), "language": name, "split": entry["as"]}
            yield row, next((key for key in required if is_null(row[key])), "")


def nl_code(inputs: Inputs, settings: BuilderSettings) -> pd.DataFrame:
    """Retrieve the function that a documentation describes, trained in the source language (CodeSearchNet).

    Fields: ``docstring`` (its first paragraph is the query), ``tokens``, ``name`` (hidden in the tokens) and ``repo``,
    the cluster. An untrained twin has the test rows of the task ``like``.
    """
    settings = replace(settings, task=settings.options.like or settings.task)
    parts = []
    for entry in settings.read:
        wanted = [settings.source_language] if entry["as"] == "train" else settings.languages
        frame = read(inputs, replace(settings, read=[entry], languages=wanted))
        paragraphs = [re.split(r"\n\s*\n", text.strip())[0] for text in frame["docstring"]]
        frame["query"] = [first_words(text, settings.required("doc_words")) for text in paragraphs]
        codes = [_hide_name(tokens, name) for tokens, name in zip(frame["tokens"], frame["name"], strict=True)]
        frame["document"] = [normalise_whitespace(tokens[: settings.required("code_tokens")]) for tokens in codes]
        parts.append(frame.drop(columns=["docstring", "tokens", "name"]))
    frame = drop_ambiguous_pairs(pd.concat(parts, ignore_index=True), settings)
    repeated = frame.duplicated(["split", "language", "document"])
    frame = keep_rows(frame, ~repeated, "another row has the function", settings)
    repository = frame["package"] + ":" + frame["repo"]
    frame = frame.assign(cluster=repository.where(frame["repo"] != "", frame["id"]))
    frame = drop_cross_split_duplicates(frame, "cluster", settings)
    rows = sample_rows(frame, settings, equal_test=True)
    return orient_pairs(rows, settings, "document")[[*EXAMPLE_COLUMNS, "query", "document"]]


def _hide_name(tokens: list[str], name: str) -> list[str]:
    """The tokens without comments and without the function's own name, which may follow its class: ``Type.name``."""
    own = re.split(r"[.:#]+", name)[-1]
    code = [token for token in tokens if not (token.startswith(COMMENTS) and len(token) > len("//="))]
    return [HIDDEN_NAME if token == own else token for token in code]
