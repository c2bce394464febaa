# One job an arm and batch of seeds predicts every target, trained and untrained.


rule predict:
    input:
        encoder=ENCODER,
        parent=parent_files,
        models=models_of_arm,
        examples=expand("<results>/examples/{target}.parquet", target=STUDY.targets),
    output:
        expand("<results>/predictions/{{encoder}}/{{arm}}/{target}/{{seeds}}.parquet", target=STUDY.targets),
        "<results>/predictions/{encoder}/{arm}/{seeds}.run.json",
    log:
        "<results>/logs/predict/{encoder}/{arm}/{seeds}.log",
    benchmark:
        "<results>/benchmarks/predict/{encoder}/{arm}/{seeds}.tsv"
    threads: 1
    resources:
        mem_mb=2000,
        runtime=60,
    params:
        encoder=subpath(input[0], parent=True),
        parent=parent_option,
        models=models_folder,
        out=subpath(output[0], ancestor=2),
        settings=settings("predict"),
        code=code("scripts/predict.py"),
    message:
        "Predicting all targets: {wildcards.encoder} after {wildcards.arm}, seeds {wildcards.seeds}"
    shell:
        "python scripts/predict.py --encoder {params.encoder} {params.parent} --models {params.models}"
        " --examples {input.examples} --settings {params.settings:q} --seeds {wildcards.seeds} --out {params.out}"
        " 2>&1 | tee {log}"


rule baseline:
    input:
        "<results>/examples/{target}.parquet",
    output:
        "<results>/baselines/{target}.parquet",
    log:
        "<results>/logs/baseline/{target}.log",
    benchmark:
        "<results>/benchmarks/baseline/{target}.tsv"
    threads: 1
    resources:
        mem_mb=2000,
        runtime=30,
    params:
        settings=settings("baseline"),
        code=code("scripts/baseline.py"),
    message:
        "Trivial baselines of {wildcards.target}"
    shell:
        "python scripts/baseline.py --examples {input} --target {wildcards.target} --settings {params.settings:q}"
        " --out {output} 2>&1 | tee {log}"
