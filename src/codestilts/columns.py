"""Columns of tables, and names and marks in them, that more than one module reads or writes."""

from typing import Any

Record = dict[str, Any]  # a row, or a document of YAML or JSON: values by key

# Of examples: what every task's rows have, before those of its task type.
EXAMPLE_COLUMNS = ["id", "language", "split", "cluster", "package"]
# What the examples of a task type have besides; in a classification of single texts text_b is empty.
TASK_TYPE_COLUMNS = {
    "classification": ["text_a", "text_b", "label"],
    "multiple_choice": ["context", "choices", "label"],
    "tagging": ["tokens", "tags"],
    "span_qa": ["question", "context", "answer_start", "answer_text"],
    "retrieval": ["query", "document"],
    "generation": ["source", "reference", "output_language"],
    "mlm": ["text"],
}

# Of predictions and scores: one model's answers to one target in one language.
SCORE_KEYS = ["encoder", "arm", "target", "seed", "checkpoint", "language"]

# Of the sums that scores, intervals and p values are computed from.
SUM_COLUMNS = [*SCORE_KEYS, "metric", "unit", "label", "numerator", "denominator", "n"]

# Of a layer sweep: the score of one block of an encoder.
LAYERS = ["encoder", "arm", "target", "seed", "language", "layer", "value"]

MASK = "[MASK]"  # in an example's texts: the place of the encoder's own mask token

DOMAIN_FAMILIES = ("english", "code", "docs")  # whose arms represent a domain; controls and variants do not
# Languages for which the scorer of MLQA has rules.
MLQA_LANGUAGES = ("english", "spanish", "vietnamese", "german", "arabic", "hindi", "chinese")
BINARY = ("0", "1")  # the labels of a task that is scored by the F1 of the second one
LABEL_SEPARATOR = "|"  # between the labels of one example: tags have spaces and commas in their names

# Metrics of the outputs of a task of generation, beside those of quality: the learning rate decides how many are in the
# wrong language (Chirkova et al. 2023, arXiv 2310.09917).
RIGHT_LANGUAGE, OTHER_LANGUAGE, CUT = OF_OUTPUTS = ("right_language", "other_language", "cut")
QUALITY = "test"  # in trials of learning rates: the measure that is the target's own metric on test rows
# Outputs of a target of generation that show what the metrics say of them, and compete with no arm: the references, and
# those of the source language where another language has to be written.
REFERENCES, SOURCE_REFERENCES = PROBES = ("baseline:reference", "baseline:source-reference")
NONE = "none"  # the arm without intermediate training, from which effects are measured
