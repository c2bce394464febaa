# The only jobs that go online. They run on the machine that starts Snakemake and outside the image: they need its network
# settings, certificates and tokens, and do no computation.


rule fetch:
    output:
        "<resources>/{source}.zip",
    log:
        "<results>/logs/fetch/{source}.log",
    benchmark:
        "<results>/benchmarks/fetch/{source}.tsv"
    localrule: True
    container:
        None
    threads: 1
    resources:
        mem_mb=500,
        runtime=30,
    params:
        script=in_checkout("scripts/fetch.py"),
        sources=in_checkout("sources.csv"),
        settings=settings("source"),
        content=content_of_source,
        sample=f"--sample {STUDY.config.rehearsal}" if STUDY.config.rehearsal else "",
    message:
        "Fetching {wildcards.source}"
    shell:
        "HF_HUB_OFFLINE=${{CODESTILTS_HUB_OFFLINE:-0}} python {params.script:q} --sources {params.sources:q}"
        " --source {wildcards.source} {params.sample} --out {output} 2>&1 | tee {log}"
