# Tokenising: each task once for each encoder, or once for all encoders with the same tokenizer, which share the files.


rule encode:
    input:
        tokenizer="<results>/encoders/{encoder}/tokenizer.json",
        examples="<results>/examples/{task}.parquet",
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
        settings=settings("encode"),
        code=code("scripts/encode.py"),
    message:
        "Encoding {wildcards.task} with the tokenizer of {wildcards.encoder}"
    shell:
        "python {params.script:q} --encoder {params.encoder} --examples {input.examples} --settings {params.settings:q}"
        " --out {output} 2>&1 | tee {log}"
