# Predictions without target training: retrieval with frozen encoders, which intermediate task helps a target, and
# trivial baselines.


rule frozen_retrieval:
    input:
        encoder=ENCODER_WEIGHTS,
        parent=parent_models,
        parent_encoded=encoded_of_parent,
        encoded=expand(ENCODED, task=STUDY.untrained_targets, allow_missing=True),
        image=IMAGE_DIGEST,
    output:
        directory(RETRIEVAL),
    log:
        "<results>/logs/frozen_retrieval/{encoder}/{arm}/{seeds}.log",
    benchmark:
        "<results>/benchmarks/frozen_retrieval/{encoder}/{arm}/{seeds}.tsv"
    priority: READERS_FIRST
    threads: 1
    resources:
        mem_mb=memory("frozen_retrieval"),
        gpu=gpus("frozen_retrieval"),
        runtime=minutes("frozen_retrieval"),
    params:
        script=in_checkout("scripts/frozen_retrieval.py"),
        parent_digest=parent_digest,
        settings=settings("frozen_retrieval"),
        code=code("scripts/frozen_retrieval.py"),
    message:
        "Frozen retrieval: {wildcards.encoder} after {wildcards.arm}, seeds {wildcards.seeds}"
    shell:
        "python {params.script:q} --encoder $(dirname {input.encoder}) --parent {input.parent} --encoded {input.encoded}"
        " --settings {params.settings:q} --out {output} --gpus {resources.gpu} 2>&1 | tee {log}"


# It reads the models of the first batch of seeds, as learning-rate trials do.
rule transferability:
    input:
        encoder=ENCODER_WEIGHTS,
        parent=parent_models,
        parent_encoded=encoded_of_parent,
        encoded=encoded_of_transferability,
        image=IMAGE_DIGEST,
    output:
        TRANSFERABILITY,
    log:
        "<results>/logs/transferability/{encoder}/{arm}.log",
    benchmark:
        "<results>/benchmarks/transferability/{encoder}/{arm}.tsv"
    priority: READERS_FIRST
    threads: 1
    resources:
        mem_mb=memory("transferability"),
        gpu=gpus("transferability"),
        runtime=minutes("transferability"),
    params:
        script=in_checkout("scripts/transferability.py"),
        parent_digest=parent_digest,
        settings=settings("transferability"),
        code=code("scripts/transferability.py"),
    message:
        "Transferability: {wildcards.encoder} after {wildcards.arm}"
    shell:
        "python {params.script:q} --encoder $(dirname {input.encoder}) --parent {input.parent} --encoded {input.encoded}"
        " --settings {params.settings:q} --out {output} --gpus {resources.gpu} 2>&1 | tee {log}"


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
