# Phase 3: fine-tuning on the source language's examples of a target and predictions of its test rows, one rule a batch of
# seeds as in phase 2. Where a study tries learning rates, the first seed does so.

for SEEDS, MEMBERS in STUDY.batches.items():

    rule:
        name:
            f"train_target_{SEEDS}"
        input:
            encoder=WEIGHTS,
            parent=parent_files,
            examples="<results>/examples/{target}.parquet",
            trials=trials_of_target,
            image=IMAGE_DIGEST,
        output:
            expand(
                "<results>/target/{{encoder}}/{{arm}}/{{target}}/{{seeds}}/{seed}/{file}",
                seed=MEMBERS,
                file=TARGET_FILES,
            ),
            predictions=PREDICTIONS,
        log:
            "<results>/logs/target/{encoder}/{arm}/{target}/{seeds}.log",
        benchmark:
            "<results>/benchmarks/target/{encoder}/{arm}/{target}/{seeds}.tsv"
        wildcard_constraints:
            seeds=SEEDS,
            target=alternatives(STUDY.trained_targets),
        threads: processes
        resources:
            mem_mb=lambda wildcards, attempt: attempt * JOBS.memory_mb("target", wildcards),
            gpu=lambda wildcards: JOBS.gpus("target", wildcards),
            runtime=lambda wildcards, attempt: attempt * JOBS.minutes("target", wildcards),
        params:
            encoder=subpath(input[0], parent=True),
            parent=parent_option,
            trials=lambda wildcards, input: f"--trials {input.trials}" if input.trials else "",
            out=subpath(output[0], ancestor=2),
            settings=settings("target"),
            code=code("scripts/train_target.py"),
        message:
            "Phase 3: {wildcards.encoder} after {wildcards.arm} on {wildcards.target}, seeds {wildcards.seeds}"
        shell:
            "python scripts/train_target.py --encoder {params.encoder} {params.parent} --examples {input.examples}"
            " {params.trials} --settings {params.settings:q} --predictions {output.predictions} --out {params.out} --gpus {resources.gpu} 2>&1 | tee {log}"


rule tune:
    input:
        encoder=WEIGHTS,
        parent=first_parent_files,
        examples="<results>/examples/{target}.parquet",
        image=IMAGE_DIGEST,
    output:
        TRIALS,
    log:
        "<results>/logs/tuning/{encoder}/{arm}/{target}.log",
    benchmark:
        "<results>/benchmarks/tuning/{encoder}/{arm}/{target}.tsv"
    threads: processes
    resources:
        mem_mb=lambda wildcards, attempt: attempt * JOBS.memory_mb("tune", wildcards),
        gpu=lambda wildcards: JOBS.gpus("tune", wildcards),
        runtime=lambda wildcards, attempt: attempt * JOBS.minutes("tune", wildcards),
    params:
        encoder=subpath(input[0], parent=True),
        parent=parent_option,
        settings=settings("tune"),
        code=code("scripts/tune.py"),
    message:
        "Learning rates: {wildcards.encoder} after {wildcards.arm} on {wildcards.target}"
    shell:
        "python scripts/tune.py --encoder {params.encoder} {params.parent} --examples {input.examples}"
        " --settings {params.settings:q} --out {output} --gpus {resources.gpu} 2>&1 | tee {log}"
