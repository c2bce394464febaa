"""XL-Sum: articles and their summaries, in the layout of the branch refs/convert/parquet."""

from pathlib import Path

import yaml
from hub.tables import CONVERTED, SPLITS, Config, Make, Row
from hub.texts import random_for, sentence

TASK = Path(__file__).parents[2] / "tasks/natural/xlsum.yaml"
CODES = {"arabic": "ar", "chinese_simplified": "zh", "hindi": "hi", "japanese": "ja", "korean": "ko", "russian": "ru",
         "thai": "th"}  # fmt: skip


def xlsum() -> dict[str, Config]:
    """A config of each language of the task; the summary of an article repeats the start of its first sentence."""

    def article(name: str) -> Make:
        def make(split: str, number: int) -> Row:
            chance, code = random_for("xlsum", name, split, number), CODES.get(name, "en")
            first = sentence(chance, code)
            text = " ".join([first, *(sentence(chance, code) for _ in range(5))])
            address = f"https://bbc.example/{name}/{split}{number}"
            return {"id": f"{split}{number}", "url": address, "title": "x", "summary": first[:20], "text": text}

        return make

    task = yaml.safe_load(TASK.read_text(encoding="utf-8"))
    names = [task["codes"].get(language, language) for language in task["languages"]]
    columns = "id:str url:str title:str summary:str text:str"
    return {name: Config(columns, article(name), dict(SPLITS), CONVERTED) for name in names}
