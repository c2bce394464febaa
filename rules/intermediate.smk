# Phase 2: one job trains a batch of seeds, since starting a process costs as much as some training does.
# The seeds of a batch name its files, so each batch is a rule.

for SEEDS, MEMBERS in STUDY.batches.items():

    rule:
        name:
            f"train_intermediate_{SEEDS}"
        input:
            encoder=WEIGHTS,
            examples=examples_of_arm,
            image=IMAGE_DIGEST,
        output:
            expand("<results>/intermediate/{{encoder}}/{{arm}}/{{seeds}}/{seed}/{file}", seed=MEMBERS, file=MODEL_FILES),
        log:
            "<results>/logs/intermediate/{encoder}/{arm}/{seeds}.log",
        benchmark:
            "<results>/benchmarks/intermediate/{encoder}/{arm}/{seeds}.tsv"
        wildcard_constraints:
            seeds=SEEDS,
        threads: processes
        resources:
            mem_mb=lambda wildcards, attempt: attempt * JOBS.memory_mb("intermediate", wildcards),
            gpu=lambda wildcards: JOBS.gpus("intermediate", wildcards),
            runtime=lambda wildcards, attempt: attempt * JOBS.minutes("intermediate", wildcards),
        params:
            encoder=subpath(input[0], parent=True),
            out=subpath(output[0], ancestor=2),
            settings=settings("intermediate"),
            code=code("scripts/train_intermediate.py"),
        message:
            "Phase 2: {wildcards.encoder} on {wildcards.arm}, seeds {wildcards.seeds}"
        shell:
            "python scripts/train_intermediate.py --encoder {params.encoder} --examples {input.examples}"
            " --settings {params.settings:q} --out {params.out} --gpus {resources.gpu} 2>&1 | tee {log}"
