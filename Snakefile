# CodeStilts: does intermediate-task training on English or on code help transfer between programming languages?
#
#   snakemake --cores all                                      the pocket study (config.yaml)
#   snakemake --cores all --configfile studies/desk.yaml       a larger one, about a day
#   snakemake --cores all --dry-run                            what would run
#
# Paths of results: encoder / arm (what happens between pretraining and target training) / target / seeds.
from snakemake.utils import min_version

min_version("9.20")


include: "rules/checkout.smk"


configfile: in_checkout("config.yaml")


container: "containers/codestilts.sif"


include: "rules/common.smk"
include: "rules/fetch.smk"
include: "rules/prepare.smk"
include: "rules/encode.smk"
include: "rules/intermediate.smk"
include: "rules/target.smk"
include: "rules/predict.smk"
include: "rules/analysis_inputs.smk"
include: "rules/analyse.smk"
include: "rules/claims.smk"
include: "rules/report_outputs.smk"
include: "rules/report.smk"


# This rule requests all outputs, so that a deleted one is made again even if everything that depends on it exists.
rule all:
    default_target: True
    input:
        "<results>/report.html",
        expand("<results>/functions/{language}.parquet", language=STUDY.code_languages),
        expand("<results>/examples/{task}.parquet", task=STUDY.examples),
        expand("<results>/baselines/{target}.parquet", target=STUDY.targets),
        expand(ENCODER_FILES, encoder=STUDY.encoders),
        [ENCODED.format(encoder=encoder, task=task) for encoder, task in STUDY.encoded_tasks],
        over(STUDY.intermediate_models, INTERMEDIATE_RECORDS, seeds=STUDY.batches),
        over(KEPT_INTERMEDIATE, INTERMEDIATE_MODELS, seeds=STUDY.batches),
        over(DOSE_PAIRS, [DOSES, DOSE_TABLE]),
        over(TRANSFERABILITY_PAIRS, TRANSFERABILITY),
        over(STUDY.encoder_arms, [VALUES, SUMS, RUNS, CURVES, LAYERS]),
        deleted_outputs,
    message:
        "All results are up to date"


onsuccess:
    if any(Path("results", STUDY.name, "benchmarks").rglob("*.tsv")):
        shell("python {STAGE_TIMES:q} --benchmarks results/{STUDY.name}/benchmarks")
