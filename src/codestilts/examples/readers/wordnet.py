"""Read WordNet's data files: synsets with their lemmas, definition, example sentences and hypernyms."""

import re
from dataclasses import dataclass
from pathlib import Path

from codestilts.errors import CodeStiltsError
from codestilts.sources.archive import members

DATA_FILE = re.compile(r"(?:^|/)data\.(noun|verb|adj|adv)$")
QUOTED = re.compile(r'"([^"]+)"')
SYNTACTIC_MARK = re.compile(r"\((?:a|p|ip)\)$")  # wninput(5WN): where an adjective may stand


@dataclass(frozen=True)
class Synset:
    """``name`` is part of speech and offset (``noun.00001740``); ``parents`` are names of hypernyms."""

    name: str
    part: str
    lemmas: tuple[str, ...]
    definition: str
    examples: tuple[str, ...]
    parents: tuple[str, ...]


PARTS = {"n": "noun", "v": "verb", "a": "adj", "s": "adj", "r": "adv"}


def read_wordnet(archive: Path) -> list[Synset]:
    """All synsets, by name. The format is that of wndb(5WN).

    Raises CodeStiltsError (archive, member, line) for a line that does not follow it, and for an archive without
    data files.
    """
    synsets = []
    for member, content in members(archive):
        match = DATA_FILE.search(member)
        if match:
            for number, line in enumerate(content.decode("utf-8", "replace").splitlines(), 1):
                if not line.startswith("  "):  # the licence at the top of each file is indented
                    synsets.append(_synset(line, match[1], f"{archive.name}: {member}, line {number}"))
    if not synsets:
        raise CodeStiltsError(f"{archive.name}: holds no data file of WordNet (data.noun, ...): fetch it again")
    return sorted(synsets, key=lambda synset: synset.name)


def _synset(line: str, part: str, where: str) -> Synset:
    """``offset file type count (word id)* count (symbol offset part source/target)* ... | gloss``."""
    fields, bar, gloss = line.rstrip().partition(" | ")
    cells = fields.split()
    try:
        if not bar:
            raise ValueError("no gloss")
        words = int(cells[3], 16)
        lemmas = [SYNTACTIC_MARK.sub("", cells[4 + 2 * i]).replace("_", " ") for i in range(words)]
        after = 4 + 2 * words
        pointers = [cells[after + 1 + 4 * i : after + 5 + 4 * i] for i in range(int(cells[after]))]
        parents = [f"{PARTS[kind]}.{offset}" for symbol, offset, kind, _ in pointers if symbol == "@"]
        int(cells[0])
    except (ValueError, IndexError, KeyError) as error:
        raise CodeStiltsError(
            f"{where}: not a synset of WordNet ({error}): the file is damaged, fetch it again"
        ) from error
    return Synset(
        f"{part}.{cells[0]}",
        part,
        tuple(lemmas),
        " ".join(gloss.split('"')[0].strip(" ;").split()),
        tuple(" ".join(example.split()) for example in QUOTED.findall(gloss)),
        tuple(parents),
    )


def forms(lemma: str) -> set[str]:
    """The lemma and its regular inflections, in lower case; of a phrase, its first or last word is inflected."""
    words = lemma.lower().split()
    first, last, rest = words[0], words[-1], words[1:]
    inflected = {" ".join([form, *rest]) for form in _regular(first)}
    return inflected | {" ".join([*words[:-1], form]) for form in _regular(last)}


def _regular(word: str) -> set[str]:
    endings = {"", "s", "es", "d", "ed", "ing", "er", "est"}
    found = {word + ending for ending in endings} | {word + word[-1] + ending for ending in ("ed", "ing")}
    if word.endswith("e"):
        found.add(word[:-1] + "ing")
    if word.endswith("y"):
        found |= {word[:-1] + ending for ending in ("ies", "ied", "ier", "iest")}
    return found


def find_word(wanted: set[str], text: str) -> tuple[int, int] | None:
    """Where the first of the ``wanted`` forms (lower case) stands in ``text`` as whole words: start and end."""
    lowered = f" {text.lower()} "
    spans = []
    for form in wanted:
        start = lowered.find(form)
        while start >= 0:
            end = start + len(form)
            if not (_in_word(lowered[start - 1]) or _in_word(lowered[end])):
                spans.append((start - 1, end - 1))
                break
            start = lowered.find(form, start + 1)
    return min(spans, key=lambda span: (span[0], -span[1])) if spans else None


def _in_word(character: str) -> bool:
    return character.isalnum() or character in "_'-"
