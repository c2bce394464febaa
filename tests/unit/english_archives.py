"""Tiny hand-written archives in the formats of the English sources."""

import json
import zipfile
from pathlib import Path


def write_zip(path: Path, files: dict[str, str]) -> Path:
    with zipfile.ZipFile(path, "w") as archive:
        for name, text in files.items():
            archive.writestr(name, text)
    return path


PEOPLE = ["baker", "miller", "farmer", "doctor", "singer", "teacher", "sailor", "painter"]
ENDINGS = [
    "sold/vbd ten/cd loaves/nns of/in bread/nn ./.",
    "ground/vbd all/abn the/at corn/nn again/rb ./.",
    "drove/vbd the/at old/jj cart/nn home/nr ./.",
    "healed/vbd the/at sick/jj child/nn quickly/rb ./.",
]


def brown(path: Path, documents: int = 40, sentences: int = 6) -> Path:
    """Documents of genre a, each with sentences of a subject and an ending that no other sentence has."""
    files = {}
    for number in range(documents):
        lines = []
        for place in range(sentences):
            who = PEOPLE[(number + place) % len(PEOPLE)]
            verb, rest = ENDINGS[(number * 3 + place) % len(ENDINGS)].split(" ", 1)
            lines.append(f"\tThe/at {who}{number}/nn {verb} {place}-{number}/cd {rest}")
        files[f"package/ca{number:02d}"] = "\n\n\n".join(lines) + "\n"
    return write_zip(path, {**files, "package/README": "not a document"})


def synset(offset: int, lemmas: list[str], gloss: str, parent: int = 0, part: str = "n") -> str:
    words = " ".join(f"{lemma} 0" for lemma in lemmas)
    pointers = f"001 @ {parent:08d} {part} 0000" if parent else "000"
    return f"{offset:08d} 03 {part} {len(lemmas):02x} {words} {pointers} | {gloss}  "


def wordnet(path: Path, synsets: int = 120) -> Path:
    """Nouns word0, word1, ... whose definition and example stand for themselves; every third has two senses."""
    lines = ["  1 This is the licence.  "]
    for number in range(synsets):
        word = f"word{chr(97 + number % 26)}{chr(97 + number // 26)}"
        shared = ["twofold"] if number % 3 == 0 else []
        gloss = f'the thing that is number {number} of all; "yesterday we saw the {word}s number {number}"'
        if shared:
            gloss += f'; "a twofold matter of sort {number} here"'
        lines.append(synset(100 + number, [word, *shared], gloss, parent=7))
    return write_zip(path, {"package/dict/data.noun": "\n".join(lines) + "\n"})


def socialiqa(path: Path, rows: int = 60) -> Path:
    lines = []
    for number in range(rows):
        text = f"Ann met friend {number // 2}. What will Ann do next? A: go home {number}; B: stay; C: sing a song."
        lines.append(json.dumps({"input": [{"role": "user", "content": text}], "ideal": "ABC"[number % 3]}))
    return write_zip(path, {"evals/registry/data/theory_of_mind/socialiqa/test.jsonl": "\n".join(lines) + "\n"})
