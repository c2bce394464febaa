"""A small study with all that the paper study has: variants, learning rates, a partial grid and batches of seeds."""

from pathlib import Path

from codestilts.config.study import Study
from codestilts.config.validation import load_study, read_configs
from codestilts.workflow.architectures import Architecture

ROOT = Path(__file__).parents[2]
SMALL = Architecture("bert", 100, 8, 2, 2, 16, 32, 2)
GRID = """
study: parts
encoders: [bert-tiny, minilm]
arms: [none, pos, english-multi, english-multi-lora, random]
targets: [tags, search, search-untrained, param-qa]
grid:
  - {arms: [none, pos, english-multi, random], targets: [tags, search]}
  - {arms: [english-multi-lora], encoders: [minilm], targets: [param-qa]}
languages: [python, javascript]
seeds: [0, 1, 2]
seeds_per_job: 2
keep_models: none
intermediate: {learning_rates: [1.0e-4, 3.0e-4, 1.0e-3], trial_targets: [tags, search, match], trial_share: 0.5,
  held_out_texts: [mlm-english]}
target: {learning_rates: [1.0e-4, 1.0e-3], selection: [dev, last], tasks: {}}
definitions: {arms: {english-multi-lora: {family: variant, base: english-multi, method: lora}}}
"""


def study_of(*texts: str, folder: Path) -> Study:
    """config.yaml with these overlays, which are written into a folder."""
    files = [ROOT / "config.yaml"]
    for number, text in enumerate(texts):
        files.append(folder / f"{number}.yaml")
        files[-1].write_text(text)
    return load_study(read_configs(files), ROOT, files)


def paper() -> Study:
    """The paper study."""
    return load_study(read_configs([ROOT / "config.yaml", ROOT / "studies/paper.yaml"]), ROOT)
