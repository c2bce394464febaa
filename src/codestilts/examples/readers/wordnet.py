"""Read WordNet's data files: synsets with lemmas, definition, example sentences and hypernyms."""

import re
from dataclasses import dataclass
from pathlib import Path

from codestilts.errors import CodeStiltsError
from codestilts.sources.archive import members

DATA_FILE = re.compile(r"(?:^|/)data\.(noun|verb|adj|adv)$")
QUOTED = re.compile(r'"([^"]+)"')
SYNTACTIC_MARK = re.compile(r"\((?:a|p|ip)\)$")  # wninput(5WN): the position of an adjective


@dataclass(frozen=True)
class Synset:
    """A set of synonyms: ``name`` is part of speech and offset (``noun.00001740``), ``parents`` name hypernyms."""

    name: str
    part: str
    lemmas: tuple[str, ...]
    definition: str
    examples: tuple[str, ...]
    parents: tuple[str, ...]


PARTS = {"n": "noun", "v": "verb", "a": "adj", "s": "adj", "r": "adv"}


def read_wordnet(archive: Path) -> list[Synset]:
    """Read all synsets, sorted by name, in the format of wndb(5WN).

    Raises:
        CodeStiltsError: A line does not follow the format, or the archive has no data files.
    """
    synsets = []
    for member, content in members(archive):
        match = DATA_FILE.search(member)
        if match:
            for number, line in enumerate(content.decode("utf-8", "replace").splitlines(), 1):
                if not line.startswith("  "):  # the licence at the top of each file is indented
                    synsets.append(_synset(line, match[1], f"{archive.name}: {member}, line {number}"))
    if not synsets:
        raise CodeStiltsError(f"{archive.name}: has no data file of WordNet (data.noun, ...): fetch it again")
    return sorted(synsets, key=lambda synset: synset.name)


def _synset(line: str, part: str, where: str) -> Synset:
    """Parse ``offset file type count (word id)* count (symbol offset part source/target)* ... | gloss``."""
    fields, bar, gloss = line.rstrip().partition(" | ")
    items = fields.split()
    try:
        if not bar:
            raise ValueError("no gloss")
        words = int(items[3], 16)
        lemmas = [SYNTACTIC_MARK.sub("", items[4 + 2 * i]).replace("_", " ") for i in range(words)]
        after = 4 + 2 * words
        pointers = [items[after + 1 + 4 * i : after + 5 + 4 * i] for i in range(int(items[after]))]
        parents = [f"{PARTS[kind]}.{offset}" for symbol, offset, kind, _ in pointers if symbol == "@"]
        int(items[0])
    except (ValueError, IndexError, KeyError) as error:
        raise CodeStiltsError(
            f"{where}: not a synset of WordNet ({error}): the file is damaged, fetch it again"
        ) from error
    return Synset(
        f"{part}.{items[0]}",
        part,
        tuple(lemmas),
        " ".join(gloss.split('"')[0].strip(" ;").split()),
        tuple(" ".join(example.split()) for example in QUOTED.findall(gloss)),
        tuple(parents),
    )


def forms(lemma: str) -> set[str]:
    """Return a lemma and its regular inflections, in lower case; of a phrase its first or last word is inflected."""
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
    """Find the first occurrence of a ``wanted`` form (lower case) as whole words in ``text``: its start and end."""
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
