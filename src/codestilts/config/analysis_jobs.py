"""Settings of the jobs that score, compare and report, made from a study."""

from dataclasses import replace

from codestilts.columns import NONE
from codestilts.config.analysis_settings import (
    ComparedArm,
    ComparedTarget,
    ComparisonSettings,
    DoseFigureSettings,
    EffectFigureSettings,
    GenerationFigureSettings,
    LanguageFigureSettings,
    ReportedArm,
    ReportSettings,
    SampledTarget,
    SamplePredictionsSettings,
    ScoredTarget,
    ScoreSettings,
    SimilaritySettings,
    SourceLanguageSettings,
    TrainingFigureSettings,
    TransferabilityFigureSettings,
)
from codestilts.config.doses import dose_pairs, dose_targets
from codestilts.config.preparation_jobs import build_settings
from codestilts.config.shown import shown_arms
from codestilts.config.study import Study
from codestilts.config.transferability import transferability_pairs
from codestilts.invented import is_invented


def score_settings(study: Study, encoder: str, arm: str) -> ScoreSettings:
    """Return the settings for scoring one encoder-arm pair."""
    return _score(study, study.encoder_arms[encoder, arm])


def twin_score_settings(study: Study, encoder: str, arm: str) -> ScoreSettings:
    """Return the settings for scoring one encoder-arm pair on targets trained in other source languages."""
    return _score(study, [run[2] for run in study.twin_runs if run[:2] == (encoder, arm)])


def baseline_score_settings(study: Study) -> ScoreSettings:
    """Return the settings for scoring the trivial baselines of all targets."""
    return _score(study, study.targets)


def _score(study: Study, targets: list[str]) -> ScoreSettings:
    specs = {target: study.tasks[target] for target in targets}
    scored = {target: ScoredTarget(spec.metric, tuple(spec.labels or ())) for target, spec in specs.items()}
    return ScoreSettings(scored, study.config.target.selection[0])


def similarity_settings(study: Study) -> SimilaritySettings:
    """Return the settings for measuring the similarity of languages."""
    return SimilaritySettings(study.source_languages[0], tuple(study.seen_languages))


def comparison_settings(study: Study) -> ComparisonSettings:
    """Return the settings for comparing arms."""
    statistics = study.config.statistics
    first, second = statistics.contrast
    pretraining = {name: study.encoder(name).languages for name in study.encoders}
    return ComparisonSettings(
        arms={name: _compared_arm(study, name) for name in study.arms},
        targets={name: _compared_target(study, name) for name in study.targets},
        languages=tuple(name for name in study.config.languages if not is_invented(name)),
        invented_languages=tuple(filter(is_invented, study.config.languages)),
        seen_languages=tuple(study.seen_languages),
        pretraining_languages={name: tuple(languages) for name, languages in pretraining.items()},
        checkpoint=study.config.target.selection[0],
        contrast=(first, second),
        language_set=statistics.language_set,
        resamples=statistics.resamples,
        confidence=statistics.confidence,
        margin=statistics.margin,
        seed=statistics.seed,
        interval=statistics.interval,
        flagged_share=study.config.leakage.flagged_share,
    )


def source_language_settings(study: Study) -> SourceLanguageSettings:
    """Return the settings for comparing source languages, on the targets that are trained in several."""
    targets = list(dict.fromkeys([*(study.base(twin) for twin in study.twins), *study.twins]))
    compared = {name: _compared_target(study, name) for name in targets}
    bases = {name: study.base(name) for name in targets}
    return SourceLanguageSettings(replace(comparison_settings(study), targets=compared), bases)


def _compared_arm(study: Study, name: str) -> ComparedArm:
    arm = study.arms[name]
    parent = study.parent_arm(name)
    specs = [study.tasks[task] for task in arm.tasks]
    domains = {spec.domain for spec in specs}
    return ComparedArm(
        arm.family,
        arm.init,
        arm.base,
        controls_for=tuple(arm.controls_for or ()),
        overlaps=tuple(study.overlaps[name]),
        form=specs[0].form if len(specs) == 1 and arm.represents_domain else None,
        domain=domains.pop() if len(domains) == 1 and arm.represents_domain else None,
        near=tuple(sorted({target for spec in specs for target in spec.near} & set(study.targets))),
        mixture=len(specs) > 1,
        tasks=tuple(study.arms[parent].tasks) if parent else (),
    )


