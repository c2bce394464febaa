"""Which side of a pair asks, from the task file to the score and to the layer sweep."""

from pathlib import Path
from typing import Any

import pytest
import tiny
import torch
from natural_archives import archive, spec
from test_natural_tasks import made

from codestilts.config.task_files import load_tasks
from codestilts.evaluation.metrics.registry import row_sums
from codestilts.examples.sampling import to_records
from codestilts.training import frozen_retrieval

# Likeness of foreign sentence (row) and English one (column), both numbered as the pairs are. By hand: the English
# sentences find foreign 0, 0 and 1 (one of three right), the foreign ones English 0, 1 and 1 (two of three).
LIKENESS = torch.tensor([[0.9, 0.8, 0.1], [0.1, 0.7, 0.6], [0.2, 0.75, 0.5]])
RIGHT = {"partner": 1 / 3, "language": 2 / 3}
VECTORS = {f"Satz {n}": torch.eye(3)[n] for n in range(3)} | {f"sentence {n}": LIKENESS[:, n] for n in range(3)}


@pytest.mark.parametrize("queries", [None, "partner", "language"])
def test_tatoeba_is_asked_in_english(
    queries: str | None, folder: Path, tokenizer: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pairs = [{"source_sentence": f"Satz {n}", "target_sentence": f"sentence {n}"} for n in range(3)]
    inputs = [archive(tmp_path / "xtreme.zip", {"tatoeba.deu/validation-0.parquet": pairs})]
    asked = {"queries": queries} if queries else {}
    table = made("tatoeba", inputs, role="target", languages=["german"], **asked)
    vectors = torch.stack([torch.stack([VECTORS[row["query"]], VECTORS[row["document"]]]) for row in to_records(table)])
    monkeypatch.setattr(frozen_retrieval, "compute_outputs", lambda *_: [vectors[:, :, None].expand(-1, -1, 3, -1)])
    task = tiny.task_settings("retrieval", {"metric": spec("tatoeba")["metric"], "max_length": 512})
    inputs = tiny.retrieval_inputs(tokenizer, {"tatoeba": task}, layers=(1, 2))
    result = frozen_retrieval.predict_target(inputs, tiny.encoded_in_memory(inputs, "tatoeba", table), folder, 0)
    sums = row_sums(result.predictions, "accuracy_at_1").sum()
    right = RIGHT[queries or "partner"]
    assert sums["numerator"] / sums["denominator"] == pytest.approx(right)
    assert result.sweep["value"].tolist() == pytest.approx([right, right])


def test_every_untrained_target_says_which_side_asks() -> None:
    tasks = load_tasks(Path(__file__).parents[2] / "tasks")
    sides = {name: task["build"]["queries"] for name, task in tasks.items() if not task.get("trained", True)}
    functions = ["search-untrained", "nl-code-untrained", "parallel", "parallel-python", "mining"]
    programs = dict.fromkeys(["solutions", "solutions-humaneval", "solutions-mining", "rosetta"], "language")
    assert sides == {
        **dict.fromkeys(functions, "partner"),
        **programs,
        "tatoeba": "partner",
        "bucc": "language",
        "bucc-gold": "language",
    }
