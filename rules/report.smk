# Notebooks draw figures and tables, and the report shows them. `snakemake --report` collects the same files with
# captions.
from codestilts.config.analysis_jobs import generated_targets
from codestilts.config.registration import expected_state
from codestilts.config.scopes import effect_figure
from codestilts.reporting.report_tables import REPORT_TABLES

STAGE_TIMES = in_checkout("scripts/stage_times.py")  # a table of them is printed after a run
EFFECT_FIGURES = ["primary", "checks", *map(effect_figure, STUDY.scopes)]
EFFECT_TABLES = ["contrasts", "effects", "checks"]
LANGUAGE_FIGURES = ["matrix", "difference", "similarity"]
LANGUAGE_TABLES = ["counts", "difference", "languages"]
TRAINING_FIGURES = ["curves", "losses"]
TRAINING_TABLES = ["budgets", "learned", "cost"]
DOSE_FIGURES = ["doses"] if DOSE_PAIRS else []
DOSE_TABLES = ["doses", "fixed-doses"]
GENERATION_FIGURES = ["wrong-language"] if generated_targets(STUDY) else []
GENERATION_TABLES = ["wrong-language"]
RESULT_TABLES = [f"<results>/{table}.csv" for table in REPORT_TABLES + (["doses"] if DOSE_PAIRS else [])]
REPORT_FIGURES = expand(
    "<results>/figures/{encoder}/{figure}.svg",
    encoder=STUDY.encoders,
    figure=EFFECT_FIGURES + LANGUAGE_FIGURES + TRAINING_FIGURES + DOSE_FIGURES + GENERATION_FIGURES,
)


rule notebook_effects:
    input:
        contrasts="<results>/contrasts.csv",
        effects="<results>/effects.csv",
        checks="<results>/target_checks.csv",
        image=IMAGE_DIGEST,
    output:
        figures=reported("Effects", "figures", EFFECT_FIGURES, "svg"),
        print=update(
            expand("<results>/figures/{{encoder}}/{figure}.{kind}", figure=EFFECT_FIGURES, kind=["pdf", "png"])
        ),
        tables=reported("Effects", "tables", EFFECT_TABLES, "csv"),
        latex=update(expand("<results>/tables/{{encoder}}/{table}.tex", table=EFFECT_TABLES)),
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
        figures=reported("Languages", "figures", LANGUAGE_FIGURES, "svg"),
        print=update(
            expand("<results>/figures/{{encoder}}/{figure}.{kind}", figure=LANGUAGE_FIGURES, kind=["pdf", "png"])
        ),
        tables=reported("Languages", "tables", LANGUAGE_TABLES, "csv"),
        latex=update(expand("<results>/tables/{{encoder}}/{table}.tex", table=LANGUAGE_TABLES)),
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
        image=IMAGE_DIGEST,
    output:
        figures=reported("Training", "figures", TRAINING_FIGURES, "svg"),
        print=update(
            expand("<results>/figures/{{encoder}}/{figure}.{kind}", figure=TRAINING_FIGURES, kind=["pdf", "png"])
        ),
        tables=reported("Training", "tables", TRAINING_TABLES, "csv"),
        latex=update(expand("<results>/tables/{{encoder}}/{table}.tex", table=TRAINING_TABLES)),
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
        figures=reported("Training", "figures", ["doses"], "svg"),
        print=update(expand("<results>/figures/{{encoder}}/doses.{kind}", kind=["pdf", "png"])),
        tables=reported("Training", "tables", DOSE_TABLES, "csv"),
        latex=update(expand("<results>/tables/{{encoder}}/{table}.tex", table=DOSE_TABLES)),
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
        figures=reported("Training", "figures", ["wrong-language"], "svg"),
        print=update(expand("<results>/figures/{{encoder}}/wrong-language.{kind}", kind=["pdf", "png"])),
        tables=reported("Training", "tables", GENERATION_TABLES, "csv"),
        latex=update(expand("<results>/tables/{{encoder}}/{table}.tex", table=GENERATION_TABLES)),
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


# This job runs just before the report, so that it sees all other jobs, and on the machine that submits them.
rule slurm_efficiency:
    input:
        tables=RESULT_TABLES,
        figures=REPORT_FIGURES,
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


rule report:
    input:
        tables=RESULT_TABLES,
        figures=REPORT_FIGURES,
        efficiency="<results>/efficiency.csv",
        sources=in_checkout("sources.csv"),
        tasks=[STUDY.tasks[task].file for task in STUDY.examples],
        template=in_checkout("report/template.html.j2"),
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
        settings=settings("report"),
        plan=lambda wildcards: expected_state(STUDY, Path(RESULTS)),
        code=code("scripts/report.py"),
    message:
        "Writing the report"
    shell:
        "python {params.script:q} --results {params.results} --sources {input.sources:q} --tasks {input.tasks:q}"
        " --template {input.template:q} {params.image} --settings {params.settings:q} --out {output} 2>&1 | tee {log}"
