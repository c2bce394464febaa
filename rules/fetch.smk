rule fetch:
    output:
        "<resources>/{source}.zip",
    log:
        "<results>/logs/fetch/{source}.log",
    benchmark:
        "<results>/benchmarks/fetch/{source}.tsv"
    localrule: True
    container:
        outside
    threads: 1
    resources:
        mem_mb=500,
        runtime=30,
    params:
        settings=settings("source"),
        content=content_of_source,
        sample=f"--sample {STUDY.config.rehearsal}" if STUDY.config.rehearsal else "",
    message:
        "Fetching {wildcards.source}"
    shell:
        "HF_HUB_OFFLINE=${{CODESTILTS_HUB_OFFLINE:-0}} python scripts/fetch.py --source {wildcards.source} {params.sample} --out {output} 2>&1 | tee {log}"
