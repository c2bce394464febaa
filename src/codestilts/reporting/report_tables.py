"""The result tables that the report shows, beside the efficiency of the jobs that made them. Imports nothing: rules
read it while the study is planned.
"""

REPORT_TABLES = [
    "claims",
    "contrasts",
    "effects",
    "target_checks",
    "counts",
    "language_similarity",
    "runs",
    "sample_predictions",
    "audit",
    "matched_tasks",
    "layers",
    "scores",
]
