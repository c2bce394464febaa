"""What the outputs of a trial of a learning rate are like on test rows. No choice reads it."""

from typing import Any

from codestilts.columns import OF_OUTPUTS, QUALITY
from codestilts.evaluation.metrics.registry import reported_metrics
from codestilts.tasktypes.registry import finish
from codestilts.training.checkpoint_selection import score
from codestilts.training.inputs import TrainingInputs
from codestilts.training.loop import Trained


def with_zero_shot_means(inputs: TrainingInputs, trained: Trained) -> dict[str, Any]:
    """Return the ``tests`` (:func:`scores_on_tests`), and the mean of each measure over zero-shot languages.

    Nothing if no test rows were predicted.
    """
    if not (tests := scores_on_tests(inputs, trained)):
        return {}
    found: dict[str, list[float]] = {}
    for row in tests:
        if row["language"] != inputs.settings.source_language:
            found.setdefault(row["measure"], []).append(row["value"])
    return {"tests": tests, "zero_shot": {measure: sum(values) / len(values) for measure, values in found.items()}}


def scores_on_tests(inputs: TrainingInputs, trained: Trained) -> list[dict[str, Any]]:
    """Score the test rows that a target's training predicted after its last step.

    Returns:
        For each language and measure (:data:`QUALITY`, and for a target of generation :data:`OF_OUTPUTS`: what rates
        that are not chosen do to the language of outputs is half of that finding) a row with
        ``measure``, ``task``, ``language`` and ``value``; none if nothing was predicted.
    """
    if not trained.predictions:
        return []
    target, found = inputs.settings.target, trained.predictions[max(trained.predictions)]
    task = inputs.tasks[target].task
    found = finish(found[found["split"] == "test"], task, inputs.settings.source_language)
    metrics = {QUALITY: task.metric} | {name: name for name in OF_OUTPUTS if name in reported_metrics(task.metric)}
    return [
        {"measure": measure, "task": target, "language": str(language), "value": score(rows, metric)}
        for language, rows in found.groupby("language")
        for measure, metric in metrics.items()
    ]
