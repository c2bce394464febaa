# From archives to encoders, to the functions of each language, and to the examples of each task.


rule import_encoder:
    input:
        archive=archive_of_encoder,
        image=IMAGE_DIGEST,
    output:
        ENCODER_FILES,
    log:
        "<results>/logs/import_encoder/{encoder}.log",
    benchmark:
        "<results>/benchmarks/import_encoder/{encoder}.tsv"
    threads: 1
    resources:
        mem_mb=growing(1000, per_mb=3),
        runtime=growing(10),
    params:
        script=in_checkout("scripts/import_encoder.py"),
        folder=folder_in_archive,
        rehearsal=tiny_option,
        needs=needs_of_encoder,
        out=subpath(output[0], parent=True),
        code=code("scripts/import_encoder.py"),
    message:
        "Importing the encoder {wildcards.encoder}"
    shell:
        "python {params.script:q} --archive {input.archive} --folder {params.folder:q} {params.rehearsal}"
        " --needs {params.needs:q} --out {params.out} 2>&1 | tee {log}"


rule extract:
    input:
        archives=archives_of_language,
        image=IMAGE_DIGEST,
    output:
        "<results>/functions/{language}.parquet",
    log:
        "<results>/logs/extract/{language}.log",
    benchmark:
        "<results>/benchmarks/extract/{language}.tsv"
    threads: 1
    resources:
        mem_mb=growing(2000, per_mb=10),
        runtime=growing(30),
    params:
        script=in_checkout("scripts/extract.py"),
        sources=in_checkout("sources.csv"),
        settings=settings("extract"),
        rehearsal="--allow-empty" if STUDY.config.rehearsal else "",
        code=code("scripts/extract.py"),
    message:
        "Extracting {wildcards.language} functions"
    shell:
        "python {params.script:q} --language {wildcards.language} --sources {params.sources:q} --archives {input.archives} {params.rehearsal}"
        " --out {output} 2>&1 | tee {log}"


rule near_duplicates:
    input:
        functions=expand("<results>/functions/{language}.parquet", language=STUDY.code_languages),
        image=IMAGE_DIGEST,
    output:
        "<results>/near_duplicates.parquet",
    log:
        "<results>/logs/near_duplicates.log",
    benchmark:
        "<results>/benchmarks/near_duplicates.tsv"
    threads: 1
    resources:
        mem_mb=growing(2000, per_mb=10),
        runtime=growing(30),
    params:
        script=in_checkout("scripts/near_duplicates.py"),
        code=code("scripts/near_duplicates.py"),
    message:
        "Finding near-duplicate functions"
    shell:
        "python {params.script:q} --inputs {input.functions} --out {output} 2>&1 | tee {log}"


rule build:
    input:
        task=task_file,
        parts=inputs_of_task,
        near_duplicates=near_duplicates_of_task,
        image=IMAGE_DIGEST,
    output:
        "<results>/examples/{task}.parquet",
    log:
        "<results>/logs/build/{task}.log",
    benchmark:
        "<results>/benchmarks/build/{task}.tsv"
    threads: 1
    resources:
        mem_mb=growing(2000, per_mb=10),
        runtime=growing(30),
    params:
        script=in_checkout("scripts/build.py"),
        near_duplicates=option("--near-duplicates", "near_duplicates"),
        settings=settings("build"),
        content=content_of_task,
        code=builder_code,
    message:
        "Building the examples of {wildcards.task}"
    shell:
        "python {params.script:q} --task {input.task:q} --inputs {input.parts} {params.near_duplicates}"
        " --settings {params.settings:q} --out {output} 2>&1 | tee {log}"
