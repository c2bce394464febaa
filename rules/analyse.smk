# From predictions to scores (sums per unit, from which all intervals are computed), and from scores to effects.


rule score:
    input:
        predictions=predictions_of_pair,
        image=IMAGE_DIGEST,
    output:
        values=VALUES,
        sums=SUMS,
    log:
        "<results>/logs/score/{encoder}/{arm}.log",
    benchmark:
        "<results>/benchmarks/score/{encoder}/{arm}.tsv"
    threads: 1
    resources:
        mem_mb=growing(2000),
        runtime=growing(30),
    params:
        script=in_checkout("scripts/score.py"),
        settings=settings("score"),
        code=code("scripts/score.py"),
    message:
        "Scoring {wildcards.encoder} after {wildcards.arm}"
    shell:
        "python {params.script:q} --predictions {input.predictions} --settings {params.settings:q}"
        " --values {output.values} --sums {output.sums} 2>&1 | tee {log}"


use rule score as score_twins with:
    input:
        predictions=predictions_of_twins,
        image=IMAGE_DIGEST,
    output:
        values=TWIN_VALUES,
        sums=TWIN_SUMS,
    log:
        "<results>/logs/score/twins/{encoder}/{arm}.log",
    benchmark:
        "<results>/benchmarks/score/twins/{encoder}/{arm}.tsv"
    params:
        script=in_checkout("scripts/score.py"),
        settings=settings("score_twins"),
        code=code("scripts/score.py"),
    message:
        "Scoring {wildcards.encoder} after {wildcards.arm}: other source languages"


use rule score as score_baselines with:
    input:
        predictions=expand("<results>/baselines/{target}.parquet", target=STUDY.targets),
        image=IMAGE_DIGEST,
    output:
        values="<results>/scores/baselines.values.parquet",
        sums="<results>/scores/baselines.sums.parquet",
    log:
        "<results>/logs/score/baselines.log",
    benchmark:
        "<results>/benchmarks/score/baselines.tsv"
    resources:
        mem_mb=growing(1000),
        runtime=growing(10),
    params:
        script=in_checkout("scripts/score.py"),
        settings=settings("score_baselines"),
        code=code("scripts/score.py"),
    message:
        "Scoring the trivial baselines"


rule language_similarity:
    input:
        functions=expand("<results>/functions/{language}.parquet", language=STUDY.code_languages),
        image=IMAGE_DIGEST,
    output:
        "<results>/language_similarity.csv",
    log:
        "<results>/logs/language_similarity.log",
    benchmark:
        "<results>/benchmarks/language_similarity.tsv"
    threads: 1
    resources:
        mem_mb=growing(1000),
        runtime=growing(10),
    params:
        script=in_checkout("scripts/language_similarity.py"),
        settings=settings("language_similarity"),
        code=code("scripts/language_similarity.py"),
    message:
        "Measuring language similarity"
    shell:
        "python {params.script:q} --functions {input.functions} --settings {params.settings:q} --out {output} 2>&1 | tee {log}"


rule compare:
    input:
        values=over(STUDY.encoder_arms, VALUES) + ["<results>/scores/baselines.values.parquet"],
        sums=over(STUDY.encoder_arms, SUMS) + ["<results>/scores/baselines.sums.parquet"],
        languages="<results>/language_similarity.csv",
        audit="<results>/audit.csv",
        image=IMAGE_DIGEST,
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
    threads: 2
    resources:
        mem_mb=growing(4000),
        runtime=growing(60),
    params:
        script=in_checkout("scripts/compare.py"),
        settings=settings("compare"),
        code=code("scripts/compare.py"),
    message:
        "Comparing arms"
    shell:
        "python {params.script:q} --values {input.values} --sums {input.sums} --languages {input.languages}"
        " --audit {input.audit} --processes {threads} --settings {params.settings:q} --scores {output.scores} --effects {output.effects}"
        " --contrasts {output.contrasts} --target-checks {output.target_checks} --counts {output.counts}"
        " 2>&1 | tee {log}"


rule source_languages:
    input:
        values=over(TWIN_PAIRS, [VALUES, TWIN_VALUES]),
        sums=over(TWIN_PAIRS, [SUMS, TWIN_SUMS]),
        functions=expand("<results>/functions/{language}.parquet", language=STUDY.code_languages),
        examples=expand("<results>/examples/{target}.parquet", target=TWINS_AND_TARGETS),
        languages="<results>/language_similarity.csv",
        image=IMAGE_DIGEST,
    output:
        "<results>/source_languages.csv",
    log:
        "<results>/logs/source_languages.log",
    benchmark:
        "<results>/benchmarks/source_languages.tsv"
    threads: 1
    resources:
        mem_mb=growing(4000),
        runtime=growing(60),
    params:
        script=in_checkout("scripts/source_languages.py"),
        settings=settings("source_languages"),
        code=code("scripts/source_languages.py"),
    message:
        "Comparing source languages"
    shell:
        "python {params.script:q} --values {input.values} --sums {input.sums} --languages {input.languages}"
        " --functions {input.functions} --examples {input.examples} --settings {params.settings:q} --out {output}"
        " 2>&1 | tee {log}"