def _compared_target(study: Study, name: str) -> ComparedTarget:
    spec = study.tasks[name]
    return ComparedTarget(
        metric=spec.metric,
        group=str(spec.group),
        suite=spec.suite,
        source_language=study.source_language(name),
        trained=spec.trained,
        form=spec.form,
    )


def sample_predictions_settings(study: Study) -> SamplePredictionsSettings:
    """Return the settings for drawing sample predictions."""
    specs = {name: study.tasks[name] for name in study.targets}
    targets = {name: SampledTarget(spec.type, spec.options.protocol or "rank") for name, spec in specs.items()}
    return SamplePredictionsSettings(targets, study.source_languages[0], tuple(study.seen_languages))


def effect_figure_settings(study: Study, encoder: str) -> EffectFigureSettings:
    """Return the settings of the notebook on effects."""
    statistics = study.config.statistics
    return EffectFigureSettings(tuple(study.scopes), statistics.language_set, statistics.margin, statistics.confidence)


def language_figure_settings(study: Study, encoder: str) -> LanguageFigureSettings:
    """Return the settings of the notebook on languages."""
    return LanguageFigureSettings(tuple(study.targets), study.source_languages[0])


def training_figure_settings(study: Study, encoder: str) -> TrainingFigureSettings:
    """Return the settings of the notebook on training."""
    metrics: dict[str, str] = {name: study.tasks[name].metric for name in study.targets}
    return TrainingFigureSettings(_reported_arms(study), tuple(shown_arms(study)), metrics)


def generated_targets(study: Study) -> list[str]:
    """The targets whose outputs are texts."""
    return [name for name in study.targets if study.tasks[name].type == "generation"]


def generation_figure_settings(study: Study, encoder: str) -> GenerationFigureSettings:
    """Return the settings of the notebook on generated texts."""
    metrics: dict[str, str] = {name: study.tasks[name].metric for name in generated_targets(study)}
    untrained = {name for name, arm in study.arms.items() if not arm.tasks and arm.init == "pretrained"}
    alike = tuple(name for name in study.arms if name in untrained and (study.arms[name].base or NONE) == NONE)
    return GenerationFigureSettings(metrics, study.config.target.selection[0], alike)


def transferability_figure_settings(study: Study, encoder: str) -> TransferabilityFigureSettings:
    """Return the settings of the notebook on transferability."""
    return TransferabilityFigureSettings(study.config.statistics.confidence)


def dose_figure_settings(study: Study, encoder: str) -> DoseFigureSettings:
    """Return the settings of the notebook on doses, of which other targets than those of the trials decide nothing."""
    whole, tried = comparison_settings(study), dose_targets(study, encoder)
    arms = {name: replace(arm, overlaps=(), near=()) for name, arm in whole.arms.items()}
    return DoseFigureSettings(replace(whole, arms=arms, targets={name: whole.targets[name] for name in tried}))


def report_settings(study: Study) -> ReportSettings:
    """Return the settings of the report."""
    return ReportSettings(
        study=study.name,
        rehearsal=bool(study.config.rehearsal),
        encoders=tuple(study.encoders),
        arms=_reported_arms(study),
        seeds=tuple(study.config.seeds),
        source_language=study.source_languages[0],
        sampled=_sampled_splits(study),
        budgets=study.config.model_dump(include={"intermediate", "target"}, exclude_none=True),
        sources=tuple(study.used_sources),
        comparison=comparison_settings(study),
        doses=bool(dose_pairs(study)),
        generation=bool(generated_targets(study)),
        transferability=study.config.transferability if transferability_pairs(study) else 0,
        source_languages=tuple(study.source_languages if study.twins else ()),
        gpus={name: count for name in study.encoders if (count := study.gpus(name))},
        encoder_sources={name: study.source_of_encoder(name) for name in study.encoders},
    )


def _reported_arms(study: Study) -> dict[str, ReportedArm]:
    starts = {name: study.parent_arm(name) or "" for name in study.arms}
    return {
        name: ReportedArm(
            arm.family,
            tuple(arm.tasks),
            arm.init,
            arm.shuffle_labels,
            arm.flip_labels,
            starts[name] if starts[name] != name else "",
        )
        for name, arm in study.arms.items()
    }


def _sampled_splits(study: Study) -> dict[str, tuple[str, ...]]:
    """The splits that published results use whole and of which the study draws only a part, by target."""
    sampled = {}
    for target in study.targets:
        limited = {size.partition("_")[0] for size in build_settings(study, target).sizes()}
        sampled[target] = tuple(str(split) for split in study.tasks[target].whole if split in limited)
    return {target: splits for target, splits in sampled.items() if splits}
