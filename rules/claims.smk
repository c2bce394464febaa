# Claims: statements of papers and of this project (claims.yaml), each judged from the predictions that it needs.


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


# Claims that this study cannot decide have no jobs of their own. One about the primary contrast is corrected as that is.
rule claims:
    input:
        claims=expand(CLAIM, claim=DECIDABLE),
        contrasts="<results>/contrasts.csv",
        image=IMAGE_DIGEST,
    output:
        "<results>/claims.csv",
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
        "python {params.script:q} --claims {input.claims} --contrasts {input.contrasts}"
        " --settings {params.settings:q} --out {output} 2>&1 | tee {log}"
