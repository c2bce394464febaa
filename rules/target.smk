# Phase 3: fine-tuning on the source language's examples of a target, one rule a batch of seeds as in phase 2.

for SEEDS, MEMBERS in STUDY.batches.items():

    rule:
        name:
            f"train_target_{SEEDS}"
        input:
            encoder=ENCODER,
            parent=parent_files,
            examples="<results>/examples/{target}.parquet",
        output:
            expand(
                "<results>/models/{{encoder}}/{{arm}}/{{target}}/{{seeds}}/{seed}/{file}",
                seed=MEMBERS,
                file=MODEL_FILES,
            ),
        log:
            "<results>/logs/target/{encoder}/{arm}/{target}/{seeds}.log",
        benchmark:
            "<results>/benchmarks/target/{encoder}/{arm}/{target}/{seeds}.tsv"
        wildcard_constraints:
            seeds=SEEDS,
        threads: 1
        resources:
            mem_mb=2000,
            runtime=120,
        params:
            encoder=subpath(input[0], parent=True),
            parent=parent_option,
            out=subpath(output[0], ancestor=2),
            settings=settings("target"),
            code=code("scripts/train_target.py"),
        message:
            "Phase 3: {wildcards.encoder} after {wildcards.arm} on {wildcards.target}, seeds {wildcards.seeds}"
        shell:
            "python scripts/train_target.py --encoder {params.encoder} {params.parent} --examples {input.examples}"
            " --settings {params.settings:q} --out {params.out} 2>&1 | tee {log}"
