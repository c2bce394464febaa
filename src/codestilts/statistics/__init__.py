"""Uncertainty: paired bootstrap over seeds and units of examples, and the study's contrasts."""
