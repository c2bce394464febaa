# Inputs of the rules for analysis and for claims.
from codestilts.config.claim_jobs import decidable_claims

CLAIM = "<results>/claims/{claim}.json"
DECIDABLE = decidable_claims(STUDY)


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
