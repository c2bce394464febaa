# Notebooks draw figures and tables, and the report shows them. `snakemake --report` collects the same files with
# captions.
from codestilts.config.registration import expected_state
from codestilts.reporting.exhibits import PRINTED

STAGE_TIMES = in_checkout("scripts/stage_times.py")  # a table of them is printed after a run


rule notebook_effects:
    input:
        contrasts="<results>/contrasts.csv",
        effects="<results>/effects.csv",
        checks="<results>/target_checks.csv",
        image=IMAGE_DIGEST,
    output:
        figures=shown_by("effects", "figures"),
        print=update(files_of("effects", "figures", *PRINTED)),
        tables=shown_by("effects", "tables"),
        latex=update(files_of("effects", "tables", "tex")),
    log:
        notebook="<results>/notebooks/{encoder}/effects.ipynb",
    benchmark:
        "<results>/benchmarks/notebooks/{encoder}/effects.tsv"
    threads: 1
    resources:
        mem_mb=growing(1500),
        runtime=growing(10),
    params:
        settings=settings("effect_figures"),
        code=code("notebooks/effects.py.ipynb"),
    message:
        "Drawing effects: {wildcards.encoder}"
    notebook:
        "../notebooks/effects.py.ipynb"


rule notebook_languages:
    input:
        contrasts="<results>/contrasts.csv",
        counts="<results>/counts.csv",
        languages="<results>/language_similarity.csv",
        image=IMAGE_DIGEST,
    output:
        figures=shown_by("languages", "figures"),
        print=update(files_of("languages", "figures", *PRINTED)),
        tables=shown_by("languages", "tables"),
        latex=update(files_of("languages", "tables", "tex")),
    log:
        notebook="<results>/notebooks/{encoder}/languages.ipynb",
    benchmark:
        "<results>/benchmarks/notebooks/{encoder}/languages.tsv"
    threads: 1
    resources:
        mem_mb=growing(1500),
        runtime=growing(10),
    params:
        settings=settings("language_figures"),
        code=code("notebooks/languages.py.ipynb"),
    message:
        "Drawing languages: {wildcards.encoder}"
    notebook:
        "../notebooks/languages.py.ipynb"


rule notebook_training:
    input:
        runs="<results>/runs.csv",
        curves="<results>/curves.csv",
        layers="<results>/layers.csv",
        scores="<results>/scores.csv",
        matched="<results>/matched_tasks.csv",
        image=IMAGE_DIGEST,
    output:
        figures=shown_by("training", "figures"),
        print=update(files_of("training", "figures", *PRINTED)),
        tables=shown_by("training", "tables"),
        latex=update(files_of("training", "tables", "tex")),
    log:
        notebook="<results>/notebooks/{encoder}/training.ipynb",
    benchmark:
        "<results>/benchmarks/notebooks/{encoder}/training.tsv"
    threads: 1
    resources:
        mem_mb=growing(1500),
        runtime=growing(10),
    params:
        settings=settings("training_figures"),
        code=code("notebooks/training.py.ipynb"),
    message:
        "Drawing training: {wildcards.encoder}"
    notebook:
        "../notebooks/training.py.ipynb"


rule notebook_doses:
    input:
        doses="<results>/doses.csv",
        languages="<results>/language_similarity.csv",
        image=IMAGE_DIGEST,
    output:
        figures=shown_by("doses", "figures"),
        print=update(files_of("doses", "figures", *PRINTED)),
        tables=shown_by("doses", "tables"),
        latex=update(files_of("doses", "tables", "tex")),
    log:
        notebook="<results>/notebooks/{encoder}/doses.ipynb",
    benchmark:
        "<results>/benchmarks/notebooks/{encoder}/doses.tsv"
    threads: 1
    resources:
        mem_mb=growing(1500),
        runtime=growing(10),
    params:
        settings=settings("dose_figures"),
        code=code("notebooks/doses.py.ipynb"),
    message:
        "Drawing doses: {wildcards.encoder}"
    notebook:
        "../notebooks/doses.py.ipynb"


rule notebook_generation:
    input:
        scores="<results>/scores.csv",
        runs="<results>/runs.csv",
        image=IMAGE_DIGEST,
    output:
        figures=shown_by("generation", "figures"),
        print=update(files_of("generation", "figures", *PRINTED)),
        tables=shown_by("generation", "tables"),
        latex=update(files_of("generation", "tables", "tex")),
    log:
        notebook="<results>/notebooks/{encoder}/generation.ipynb",
    benchmark:
        "<results>/benchmarks/notebooks/{encoder}/generation.tsv"
    threads: 1
    resources:
        mem_mb=growing(1500),
        runtime=growing(10),
    params:
        settings=settings("generation_figures"),
        code=code("notebooks/generation.py.ipynb"),
    message:
        "Drawing generated texts: {wildcards.encoder}"
    notebook:
        "../notebooks/generation.py.ipynb"


