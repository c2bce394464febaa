"""Columns of tables that more than one module reads or writes."""

LAYERS = ["encoder", "arm", "target", "seed", "language", "layer", "value"]  # one score of a layer sweep
