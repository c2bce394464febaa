"""XTREME, in some of its languages; what is parallel there is here."""

from functools import cache
from pathlib import Path

import yaml
from hub.tables import SPLITS, Config, Make, Row
from hub.texts import question, random_for, sentence, word

TASKS = Path(__file__).parents[2] / "tasks"
UPOS = 17  # tags of Universal Dependencies
# Languages of the sets that have dozens; the hub has more.
TAGGED = {"Arabic": "ar", "Chinese": "zh", "English": "en", "French": "fr", "German": "de", "Hindi": "hi",
          "Indonesian": "id", "Korean": "ko", "Portuguese": "pt", "Russian": "ru", "Spanish": "es", "Thai": "th",
          "Turkish": "tr"}  # fmt: skip
ENTITIES = ["de", "en", "pt", "ru", "zh"]
SPOKEN = {"arabic": "ar", "english": "en", "russian": "ru"}


@cache
def codes(task: str) -> list[str]:
    """The hub's codes for the languages of a task."""
    return list(yaml.safe_load(next(TASKS.glob(f"*/{task}.yaml")).read_text(encoding="utf-8"))["codes"].values())


def xtreme() -> dict[str, Config]:
    """The configs of XTREME; what is parallel there is here."""

    def paws(code: str) -> Make:
        def make(split: str, number: int) -> Row:
            chance = random_for("paws", split, number, code)
            return {"sentence1": sentence(chance, code), "sentence2": sentence(chance, code), "label": str(number % 2)}

        return make

    def tagged(code: str, column: str, tags: int) -> Make:
        def make(split: str, number: int) -> Row:
            chance = random_for("tagged", split, number, code)
            words = [word(chance, code) for _ in range(chance.randint(4, 9))]
            return {"tokens": words, column: [chance.randrange(tags) for _ in words], "langs": [code] * len(words)}

        return make

    def tatoeba(code: str) -> Make:
        def make(split: str, number: int) -> Row:
            english = sentence(random_for("tatoeba", number, "en"))
            row = {"source_sentence": sentence(random_for("tatoeba", number, code), code[:2]) + "\n"}
            return row | {"target_sentence": english + "\n", "source_lang": code, "target_lang": "eng"}

        return make

    def xnli(split: str, number: int) -> Row:
        languages = codes("xnli")
        code, pair = languages[number % len(languages)], number // len(languages)
        chance = random_for("xnli", split, pair, code)
        label = ["entailment", "neutral", "contradiction"][pair % 3]
        row = {"language": code, "sentence1": sentence(chance, code), "sentence2": sentence(chance, code)}
        return row | {"gold_label": label}

    def tydiqa(split: str, number: int) -> Row:
        name, code = list(SPOKEN.items())[number % len(SPOKEN) if split == "validation" else 1]
        row = question(code, f"tydiqa-{split}", number // len(SPOKEN) if split == "validation" else number)
        return row | {"id": f"{name}-{row['id']}"}

    def asked(code: str, name: str) -> Make:
        return lambda split, number: question(code, f"{name}-{split}", number)

    passage = "id:str title:str context:str question:str answers:answers"
    tests = {"validation": 40, "test": 40}
    configs = {
        f"PAWS-X.{code}": Config("sentence1:str sentence2:str label:str", paws(code)) for code in codes("paws-x")
    }
    configs |= {f"XQuAD.{code}": Config(passage.replace("title:str ", ""), asked(code, "xquad"), {"validation": 40})
                for code in codes("xquad")}  # fmt: skip
    configs |= {f"MLQA.{code}.{code}": Config(passage, asked(code, "mlqa"), tests) for code in codes("mlqa")}
    for code in codes("tatoeba"):
        columns = "source_sentence:str target_sentence:str source_lang:str target_lang:str"
        configs[f"tatoeba.{code}"] = Config(columns, tatoeba(code), {"validation": 40})
    for name, code in TAGGED.items():
        own = {"test": 40} if name == "Thai" else dict(SPLITS)
        configs[f"udpos.{name}"] = Config("tokens:strs pos_tags:i64s", tagged(code, "pos_tags", UPOS), own)
    for code in ENTITIES:
        configs[f"PAN-X.{code}"] = Config("tokens:strs ner_tags:i64s langs:strs", tagged(code, "ner_tags", 7))
    count = 40 * len(codes("xnli"))
    columns = "language:str sentence1:str sentence2:str gold_label:str"
    configs["XNLI"] = Config(columns, xnli, {"validation": count, "test": count})
    configs["SQuAD"] = Config(passage, asked("en", "squad"), {"train": 120, "validation": 40})
    configs["tydiqa"] = Config(passage, tydiqa, {"train": 120, "validation": 120})
    return configs
