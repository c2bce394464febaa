"""Columns of tables, and names and marks in them, that more than one module reads or writes."""

# Of examples: what every task's rows have, before those of its task type.
EXAMPLE_COLUMNS = ["id", "language", "split", "cluster", "package"]

# Of predictions and scores: one model's answers to one target in one language.
SCORE_KEYS = ["encoder", "arm", "target", "seed", "checkpoint", "language"]

# Of the sums that scores, intervals and p values are computed from.
SUM_COLUMNS = [*SCORE_KEYS, "metric", "unit", "label", "numerator", "denominator", "n"]

# Of a layer sweep: the score of one block of an encoder.
LAYERS = ["encoder", "arm", "target", "seed", "language", "layer", "value"]

MASK = "[MASK]"  # in an example's texts: the place of the encoder's own mask token

LABEL_SEPARATOR = "|"  # between the labels of one example: tags have spaces and commas in their names

REFERENCES = "baseline:reference"  # the references as outputs of a target of generation: what the metrics say of them
NONE = "none"  # the arm without intermediate training, from which effects are measured
