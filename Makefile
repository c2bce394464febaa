# make report   set everything up, run the pocket study, write results/pocket/report.html
# make test     set everything up, run the tests
# make test-cluster   tests on a real Slurm with real Apptainer; says what is missing and how to get it
# make rehearse STUDY=paper   run every part of a study once, at tiny scale (COVER=pairs or all for more)
# make plan STUDY=paper       what a study takes, before it runs (PLAN="--gpu H100 --gpus 4" for other GPUs)
# make status STUDY=paper     how far a study is: jobs, device hours, failures, how to go on (STATUS="--failures 50")
# make pins     ask the hub for the commits that sources.csv lacks
# make container   build the image that --use-apptainer runs everything in (BUILD="--bind ..." are options of its build)
# make setup    only the environment, in .venv
# make lint     style and types (snakemake --lint is among the tests)
# make lock     renew envs/lock.txt after a change of the dependencies in pyproject.toml

SHELL := bash
CORES ?= all
TORCH := 2.13.0
IMAGE := containers/codestilts.sif
BOOTSTRAP ?= docker
# python:3.11.14-slim-bookworm; Apptainer takes no tag beside a digest.
BASE ?= python@sha256:65a93d69fa75478d554f4ad27c85c1e69fa184956261b4301ebaf6dbb0a3543d
# Where to take torch from, as options of pip: the CPU build is much smaller than the default one, which has CUDA.
TORCH_FROM ?=
PYTHON ?= $(shell for name in python3.11 python3 python; do \
	$$name -c 'import sys; sys.exit(sys.version_info[:2] != (3, 11))' 2>/dev/null && echo $$name && break; done)
STUDY ?= pocket
COVER ?= each
CONFIGS := config.yaml $(if $(filter pocket,$(STUDY)),,studies/$(STUDY).yaml)
OVERLAY := results/$(STUDY)-rehearsal/overlay.yaml
ACTIVATE := source .venv/bin/activate
BEGAN := $(shell date +%s)

.PHONY: setup container report rehearse pins test test-cluster plan status lint lock
.DEFAULT_GOAL := report

setup: .venv/ready

report: .venv/ready
	$(ACTIVATE) && snakemake --cores $(CORES)

# Any hub that HF_ENDPOINT names serves.
rehearse: .venv/ready
	$(ACTIVATE) && python scripts/rehearse.py --configs $(CONFIGS) --cover $(COVER) --overlay $(OVERLAY)
	$(ACTIVATE) && snakemake --cores $(CORES) --configfile $(wordlist 2,9,$(CONFIGS)) $(OVERLAY)
	$(ACTIVATE) && python scripts/rehearse.py --configs $(CONFIGS) --overlay $(OVERLAY) \
		--scores results/$(STUDY)-rehearsal/scores.csv

pins: .venv/ready
	$(ACTIVATE) && python scripts/pins.py

test: .venv/ready
	$(ACTIVATE) && pytest $(PYTEST)

test-cluster: .venv/ready
	$(ACTIVATE) && pytest tests/integration $(PYTEST)

plan: .venv/ready
	@$(ACTIVATE) && python scripts/plan.py --configs $(CONFIGS) $(PLAN)

status: .venv/ready
	@$(ACTIVATE) && python scripts/status.py --configs $(CONFIGS) $(STATUS)

lint: .venv/ready
	$(ACTIVATE) && ruff check . && mypy && snakefmt --check Snakefile rules

# Torch by itself, in whichever build the machine offers; everything else exactly as locked.
.venv/ready: envs/lock.txt pyproject.toml
	@test -n "$(PYTHON)" || { echo "error: Python 3.11 is needed: install it, or say make PYTHON=/path/to/python3.11"; exit 1; }
	$(PYTHON) -m venv .venv
	.venv/bin/python -m pip install torch==$(TORCH)
	.venv/bin/python -m pip install --require-hashes --no-deps --use-pep517 -r envs/lock.txt
	.venv/bin/python -m pip install --no-deps --no-build-isolation --editable .
	.venv/bin/python scripts/check_lock.py envs/lock.txt
	@echo "Set up in $$(( $$(date +%s) - $(BEGAN) )) s" | tee $@

container: $(IMAGE).sha256

$(IMAGE): containers/codestilts.def containers/install.sh containers/host_paths.py containers/two_steps.py envs/lock.txt pyproject.toml
	@command -v apptainer >/dev/null || { echo "error: make container needs apptainer: install it, or ask your cluster's staff for its module"; exit 1; }
	apptainer build --force $(BUILD) --build-arg BOOTSTRAP=$(BOOTSTRAP) --build-arg BASE=$(BASE) \
		--build-arg TORCH="$(strip torch==$(TORCH) $(TORCH_FROM))" --build-arg VERSION=$$(sed -n 's/^version = "\(.*\)"/\1/p' pyproject.toml) \
		--build-arg COMMIT=$$(git rev-parse --quiet --verify HEAD 2>/dev/null || echo unknown) $(IMAGE).new containers/codestilts.def
	mv $(IMAGE).new $(IMAGE)

# What rules depend on, since Snakemake doesn't look into an image.
$(IMAGE).sha256: $(IMAGE)
	cd containers && sha256sum $(notdir $(IMAGE)) > $(notdir $@)

lock:
	$(PYTHON) -m venv .venv/uv && .venv/uv/bin/python -m pip install uv
	.venv/uv/bin/uv pip compile pyproject.toml --output-file envs/lock.txt
