# Predictions without target training: retrieval with frozen encoders, and trivial baselines.


rule frozen_retrieval:
    input:
        encoder=ENCODER_WEIGHTS,
        parent=parent_models,
        parent_examples=examples_of_parent,
        examples=expand("<results>/examples/{target}.parquet", target=STUDY.untrained_targets),
        image=IMAGE_DIGEST,
    output:
        predictions=expand(
            "<results>/predictions/{{encoder}}/{{arm}}/{target}/{{seeds}}.parquet", target=STUDY.untrained_targets
        ),
        record=RETRIEVAL_RECORD,
        sweep=SWEEP,
    log:
        "<results>/logs/frozen_retrieval/{encoder}/{arm}/{seeds}.log",
    benchmark:
        "<results>/benchmarks/frozen_retrieval/{encoder}/{arm}/{seeds}.tsv"
    priority: READERS_FIRST
    threads: 1
    resources:
        mem_mb=lambda wildcards, attempt: attempt * JOBS.memory_mb("frozen_retrieval", wildcards),
        gpu=lambda wildcards: JOBS.gpus("frozen_retrieval", wildcards),
        runtime=lambda wildcards, attempt: attempt * JOBS.minutes("frozen_retrieval", wildcards),
    params:
        script=in_checkout("scripts/frozen_retrieval.py"),
        encoder=subpath(input.encoder, parent=True),
        parent=option("--parent", "parent"),
        parent_digest=parent_digest,
        settings=settings("frozen_retrieval"),
        code=code("scripts/frozen_retrieval.py"),
    message:
        "Frozen retrieval: {wildcards.encoder} after {wildcards.arm}, seeds {wildcards.seeds}"
    shell:
        "python {params.script:q} --encoder {params.encoder} {params.parent} --examples {input.examples}"
        " --settings {params.settings:q} --predictions {output.predictions} --record {output.record}"
        " --sweep {output.sweep} --gpus {resources.gpu} 2>&1 | tee {log}"


rule baseline:
    input:
        examples="<results>/examples/{target}.parquet",
        image=IMAGE_DIGEST,
    output:
        "<results>/baselines/{target}.parquet",
    log:
        "<results>/logs/baseline/{target}.log",
    benchmark:
        "<results>/benchmarks/baseline/{target}.tsv"
    threads: 1
    resources:
        mem_mb=growing(2000, per_mb=20),
        runtime=growing(30, per_mb=2),
    params:
        script=in_checkout("scripts/baseline.py"),
        settings=settings("baseline"),
        code=code("scripts/baseline.py"),
    message:
        "Predicting trivial baselines of {wildcards.target}"
    shell:
        "python {params.script:q} --examples {input.examples} --target {wildcards.target} --settings {params.settings:q}"
        " --out {output} 2>&1 | tee {log}"