rule notebook_transferability:
    input:
        transferability="<results>/transferability.csv",
        effects="<results>/effects.csv",
        image=IMAGE_DIGEST,
    output:
        figures=shown_by("transferability", "figures"),
        print=update(files_of("transferability", "figures", *PRINTED)),
        tables=shown_by("transferability", "tables"),
        latex=update(files_of("transferability", "tables", "tex")),
    log:
        notebook="<results>/notebooks/{encoder}/transferability.ipynb",
    benchmark:
        "<results>/benchmarks/notebooks/{encoder}/transferability.tsv"
    threads: 1
    resources:
        mem_mb=growing(1500),
        runtime=growing(10),
    params:
        settings=settings("transferability_figures"),
        code=code("notebooks/transferability.py.ipynb"),
    message:
        "Drawing transferability: {wildcards.encoder}"
    notebook:
        "../notebooks/transferability.py.ipynb"


rule notebook_sources:
    input:
        matrix="<results>/source_languages.csv",
        languages="<results>/language_similarity.csv",
        image=IMAGE_DIGEST,
    output:
        figures=shown_by("sources", "figures"),
        print=update(files_of("sources", "figures", *PRINTED)),
        tables=shown_by("sources", "tables"),
        latex=update(files_of("sources", "tables", "tex")),
    log:
        notebook="<results>/notebooks/{encoder}/sources.ipynb",
    benchmark:
        "<results>/benchmarks/notebooks/{encoder}/sources.tsv"
    threads: 1
    resources:
        mem_mb=growing(1500),
        runtime=growing(10),
    params:
        code=code("notebooks/sources.py.ipynb"),
    message:
        "Drawing source languages: {wildcards.encoder}"
    notebook:
        "../notebooks/sources.py.ipynb"


# This job runs after all others but the last two, so that it sees them, and on the machine that submits them.
rule slurm_efficiency:
    input:
        tables=RESULT_TABLES,
        exhibits=ENCODER_EXHIBITS,
    output:
        "<results>/efficiency.csv",
    log:
        "<results>/logs/slurm_efficiency.log",
    benchmark:
        "<results>/benchmarks/slurm_efficiency.tsv"
    localrule: True
    container:
        None
    threads: 1
    resources:
        mem_mb=500,
        runtime=10,
    params:
        script=in_checkout("scripts/slurm_efficiency.py"),
        study=STUDY.name,
        gpus=to_json({encoder: STUDY.gpus(encoder) for encoder in STUDY.encoders}),
        benchmarks=lambda wildcards, output: Path(output[0]).with_name("benchmarks"),
        code=code("scripts/slurm_efficiency.py"),
    message:
        "Reading Slurm's accounting"
    shell:
        "python {params.script:q} --logs .snakemake/log --study {params.study} --gpus {params.gpus:q}"
        " --benchmarks {params.benchmarks} --out {output} 2>&1 | tee {log}"


rule notebook_study:
    input:
        claims="<results>/claims.csv",
        audit="<results>/audit.csv",
        efficiency="<results>/efficiency.csv",
        sources=in_checkout("sources.csv"),
        image=IMAGE_DIGEST,
    output:
        figures=shown_by("study", "figures"),
        print=update(files_of("study", "figures", *PRINTED)),
        tables=shown_by("study", "tables"),
        latex=update(files_of("study", "tables", "tex")),
    log:
        notebook="<results>/notebooks/study.ipynb",
    benchmark:
        "<results>/benchmarks/notebooks/study.tsv"
    threads: 1
    resources:
        mem_mb=growing(1500),
        runtime=growing(10),
    params:
        settings=settings("report"),
        benchmarks=lambda wildcards, input: str(Path(input.efficiency).with_name("benchmarks")),
        code=code("notebooks/study.py.ipynb"),
    message:
        "Drawing the study"
    notebook:
        "../notebooks/study.py.ipynb"


rule report:
    input:
        tables=RESULT_TABLES,
        exhibits=ENCODER_EXHIBITS + exhibits_of("study"),
        efficiency="<results>/efficiency.csv",
        browsed="<results>/browsed_predictions.parquet",
        tasks=[STUDY.tasks[task].file for task in STUDY.examples],
        sources=in_checkout("sources.csv"),
        template=in_checkout("report/template.html.j2"),
        parts=[in_checkout(f"report/page.{suffix}") for suffix in ("css", "js")],
        image=IMAGE_DIGEST,
    output:
        report(
            "<results>/report.html",
            caption="../report/page.rst",
            category="The study",
            labels={"page": "report"},
        ),
    log:
        "<results>/logs/report.log",
    benchmark:
        "<results>/benchmarks/report.tsv"
    threads: 1
    resources:
        mem_mb=growing(1000),
        runtime=growing(10),
    params:
        script=in_checkout("scripts/report.py"),
        results=subpath(output[0], parent=True),
        image=option("--image", "image"),
        overlays=overlays,
        settings=settings("report"),
        plan=lambda wildcards: expected_state(STUDY, Path(RESULTS)),
        code=code("scripts/report.py"),
    message:
        "Writing the report"
    shell:
        "python {params.script:q} --results {params.results} --sources {input.sources:q} --tasks {input.tasks:q}"
        " --template {input.template:q} {params.image} --overlays {params.overlays:q} --settings {params.settings:q}"
        " --out {output} 2>&1 | tee {log}"
