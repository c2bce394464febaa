# Predictions to scores (sums a cluster, so that every interval can be resampled), and scores to effects.


rule score:
    input:
        expand(
            "<results>/predictions/{{encoder}}/{{arm}}/{target}/{seeds}.parquet",
            target=STUDY.targets,
            seeds=STUDY.batches,
        ),
    output:
        "<results>/scores/{encoder}/{arm}.parquet",
    log:
        "<results>/logs/score/{encoder}/{arm}.log",
    threads: 1
    resources:
        mem_mb=1000,
        runtime=10,
    params:
        settings=settings("score"),
        code=code("scripts/score.py"),
    message:
        "Scoring {wildcards.encoder} after {wildcards.arm}"
    shell:
        "python scripts/score.py --predictions {input} --settings {params.settings:q} --out {output} 2>&1 | tee {log}"


rule score_baselines:
    input:
        expand("<results>/baselines/{target}.parquet", target=STUDY.targets),
    output:
        "<results>/scores/baselines.parquet",
    log:
        "<results>/logs/score/baselines.log",
    threads: 1
    resources:
        mem_mb=1000,
        runtime=10,
    params:
        settings=settings("score"),
        code=code("scripts/score.py"),
    message:
        "Scoring the trivial baselines"
    shell:
        "python scripts/score.py --predictions {input} --settings {params.settings:q} --out {output} 2>&1 | tee {log}"


rule languages:
    input:
        expand("<results>/functions/{language}.parquet", language=STUDY.code_languages),
    output:
        "<results>/languages.csv",
    log:
        "<results>/logs/languages.log",
    threads: 1
    resources:
        mem_mb=1000,
        runtime=10,
    params:
        settings=settings("score"),
        code=code("scripts/languages.py"),
    message:
        "Measuring how near the languages are"
    shell:
        "python scripts/languages.py --functions {input} --settings {params.settings:q} --out {output} 2>&1 | tee {log}"


rule compare:
    input:
        sums=expand("<results>/scores/{encoder}/{arm}.parquet", encoder=STUDY.encoders, arm=STUDY.arms),
        baselines="<results>/scores/baselines.parquet",
        languages="<results>/languages.csv",
    output:
        scores="<results>/scores.csv",
        effects="<results>/effects.csv",
        contrasts="<results>/contrasts.csv",
        target_checks="<results>/target_checks.csv",
        counts="<results>/counts.csv",
    log:
        "<results>/logs/compare.log",
    benchmark:
        "<results>/benchmarks/compare.tsv"
    threads: 1
    resources:
        mem_mb=2000,
        runtime=30,
    params:
        settings=settings("compare"),
        code=code("scripts/compare.py"),
    message:
        "Comparing arms"
    shell:
        "python scripts/compare.py --sums {input.sums} {input.baselines} --languages {input.languages}"
        " --settings {params.settings:q} --scores {output.scores} --effects {output.effects}"
        " --contrasts {output.contrasts} --target-checks {output.target_checks} --counts {output.counts}"
        " 2>&1 | tee {log}"
