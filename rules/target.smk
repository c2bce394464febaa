# Target training on examples of the source language, followed by predictions of the test examples in all languages. As
# in intermediate training, one job trains a batch of seeds. Learning-rate trials, if a study has them, use the first
# seed; what repeats the trials repeats the training.


rule train_target:
    input:
        encoder=ENCODER_WEIGHTS,
        parent=parent_models,
        parent_encoded=[] if STUDY.learning_rates else encoded_of_parent,
        encoded="<results>/encoded/{encoder}/{target}",
        trials=trials_of_arm if STUDY.learning_rates else [],
        image=IMAGE_DIGEST,
    output:
        models=directory(TARGET_MODELS),
        predictions=PREDICTIONS,
    log:
        "<results>/logs/target/{encoder}/{arm}/{target}/{seeds}.log",
    benchmark:
        "<results>/benchmarks/target/{encoder}/{arm}/{target}/{seeds}.tsv"
    wildcard_constraints:
        target=one_of(STUDY.trained_targets + STUDY.twins),
    priority: READERS_FIRST
    threads: processes()
    resources:
        mem_mb=memory("target"),
        gpu=gpus("target"),
        runtime=minutes("target"),
    params:
        script=in_checkout("scripts/train_target.py"),
        parent_digest=parent_digest,
        settings=settings("target"),
        code=code("scripts/train_target.py"),
    message:
        "Target training: {wildcards.encoder} after {wildcards.arm} on {wildcards.target}, seeds {wildcards.seeds}"
    shell:
        "python {params.script:q} --encoder $(dirname {input.encoder}) --parent {input.parent} --encoded {input.encoded}"
        " --trials {input.trials} --settings {params.settings:q} --predictions {output.predictions}"
        " --out {output.models} --gpus {resources.gpu} 2>&1 | tee {log}"


rule tune:
    input:
        encoder=ENCODER_WEIGHTS,
        parent=parent_models,
        parent_encoded=encoded_of_parent,
        encoded="<results>/encoded/{encoder}/{target}",
        image=IMAGE_DIGEST,
    output:
        TRIALS,
    log:
        "<results>/logs/tuning/{encoder}/{arm}/{target}.log",
    benchmark:
        "<results>/benchmarks/tuning/{encoder}/{arm}/{target}.tsv"
    priority: READERS_FIRST
    threads: processes()
    resources:
        mem_mb=memory("tune"),
        gpu=gpus("tune"),
        runtime=minutes("tune"),
    params:
        script=in_checkout("scripts/tune.py"),
        parent_digest=parent_digest,
        settings=settings("tune"),
        code=code("scripts/tune.py"),
    message:
        "Learning-rate trials: {wildcards.encoder} after {wildcards.arm} on {wildcards.target}"
    shell:
        "python {params.script:q} --encoder $(dirname {input.encoder}) --parent {input.parent} --encoded {input.encoded}"
        " --settings {params.settings:q} --out {output} --gpus {resources.gpu} 2>&1 | tee {log}"
