"""The registered plan of a study (``results/NAME/plan.json``): what it set out to do, and every later change, dated.

Entries are only added to the file. Its first entry is the registration of the plan by the study's first run; a run
whose plan differs from the entry before it adds a deviation, and ``scripts/register.py`` a new registration.
"""

import json
from dataclasses import asdict, replace
from datetime import UTC, datetime
from pathlib import Path

from codestilts.config.plan_record import PLAN, Entry, Plan, changes, current, prediction_digest, read_entries
from codestilts.config.settings_json import short_digest, to_json
from codestilts.config.study import Study
from codestilts.errors import CodeStiltsError
from codestilts.provenance import commit, write_json
from codestilts.result_files import prediction_files
from codestilts.sources.table import Source

# Keys that only say how jobs compute, not what they result in. They are no part of the plan.
TECHNICAL = {"checkpoint_minutes", "tasks"}
# Keys that are younger than plans in use. Without effect they are no part of a plan, or all these plans would change.
YOUNGER: Plan = {"target.trial_tests": False}


def plan_of(study: Study) -> Plan:
    """Return the plan of a study under flat keys: ``statistics.margin``, ``arms.pos``, ``tasks.pos``."""
    config = study.config
    plan: Plan = {"seeds": sorted(config.seeds), "source_language": " ".join(config.source_language)}
    plan |= {f"statistics.{key}": value for key, value in config.statistics.model_dump().items()}
    plan |= {f"encoders.{name}": study.encoder(name).model_dump(exclude_defaults=True) for name in study.encoders}
    plan |= {f"arms.{name}": arm.model_dump(exclude_defaults=True) for name, arm in study.arms.items()}
    plan |= {f"targets.{name}": study.tasks[name].metric for name in study.targets}
    plan |= {f"languages.{name}": "tested" for name in config.languages}
    plan |= {f"tasks.{name}": short_digest(_task(study, name)) for name in study.examples}
    plan |= {f"claims.{name}": short_digest(claim.model_dump()) for name, claim in study.claims.items()}
    plan |= {f"leakage.{key}": value for key, value in config.leakage.model_dump().items()}
    plan |= {f"sources.{name}": _pin(study.sources[name]) for name in study.used_sources}
    changed = config.model_dump(include={"store_precision", "function_sources"}, exclude_defaults=True)
    plan |= {name: value if isinstance(value, str) else " ".join(value) for name, value in changed.items()}
    if config.grid:
        plan["grid"] = short_digest([block.model_dump() for block in config.grid])
    for phase in ("intermediate", "target"):
        budget = getattr(config, phase).model_dump(exclude_none=True)
        plan |= {f"{phase}.{key}": value for key, value in budget.items() if key not in TECHNICAL}
    plan |= {f"target.tasks.{name}": config.target.own(name) for name in study.targets if config.target.own(name)}
    sizes = config.data.model_dump(exclude_none=True)
    plan |= {f"data.{key}": value for key, value in sizes.items() if key != "tasks"}
    plan |= {f"data.tasks.{name}": value for name, value in sizes["tasks"].items() if name in study.examples}
    parsed: Plan = json.loads(to_json({key: value for key, value in plan.items() if YOUNGER.get(key, ...) != value}))
    return parsed


def _task(study: Study, name: str) -> Plan:
    """Return the file of a task, with the data sets that it is made from if it has any."""
    origins = sorted(study.origins(name))
    return study.tasks[name].as_written() | ({"origins": origins} if origins else {})


def _pin(source: Source) -> str:
    """Return the version and the SHA-256 of a source, as far as it has them."""
    return " ".join(filter(None, (source.version, source.sha256[:16])))


def note_run(study: Study, folder: Path) -> Entry | None:
    """Record the plan of a run that begins: as the registration if there is none, as a deviation if it has changed.

    Args:
        study: The study.
        folder: Its folder of results.

    Returns:
        The entry that was added; None if the plan has not changed.
    """
    entries, plan = read_entries(folder / PLAN), plan_of(study)
    if not entries:
        return _add(folder, entries, Entry("registration", _now(), short_digest(plan), plan=plan))
    if entries[-1].digest == short_digest(plan):
        return None
    changed = changes(current(entries), plan)
    return _add(folder, entries, Entry("deviation", _now(), short_digest(plan), changes=changed))


def register(study: Study, folder: Path, reason: str) -> Entry:
    """Register a study's plan again. Earlier entries are kept, with which the report compares if there are results.

    Raises:
        CodeStiltsError: There already is a registration, and no reason is given for another one.
    """
    entries, plan = read_entries(folder / PLAN), plan_of(study)
    if entries and not reason.strip():
        raise CodeStiltsError(
            f"{folder / PLAN}: it was registered on {entries[0].date[:10]}: say why it is registered again "
            "(make register REASON=..., or --reason)"
        )
    return _add(folder, entries, Entry("registration", _now(), short_digest(plan), reason=reason.strip(), plan=plan))


def _add(folder: Path, entries: list[Entry], entry: Entry) -> Entry:
    files = prediction_files(folder)
    entry = replace(entry, commit=commit(), results=len(files), predictions=sorted(map(prediction_digest, files)))
    shown = [
        {key: value for key, value in asdict(one).items() if value not in ("", {}, [])} for one in [*entries, entry]
    ]
    write_json(folder / PLAN, {"entries": shown})
    return entry


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")


def expected_state(study: Study, folder: Path) -> str:
    """Return the digest of the plan and the number of entries that there are once a run has begun.

    If it changes, the report is written anew.
    """
    own, entries = short_digest(plan_of(study)), read_entries(folder / PLAN)
    added = not entries or entries[-1].digest != own
    return f"{own}, entry {len(entries) + added}"
