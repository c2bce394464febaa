"""The result tables that the report shows, except the efficiency of jobs.

The module imports nothing, because rules read it while a study is planned.
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
