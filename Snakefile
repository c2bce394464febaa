# CodeStilts: does training on intermediate tasks, of English or of code, carry over to code in other languages?
#
#   snakemake --cores all                                      the pocket study (config.yaml)
#   snakemake --cores all --configfile studies/desk.yaml       a larger one, overnight
#   snakemake --cores all --dry-run                            what would run
#
# The grammar of results: encoder / arm (what happens between pretraining and fine-tuning) / target / seeds.
from snakemake.utils import min_version

min_version("9.20")


include: "rules/checkout.smk"


configfile: "config.yaml"


container: "containers/codestilts.sif"


include: "rules/common.smk"
include: "rules/asked.smk"
include: "rules/fetch.smk"
include: "rules/prepare.smk"
include: "rules/intermediate.smk"
include: "rules/target.smk"
include: "rules/predict.smk"
include: "rules/analyse.smk"
include: "rules/report.smk"


# All outputs are asked for, so that one that was deleted is made again though what follows from it is still there.
rule all:
    default_target: True
    input:
        "<results>/report.html",
        expand("<results>/functions/{language}.parquet", language=STUDY.code_languages),
        expand("<results>/examples/{task}.parquet", task=STUDY.examples),
        expand("<results>/baselines/{target}.parquet", target=STUDY.targets),
        expand(ENCODER, encoder=STUDY.encoders),
        over(STUDY.intermediate_models, INTERMEDIATE, seed=SEED_FOLDERS, file=MODEL_FILES),
        over(STUDY.runs, TRIALS) if STUDY.learning_rates else [],
        over(STUDY.runs, TARGET, seed=SEED_FOLDERS, file=TARGET_FILES),
        over(STUDY.runs, PREDICTIONS, seeds=STUDY.batches),
        over(STUDY.encoder_arms, PREDICTIONS, target=STUDY.untrained_targets, seeds=STUDY.batches),
        over(STUDY.encoder_arms, [RETRIEVAL_RECORD, SWEEP], seeds=STUDY.batches),
        over(STUDY.encoder_arms, [SCORES, RUNS, CURVES, LAYERS]),
    message:
        "Everything is there"


onsuccess:
    shell("python scripts/stage_times.py --benchmarks results/{STUDY.name}/benchmarks")
