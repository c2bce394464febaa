# Claims: statements of papers and of this project (claims.yaml), each judged from the predictions that it needs.
from codestilts.config.claim_jobs import decidable_claims

CLAIM = "<results>/claims/{claim}.json"
DECIDABLE = decidable_claims(STUDY)


@cache
def claim_settings(claim):
    return JOB_SETTINGS["claim"](STUDY, claim)


def predictions_of_claim(wildcards):
    """The predictions of the arms and targets of a claim, and no others; a folder has those of all untrained targets."""
    cells = claim_settings(wildcards.claim).cells()
    trained = [cell for cell in cells if cell[2] in STUDY.trained_targets]
    untrained = dict.fromkeys(cell[:2] for cell in cells if cell[2] in STUDY.untrained_targets)
    return over(trained, PREDICTIONS, seeds=STUDY.batches) + over(untrained, RETRIEVAL, seeds=STUDY.batches)


def records_of_claim(wildcards):
    """The records of target training, whose dev metrics choose the best arm; only that kind of claim reads them."""
    if STUDY.claims[wildcards.claim].kind != "best_of":
        return []
    cells = claim_settings(wildcards.claim).cells()
    trained = [cell for cell in cells if cell[2] in STUDY.trained_targets]
    return over(trained, TARGET_MODELS, seeds=STUDY.batches)


def similarity_of_claim(wildcards):
    """Which languages are near is measured."""
    needed = STUDY.claims[wildcards.claim].languages in ("near", "far") and claim_settings(wildcards.claim).items
    return "<results>/language_similarity.csv" if needed else []


rule claim:
    input:
        predictions=predictions_of_claim,
        records=records_of_claim,
        languages=similarity_of_claim,
        image=IMAGE_DIGEST,
    output:
        CLAIM,
    log:
        "<results>/logs/claim/{claim}.log",
    benchmark:
        "<results>/benchmarks/claim/{claim}.tsv"
    wildcard_constraints:
        claim=one_of(STUDY.claims),
    threads: 1
    resources:
        mem_mb=growing(2000),
        runtime=growing(30),
    params:
        script=in_checkout("scripts/claim.py"),
        settings=settings("claim"),
        code=code("scripts/claim.py"),
    message:
        "Judging the claim {wildcards.claim}"
    shell:
        "python {params.script:q} --predictions {input.predictions} --records {input.records}"
        " --languages {input.languages} --settings {params.settings:q} --out {output} 2>&1 | tee {log}"


# A claim that this study cannot decide needs no job of its own to say so.
rule claims:
    input:
        claims=expand(CLAIM, claim=DECIDABLE),
        image=IMAGE_DIGEST,
    output:
        report(
            "<results>/claims.csv",
            caption="../report/claims.rst",
            category="The study",
            labels={"table": "claims"},
        ),
    log:
        "<results>/logs/claims.log",
    benchmark:
        "<results>/benchmarks/claims.tsv"
    threads: 1
    resources:
        mem_mb=growing(1000),
        runtime=growing(10),
    params:
        script=in_checkout("scripts/claims.py"),
        settings=settings("claims"),
        code=code("scripts/claims.py"),
    message:
        "Collecting the verdicts on claims"
    shell:
        "python {params.script:q} --claims {input.claims} --settings {params.settings:q} --out {output} 2>&1 | tee {log}"