rule collect:
    input:
        folders=records_of_pair,
        retrieval=expand(RETRIEVAL, seeds=STUDY.batches, allow_missing=True),
        image=IMAGE_DIGEST,
    output:
        table=RUNS,
        curves=CURVES,
        layers=LAYERS,
    log:
        "<results>/logs/collect/{encoder}/{arm}.log",
    benchmark:
        "<results>/benchmarks/collect/{encoder}/{arm}.tsv"
    threads: 1
    resources:
        mem_mb=growing(1000),
        runtime=growing(10),
    params:
        script=in_checkout("scripts/collect.py"),
        records=records_of_seeds,
        code=code("scripts/collect.py"),
    message:
        "Collecting the records of {wildcards.encoder} after {wildcards.arm}"
    shell:
        "python {params.script:q} --runs {params.records} --retrieval {input.retrieval} --table {output.table}"
        " --curves {output.curves} --layers {output.layers} 2>&1 | tee {log}"


rule concatenate:
    input:
        tables=tables_of_pairs,
        image=IMAGE_DIGEST,
    output:
        "<results>/{table}.csv",
    log:
        "<results>/logs/concatenate/{table}.log",
    benchmark:
        "<results>/benchmarks/concatenate/{table}.tsv"
    wildcard_constraints:
        table="runs|curves|layers|doses|transferability",
    threads: 1
    resources:
        mem_mb=growing(1000),
        runtime=growing(10),
    params:
        script=in_checkout("scripts/concatenate.py"),
        code=code("scripts/concatenate.py"),
    message:
        "Concatenating {wildcards.table}"
    shell:
        "python {params.script:q} --tables {input.tables} --out {output} 2>&1 | tee {log}"


rule sample_predictions:
    input:
        examples=expand("<results>/examples/{target}.parquet", target=STUDY.targets),
        predictions=shown_predictions,
        image=IMAGE_DIGEST,
    output:
        "<results>/sample_predictions.csv",
    log:
        "<results>/logs/sample_predictions.log",
    benchmark:
        "<results>/benchmarks/sample_predictions.tsv"
    threads: 1
    resources:
        mem_mb=growing(1000),
        runtime=growing(10),
    params:
        script=in_checkout("scripts/sample_predictions.py"),
        settings=settings("sample_predictions"),
        code=code("scripts/sample_predictions.py"),
    message:
        "Sampling predictions"
    shell:
        "python {params.script:q} --examples {input.examples} --predictions {input.predictions}"
        " --settings {params.settings:q} --out {output} 2>&1 | tee {log}"


rule browse_predictions:
    input:
        examples=expand("<results>/examples/{target}.parquet", target=STUDY.targets),
        predictions=browsed_predictions,
        image=IMAGE_DIGEST,
    output:
        "<results>/browsed_predictions.parquet",
    log:
        "<results>/logs/browse_predictions.log",
    benchmark:
        "<results>/benchmarks/browse_predictions.tsv"
    threads: 1
    resources:
        mem_mb=growing(2000),
        runtime=growing(30),
    params:
        script=in_checkout("scripts/browse_predictions.py"),
        settings=settings("sample_predictions"),
        code=code("scripts/browse_predictions.py"),
    message:
        "Drawing predictions to browse"
    shell:
        "python {params.script:q} --examples {input.examples} --predictions {input.predictions}"
        " --settings {params.settings:q} --out {output} 2>&1 | tee {log}"


rule audit:
    input:
        training=expand("<results>/examples/{task}.parquet", task=STUDY.intermediate_tasks),
        targets=expand("<results>/examples/{target}.parquet", target=STUDY.targets + STUDY.twins),
        tasks=[STUDY.tasks[task].file for task in STUDY.intermediate_tasks],
        clusters=TEXT_CLUSTERS,
        encoded=encoded_once,
        image=IMAGE_DIGEST,
    output:
        audit="<results>/audit.csv",
        matched="<results>/matched_tasks.csv",
    log:
        "<results>/logs/audit.log",
    benchmark:
        "<results>/benchmarks/audit.tsv"
    threads: 1
    resources:
        mem_mb=growing(2000),
        runtime=growing(30),
    params:
        script=in_checkout("scripts/audit.py"),
        rehearsal="--only-report" if STUDY.config.rehearsal else "",
        code=code("scripts/audit.py"),
    message:
        "Auditing leakage between training and test sets"
    shell:
        "python {params.script:q} --training {input.training} --targets {input.targets}"
        " --text-clusters {input.clusters} --encoded {input.encoded} {params.rehearsal}"
        " --tasks {input.tasks:q} --matched {output.matched} --out {output.audit} 2>&1 | tee {log}"
