"""Claims and the registered plan on the page of the report."""

import json
import re
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd
import report_study
from report_study import EVIL, page

from codestilts.config.settings_json import short_digest
from codestilts.evaluation.claims_table import COLUMNS
from codestilts.reporting.claim_rows import claim_rows

results = report_study.results  # a fixture

SQUAD = {"claim": "squad", "encoder": "tiny", "says": "It helps.", "paper": EVIL, "wanted": "8.2 ± 2", "why": "inside"}
SQUAD |= {"verdict": "supported", "scope": "all groups", "value": 8.0, "low": 7.0, "high": 9.0, "p": 0.01}
NAMES = {
    **SQUAD,
    "claim": "each",
    "each": "language",
    "verdict": "inconclusive",
    "deciding": "7 seeds",
    "wanted": "positive for 2 languages",
}
ABSENT = {"claim": "tpp", "encoder": "", "says": "Pairs help.", "paper": "them", "verdict": "not run", "why": "no arm"}
ABSENT |= {"command": "snakemake results/paper/claims/tpp.json --configfile studies/paper.yaml"}
ROWS = [SQUAD, {**NAMES, "item": "c"}, {**NAMES, "item": "go", "value": 1.5, "low": -1.0, "high": 4.0}, ABSENT]


def table(rows: list[dict[str, Any]]) -> pd.DataFrame:
    return pd.DataFrame(rows, columns=COLUMNS)


def test_one_row_a_claim_with_all_its_items() -> None:
    found = claim_rows(table(ROWS), {"tiny": {"effects-all-groups", "difference"}}, several=False)
    assert [(row["claim"], len(row["items"])) for row in found.judged] == [("squad", 1), ("each", 2)]
    assert [row["claim"] for row in found.not_run] == ["tpp"]
    squad, each = found.judged
    assert (squad["anchor"], squad["data"]) == ("claim-squad", "claims/squad.json")
    assert (squad["figure"], each["figure"]) == ("figure-tiny-effects-all-groups", "figure-tiny-difference")
    assert found.not_run[0]["data"] == found.not_run[0]["figure"] == ""


def test_with_several_encoders_an_anchor_names_one_and_a_missing_figure_is_not_linked() -> None:
    (row,) = claim_rows(table([SQUAD]), {"tiny": set()}, several=True).judged
    assert (row["anchor"], row["figure"]) == ("claim-squad-tiny", "")


def with_claims(results: Path, folder: Path, rows: list[dict[str, Any]]) -> Path:
    project = Path(shutil.copytree(results, folder / "results"))
    table(rows).to_csv(project / "claims.csv", index=False)
    return project


def test_the_page_shows_verdicts_and_escapes_them(results: Path, tmp_path: Path) -> None:
    html = page(with_claims(results, tmp_path, ROWS))
    assert html.count("<script") == 1
    for label in ("Claims and their verdicts", "Claims that this study cannot decide"):
        assert f'<caption class="visually-hidden">{label}</caption>' in html
    assert '<tr id="claim-squad"><td class="good">' in html and "+8.0 [+7.0, +9.0]" in html
    assert "C: +8.0 [+7.0, +9.0]<br>Go: +1.5 [−1.0, +4.0]" in html and "Would decide: 7 seeds" in html
    assert "The 3 intervals of 2 verdicts are\nnot corrected for their number" in html
    assert '<a href="claims/squad.json">data</a>' in html and ABSENT["command"] in html
    for anchor in re.findall(r'href="#([^"]+)"', html):
        assert f'id="{anchor}"' in html, anchor


def test_the_command_for_a_claim_runs_as_it_is_written(results: Path, tmp_path: Path) -> None:
    """It names the number of cores, which Snakemake demands, and the config of every study but the pocket study."""
    project = with_claims(results, tmp_path, ROWS)
    rehearsal = ["studies/desk.yaml", "results/desk-rehearsal/overlay.yaml"]
    for study, overlays in (("pocket", []), ("desk", rehearsal[:1]), ("desk-rehearsal", rehearsal)):
        html = page(project, replace(report_study.SETTINGS, study=study), overlays=overlays)
        config = " ".join([" --configfile", *overlays]) if overlays else ""
        assert f"<code>snakemake --cores all results/{study}/claims/CLAIM.json{config}</code>" in html


def test_without_claims_there_is_no_section(results: Path) -> None:
    assert 'id="claims"' not in page(results) and "#claims" not in page(results)


def test_the_page_says_what_of_the_plan_was_changed(results: Path, tmp_path: Path) -> None:
    project = with_claims(results, tmp_path, [])
    assert "No plan was registered" in page(project)
    first = {"kind": "registration", "date": "2026-01-02T03:04:05+00:00", "plan": {"seeds": [0, 1]}}
    first["digest"] = short_digest(first["plan"])
    (project / "plan.json").write_text(json.dumps({"entries": [first]}))
    html = page(project)
    assert "registered on 2026-01-02T03:04:05+00:00" in html and "unchanged since" in html
    changed = {"seeds": [[0, 1], [0, 1, 2]], "arms.x": [None, EVIL]}
    later = {"kind": "deviation", "date": "2026-02-02T03:04:05+00:00", "changes": changed}
    later["digest"] = short_digest({"seeds": [0, 1, 2], "arms.x": EVIL})
    (project / "plan.json").write_text(json.dumps({"entries": [first, later]}))
    html = page(project)
    top = html[: html.index('class="answer"')]
    assert "was changed after it was registered" in top and html.count("<script") == 1
    assert '<th scope="row">seeds</th><td class="text">[0, 1]</td><td class="text">[0, 1, 2]</td>' in top
    assert '<td class="text">missing</td>' in top and "changed since" in html
    again = {"kind": "registration", "date": "2026-03-02T03:04:05+00:00", "results": 1, "reason": EVIL}
    again |= {"plan": {"seeds": [0]}, "digest": short_digest({"seeds": [0]})}
    (project / "plan.json").write_text(json.dumps({"entries": [first, later, again]}))
    html = page(project)
    assert "registered again on 2026-03-02T03:04:05+00:00, when 1 prediction file existed: " in html
    assert "changed since, see above" in html and html.count("<script") == 1
