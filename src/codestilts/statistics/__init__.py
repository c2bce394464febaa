"""Uncertainty: paired bootstrap over seeds and clusters, exact sign flips over seeds, and the study's
contrasts.
"""
