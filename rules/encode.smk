# Tokenising: each task once for each encoder; encoders with the same tokenizer share the files.


rule text_clusters:
    input:
        examples=expand("<results>/examples/{task}.parquet", task=AUDITED_TASKS),
        image=IMAGE_DIGEST,
    output:
        TEXT_CLUSTERS,
    log:
        "<results>/logs/text_clusters.log",
    benchmark:
        "<results>/benchmarks/text_clusters.tsv"
    threads: 1
    resources:
        mem_mb=growing(2000, per_mb=5),
        runtime=growing(30, per_mb=1),
    params:
        script=in_checkout("scripts/text_clusters.py"),
        settings=settings("text_clusters"),
        code=code("scripts/text_clusters.py"),
    message:
        "Clustering the texts of all examples"
    shell:
        "python {params.script:q} --examples {input.examples} --settings {params.settings:q} --out {output} 2>&1 | tee {log}"


# The clusters are ancient, so that adding a task or a target to a finished study repeats no training. If its texts have
# near-duplicates in earlier training sets, the audit says so, and such pairs are flagged.
rule encode:
    input:
        tokenizer="<results>/encoders/{encoder}/tokenizer.json",
        examples="<results>/examples/{task}.parquet",
        clusters=ancient(TEXT_CLUSTERS) if STUDY.leaves_out else [],
        image=IMAGE_DIGEST,
    output:
        directory(ENCODED),
    log:
        "<results>/logs/encode/{encoder}/{task}.log",
    benchmark:
        "<results>/benchmarks/encode/{encoder}/{task}.tsv"
    threads: 1
    resources:
        mem_mb=growing(2000),
        runtime=growing(20, per_mb=2),
    params:
        script=in_checkout("scripts/encode.py"),
        encoder=subpath(input.tokenizer, parent=True),
        clusters=option("--text-clusters", "clusters"),
        settings=settings("encode"),
        code=code("scripts/encode.py"),
    message:
        "Encoding {wildcards.task} with the tokenizer of {wildcards.encoder}"
    shell:
        "python {params.script:q} --encoder {params.encoder} --examples {input.examples} {params.clusters}"
        " --settings {params.settings:q} --out {output} 2>&1 | tee {log}"
