# Inputs of the rules for analysis and for claims.
from codestilts.config.claim_jobs import decidable_claims
from codestilts.config.shown import browsed_runs, shown_runs

CLAIM = "<results>/claims/{claim}.json"
DECIDABLE = decidable_claims(STUDY)
TWIN_PAIRS = sorted({run[:2] for run in STUDY.twin_runs})
TWINS_AND_TARGETS = [name for twin in STUDY.twins for name in (STUDY.base(twin), twin)]


def runs_of_pair(pair):
    return [(*pair, target) for target in STUDY.encoder_arms[pair] if target in STUDY.trained_targets]


def predictions_of_twins(wildcards):
    """Those of the pair's targets that are trained in another source language than the first."""
    runs = [run for run in STUDY.twin_runs if run[:2] == (wildcards.encoder, wildcards.arm)]
    return over(runs, PREDICTIONS, seeds=STUDY.batches)


def predictions_of_pair(wildcards):
    """Files of trained targets, and folders of untrained ones."""
    pair = (wildcards.encoder, wildcards.arm)
    return over(runs_of_pair(pair), PREDICTIONS, seeds=STUDY.batches) + over([pair], RETRIEVAL, seeds=STUDY.batches)


def records_of_pair(wildcards):
    """Folders with a record for each seed: those of intermediate models, which may be deleted, and of target models."""
    pair = (wildcards.encoder, wildcards.arm)
    intermediate = [pair] if pair in STUDY.intermediate_models else []
    records = over(intermediate, INTERMEDIATE_RECORDS, seeds=STUDY.batches)
    return records + over(runs_of_pair(pair), TARGET_MODELS, seeds=STUDY.batches)


def shown_predictions(wildcards):
    """Of the runs that the report shows side by side."""
    return first_predictions(shown_runs(STUDY))


def browsed_predictions(wildcards):
    """Of each target after every arm, with one encoder."""
    return first_predictions(browsed_runs(STUDY))


def first_predictions(runs):
    """Those of the first batch of seeds: files of trained targets, and folders of untrained ones."""
    first = next(iter(STUDY.batches))
    trained = [run for run in runs if run[2] in STUDY.trained_targets]
    pairs = dict.fromkeys(run[:2] for run in runs if run[2] in STUDY.untrained_targets)
    return over(trained, PREDICTIONS, seeds=first) + over(pairs, RETRIEVAL, seeds=first)


def deleted_outputs(wildcards):
    """Outputs of targets that are missing although a table is made of them, so that no other job asks for them.

    All such outputs are more than half of the study's files: if each planning asked for them, it would take a tenth longer.
    """
    read = [pair for pair in STUDY.encoder_arms if any(map(is_made, over([pair], [SUMS, RUNS])))]
    runs = [run for pair in read for run in runs_of_pair(pair)]
    outputs = over(runs, [TARGET_MODELS, PREDICTIONS], seeds=STUDY.batches) + over(read, RETRIEVAL, seeds=STUDY.batches)
    outputs += over(
        [run for run in STUDY.twin_runs if run[:2] in read], [TARGET_MODELS, PREDICTIONS], seeds=STUDY.batches
    )
    used = {(encoder, tuned_arm(STUDY, arm), target) for encoder, arm, target in runs}
    trials = over([run for run in tuned_runs(STUDY) if run in used], TRIALS)
    return [path for path in outputs + trials if not is_made(path)]


def is_made(path):
    return os.path.exists(path.replace("<results>", RESULTS))


def tables_of_pairs(wildcards):
    pairs = {"doses": DOSE_PAIRS, "transferability": TRANSFERABILITY_PAIRS}.get(wildcards.table, STUDY.encoder_arms)
    return over(pairs, "<results>/{table}/{encoder}/{arm}.csv", **wildcards)


def encoded_once(_):
    """Each task as encoded for one of the encoders; its record says which examples training leaves out."""
    encoders = {task: encoder for encoder, task in reversed(STUDY.encoded_tasks)} if STUDY.leaves_out else {}
    return [ENCODED.format(encoder=encoders[task], task=task) for task in sorted(encoders)]


@cache
def claim_settings(claim):
    return JOB_SETTINGS["claim"](STUDY, claim)


def predictions_of_claim(wildcards):
    """The predictions for the arms and targets of a claim; a folder has those for all untrained targets."""
    runs = claim_settings(wildcards.claim).runs()
    trained = [run for run in runs if run[2] in STUDY.trained_targets]
    untrained = dict.fromkeys(run[:2] for run in runs if run[2] in STUDY.untrained_targets)
    return over(trained, PREDICTIONS, seeds=STUDY.batches) + over(untrained, RETRIEVAL, seeds=STUDY.batches)


def records_of_claim(wildcards):
    """For claims about the best arm: the records of target training, whose dev metrics choose it."""
    if STUDY.claims[wildcards.claim].kind != "best_of":
        return []
    runs = claim_settings(wildcards.claim).runs()
    trained = [run for run in runs if run[2] in STUDY.trained_targets]
    return over(trained, TARGET_MODELS, seeds=STUDY.batches)


def similarity_of_claim(wildcards):
    """For claims about near or far languages: the table of similarities."""
    needed = STUDY.claims[wildcards.claim].languages in ("near", "far") and claim_settings(wildcards.claim).items
    return "<results>/language_similarity.csv" if needed else []
