# CodeStilts: does training on intermediate tasks, of English or of code, carry over to code in other languages?
#
#   snakemake --cores all                                      the pocket study (config.yaml)
#   snakemake --cores all --configfile studies/desk.yaml       a larger one, overnight
#   snakemake --cores all --dry-run                            what would run
#
# The grammar of results: encoder / arm (what happens between pretraining and fine-tuning) / target / seeds.
from snakemake.utils import min_version

min_version("9.20")


configfile: "config.yaml"


include: "rules/common.smk"
include: "rules/fetch.smk"
include: "rules/prepare.smk"
include: "rules/intermediate.smk"
include: "rules/target.smk"
include: "rules/predict.smk"
include: "rules/analyse.smk"
include: "rules/report.smk"


rule all:
    default_target: True
    input:
        "<results>/report.html",
