# The figures and tables that notebooks write, and what `snakemake --report` shows of them.
from codestilts.config.analysis_jobs import generated_targets
from codestilts.config.scopes import effect_figure
from codestilts.reporting.exhibits import CAPTIONS, CATEGORIES, FIGURES, TABLES, WHOLE_STUDY, exhibit_label
from codestilts.reporting.report_tables import REPORT_TABLES

NOTEBOOKS = ["effects", "languages", "training"]  # that run once for each encoder
NOTEBOOKS += (["doses"] if DOSE_PAIRS else []) + (["generation"] if generated_targets(STUDY) else [])
NOTEBOOKS += (["transferability"] if TRANSFERABILITY_PAIRS else []) + (["sources"] if STUDY.twins else [])
FIGURE_NAMES = FIGURES | {"effects": [*FIGURES["effects"], *map(effect_figure, STUDY.scopes)]}
RESULT_TABLES = [f"<results>/{table}.csv" for table in REPORT_TABLES + (["doses"] if DOSE_PAIRS else [])]
RESULT_TABLES += ["<results>/transferability.csv"] if TRANSFERABILITY_PAIRS else []
RESULT_TABLES += ["<results>/source_languages.csv"] if STUDY.twins else []


def files_of(notebook, kind, *suffixes):
    """The files of the figures or tables that a notebook makes."""
    folder = kind if notebook == WHOLE_STUDY else f"{kind}/{{encoder}}"
    names = FIGURE_NAMES[notebook] if kind == "figures" else TABLES[notebook]
    return [f"<results>/{folder}/{name}.{suffix}" for name in names for suffix in suffixes]


def shown_by(notebook, kind):
    """Those that `snakemake --report` shows, under the category of the notebook and with its caption.

    They are updated in place, because Snakemake deletes other outputs before it opens a notebook (--edit-notebook).
    """
    shown = []
    for path in files_of(notebook, kind, "svg" if kind == "figures" else "csv"):
        labels = {} if notebook == WHOLE_STUDY else {"encoder": "{encoder}"}
        labels |= {kind.removesuffix("s"): exhibit_label(Path(path).stem, STUDY.scopes)}
        caption = f"../report/{CAPTIONS.get(Path(path).stem, notebook)}.rst"
        shown.append(update(report(path, caption=caption, category=CATEGORIES[notebook], labels=labels)))
    return shown


def exhibits_of(notebook):
    """What the report shows of a notebook, and the numbers of its figures."""
    return files_of(notebook, "figures", "svg", "csv") + files_of(notebook, "tables", "csv")


def overlays(wildcards, output):
    """The config files over config.yaml, for the commands of the page; ``output`` keeps it from repeating the job."""
    return [os.path.relpath(path) for path in INVOCATION.config_files[1:]]


ENCODER_EXHIBITS = expand([path for name in NOTEBOOKS for path in exhibits_of(name)], encoder=STUDY.encoders)
