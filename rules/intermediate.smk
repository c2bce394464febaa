# Intermediate training. One job trains a batch of seeds, because starting a process can take as long as a short
# training. Its output is a folder for the batch with one folder for each seed. In studies with trials of the learning
# rate, one job for each encoder and arm tries all rates with the first seed.


rule try_doses:
    input:
        encoder=ENCODER_WEIGHTS,
        encoded=encoded_of_trials,
        image=IMAGE_DIGEST,
    output:
        trials=DOSES,
        table=DOSE_TABLE,
    log:
        "<results>/logs/doses/{encoder}/{arm}.log",
    benchmark:
        "<results>/benchmarks/doses/{encoder}/{arm}.tsv"
    threads: processes()
    resources:
        mem_mb=memory("doses"),
        gpu=gpus("doses"),
        runtime=minutes("doses"),
    params:
        script=in_checkout("scripts/try_doses.py"),
        settings=settings("doses"),
        code=code("scripts/try_doses.py"),
    message:
        "Trials of the intermediate learning rate: {wildcards.encoder} after {wildcards.arm}"
    shell:
        "python {params.script:q} --encoder $(dirname {input.encoder}) --encoded {input.encoded}"
        " --settings {params.settings:q} --out {output.trials} --table {output.table} --gpus {resources.gpu}"
        " 2>&1 | tee {log}"


rule train_intermediate:
    input:
        encoder=ENCODER_WEIGHTS,
        encoded=encoded_of_arm,
        trials=DOSES if DOSE_PAIRS else [],
        image=IMAGE_DIGEST,
    output:
        models=directory(INTERMEDIATE_MODELS),
        records=directory(INTERMEDIATE_RECORDS),
    log:
        "<results>/logs/intermediate/{encoder}/{arm}/{seeds}.log",
    benchmark:
        "<results>/benchmarks/intermediate/{encoder}/{arm}/{seeds}.tsv"
    wildcard_constraints:
        arm=one_of(STUDY.kept_parents),
    threads: processes()
    resources:
        mem_mb=memory("intermediate"),
        gpu=gpus("intermediate"),
        runtime=minutes("intermediate"),
    params:
        script=in_checkout("scripts/train_intermediate.py"),
        settings=settings("intermediate"),
        code=code("scripts/train_intermediate.py"),
    message:
        "Intermediate training: {wildcards.encoder} on {wildcards.arm}, seeds {wildcards.seeds}"
    shell:
        "python {params.script:q} --encoder $(dirname {input.encoder}) --encoded {input.encoded}"
        " --trials {input.trials} --settings {params.settings:q} --out {output.models} --records {output.records} --gpus {resources.gpu}"
        " 2>&1 | tee {log}"


# Models that the study doesn't keep (keep_models) are deleted when their last reader is done. Their records stay.
use rule train_intermediate as train_temporary with:
    output:
        models=temp(directory(INTERMEDIATE_MODELS)),
        records=directory(INTERMEDIATE_RECORDS),
    wildcard_constraints:
        arm=one_of(sorted(TEMPORARY_PARENTS)),
