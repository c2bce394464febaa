# make report   set everything up, run the pocket study, write results/pocket/report.html (STUDY=desk for another one)
# make archive STUDY=pocket      results/pocket.zip: all that it takes to draw the report again (docs/archive.md)
# make report FROM=archive.zip   draw the report of an archive again in redrawn/, without training
# make verify FROM=archive.zip   the same, and compare it with the archive
# make test     set everything up, run the tests
# make bench    measure training, start-up, planning, search and statistics, on a machine that does nothing else
# make calibrate    how often intervals contain the truth in simulated studies (minutes; docs/statistics.md has the table)
# make test-cluster   tests on a real Slurm with real Apptainer; says what is missing and how to get it
# make test-gpu   tests on a real GPU, and its utilisation in training
# make test-page  tests of the report in Chromium; says what is missing (PYTEST="--page results/desk/report.html" for another)
# make screenshots STUDY=pocket   take the screenshots of docs/ from the report of a study
# make rehearse STUDY=paper   run every part of a study once, at tiny scale (COVER=pairs or all for more)
# make plan STUDY=paper       estimate what a study costs, before it runs (PLAN="--gpu H100 --gpus 4" for other GPUs)
# make status STUDY=paper     show the progress of a study: jobs, device hours, failures, what to do next (STATUS="--failures 50")
# make verify STUDY=pocket    compare a study's results with its release in expected/, cell by cell; runs the study if needed
# make release STUDY=pocket   write the release of finished results (docs/verification.md)
# make rounding STUDY=pocket  measure what rounding does to the scores, for the tolerances of a release (half an hour)
# make diff A=results/x B=results/y   two studies, or a study and a release, side by side
# make register STUDY=paper REASON="..."   register a new plan of a study (its first run registers its plan)
# make pins     record the commits and digests that sources.csv lacks: asks the hub, fetches archives once
# make container   build the image that --use-apptainer runs everything in (BUILD="--bind ..." are options of its build)
# make setup    set up the environment in .venv, and nothing else
# make lint     style, format and types (snakemake --lint is among the tests)
# make lock     renew envs/lock.txt after a change of the dependencies in pyproject.toml
# make check-wheels   ask the package index whether every locked package has a wheel for each supported Python

SHELL := bash
# Only the arguments of make matter. It reads no variables of the environment (bash -p reads none either), and programs do
# not see those that would change what they do; src/codestilts/sources/pip_settings.py does the same for pip.
.SHELLFLAGS := -pc
unexport BASH_ENV ENV CDPATH SHELLOPTS BASHOPTS MAKEFLAGS MAKELEVEL MFLAGS
unexport $(filter-out PYTHONUNBUFFERED PYTHONDONTWRITEBYTECODE PYTHONUTF8 PYTHONIOENCODING PYTHONPYCACHEPREFIX, \
	$(filter PYTHON% PYTEST% SNAKEMAKE% MYPY% RUFF%,$(.VARIABLES)))
CORES = all
TORCH := 2.13.0
IMAGE := containers/codestilts.sif
BOOTSTRAP = docker
# python:3.11.14-slim-bookworm; Apptainer takes no tag beside a digest.
BASE = python@sha256:65a93d69fa75478d554f4ad27c85c1e69fa184956261b4301ebaf6dbb0a3543d
# Options of pip that say where torch is installed from: the CPU build is much smaller than the default one with CUDA.
TORCH_FROM =
BUILD =
# The newest supported Python that is installed; looked up once, and only if it is needed.
PYTHON = $(eval PYTHON := $$(shell for name in python3.13 python3.12 python3.11 python3 python; do \
	$$$$name -Ic 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' 2>/dev/null && echo $$$$name && break; \
	done))$(PYTHON)
STUDY = pocket
COVER = each
PLAN =
STATUS =
REASON =
FROM =
ARMS =
A =
B =
PYTEST =
STUDIES := pocket $(basename $(notdir $(wildcard studies/*.yaml)))
CONFIGS := config.yaml $(if $(filter pocket,$(STUDY)),,studies/$(STUDY).yaml)
OVERLAYS := $(filter-out config.yaml,$(CONFIGS))
OVERLAY := results/$(STUDY)-rehearsal/overlay.yaml
PIP := .venv/bin/python -I src/codestilts/sources/pip_settings.py
# The checkout's commit and whether it has changes, for the image's labels.
COMMIT = $(or $(shell $(firstword $(wildcard .venv/bin/python) $(PYTHON) python3) -Ic "import sys; sys.path.insert(0, 'src'); \
	from codestilts.provenance import commit; print(commit())" 2>/dev/null),unknown)
# A text as one word of the shell.
quoted = '$(subst ','\'',$(1))'
REDRAW = python scripts/redraw.py --archive $(call quoted,$(FROM)) --cores $(CORES)
ACTIVATE := source .venv/bin/activate

# The variables that each target takes; all take PYTHON.
TAKES_report := $(if $(value FROM),FROM,STUDY) CORES
TAKES_archive := STUDY
TAKES_rehearse := STUDY COVER CORES
TAKES_plan := STUDY PLAN
TAKES_register := STUDY REASON
TAKES_status := STUDY STATUS
TAKES_verify := $(if $(value FROM),FROM,STUDY) CORES
TAKES_release := STUDY
TAKES_rounding := STUDY ARMS
TAKES_diff := A B
TAKES_test := PYTEST
TAKES_bench := PYTEST
TAKES_calibrate := PYTEST
TAKES_test-cluster := PYTEST
TAKES_test-gpu := PYTEST
TAKES_test-page := PYTEST
TAKES_screenshots := STUDY
TAKES_container := BOOTSTRAP BASE TORCH_FROM BUILD
TAKES_$(IMAGE) := $(TAKES_container)
TAKES_$(IMAGE).sha256 := $(TAKES_container)
# Those that a target does not do without.
NEEDS_diff := A B
GOALS := $(or $(MAKECMDGOALS),report)
LACKING := $(firstword $(foreach goal,$(GOALS),$(foreach name,$(NEEDS_$(goal)),$(if $(value $(name)),,$(goal)))))
TAKEN := PYTHON $(sort $(foreach goal,$(GOALS),$(TAKES_$(goal))))
GIVEN := $(foreach name,$(.VARIABLES),$(if $(filter command,$(firstword $(origin $(name)))),$(name)))
WRONG := $(filter-out $(TAKEN),$(GIVEN))
AMBIENT := $(if $(filter 0,$(MAKELEVEL)),$(findstring =,$(shell echo "$$MAKEFLAGS $$GNUMAKEFLAGS")))$(MAKEFILES)
OTHER_VENV := $(if $(wildcard .venv/ready),$(shell source .venv/bin/activate; [ "$$VIRTUAL_ENV" -ef .venv ] || echo $$VIRTUAL_ENV))
REAL := -Ic 'import os, sys; print(os.path.realpath(sys.executable))'
OTHER_PYTHON := $(if $(filter command,$(firstword $(origin PYTHON))),$(if $(wildcard .venv/ready),$(if $(filter-out lock container,$(GOALS)), \
	$(shell [ "$$($(PYTHON) $(REAL) 2>/dev/null)" = "$$(.venv/bin/python $(REAL))" ] || echo other))))
$(if $(wildcard envs/lock.txt),,$(error error: make runs in the project's own folder: make -C FOLDER))
$(if $(WRONG),$(error error: $(firstword $(WRONG)) means nothing to make $(GOALS), which takes $(TAKEN)))
$(if $(LACKING),$(error error: make $(LACKING) needs $(NEEDS_$(LACKING):%=%=...): the first lines of the Makefile have an example))
$(if $(findstring e,$(firstword -$(MAKEFLAGS))),$(error error: make -e takes variables from the environment: leave it out))
$(if $(AMBIENT),$(error error: MAKEFLAGS or MAKEFILES in the environment say what to make: unset them))
$(if $(filter-out $(STUDIES),$(STUDY))$(filter-out 1,$(words $(STUDY))),$(error error: STUDY=$(STUDY): there is no \
	studies/$(STUDY).yaml: the studies are $(STUDIES)))
$(if $(OTHER_VENV),$(error error: .venv was made as $(OTHER_VENV), whose library is not that of this folder: delete .venv, then make))
$(if $(OTHER_PYTHON),$(error error: PYTHON=$(PYTHON): .venv is there and was made with another Python: delete .venv, then make))

# What follows a $ in these is text.
$(foreach name,REASON FROM ARMS A B PLAN STATUS PYTEST BUILD,$(eval override $(name) := $$(value $(name))))
export REASON

BEGAN := $(shell date +%s)

.PHONY: setup container report archive verify release rounding diff rehearse register pins test bench calibrate test-cluster test-gpu
.PHONY: test-page screenshots plan status lint lock check-wheels
.DEFAULT_GOAL := report

setup: .venv/ready

report: .venv/ready
	$(ACTIVATE) && $(if $(FROM),$(REDRAW),snakemake --cores $(CORES) $(addprefix --configfile ,$(OVERLAYS)))

archive: .venv/ready
	@$(ACTIVATE) && python scripts/archive.py --configs $(CONFIGS)

verify: $(if $(FROM),.venv/ready,expected/$(STUDY)/release.json report)
	@$(ACTIVATE) && $(if $(FROM),$(REDRAW) --verify,python scripts/verify.py --expected expected/$(STUDY) --results results/$(STUDY))

expected/$(STUDY)/release.json:
	@echo "error: there is no release of the study $(STUDY) in expected/: make release STUDY=$(STUDY) writes one"; exit 1

release: .venv/ready
	@$(ACTIVATE) && python scripts/release.py --configs $(CONFIGS) --results results/$(STUDY) --out expected/$(STUDY)

rounding: .venv/ready
	$(ACTIVATE) && python scripts/rounding.py --configs $(CONFIGS) --results results/$(STUDY) $(if $(ARMS),--arms $(foreach arm,$(ARMS),$(call quoted,$(arm))))

diff: .venv/ready
	@$(ACTIVATE) && python scripts/diff.py $(call quoted,$(A)) $(call quoted,$(B))

# HF_ENDPOINT may name another hub.
rehearse: .venv/ready
	$(ACTIVATE) && python scripts/rehearse.py --configs $(CONFIGS) --cover $(COVER) --overlay $(OVERLAY)
	$(ACTIVATE) && snakemake --cores $(CORES) --configfile $(OVERLAYS) $(OVERLAY)
	$(ACTIVATE) && python scripts/rehearse.py --configs $(CONFIGS) --overlay $(OVERLAY) \
		--scores results/$(STUDY)-rehearsal/scores.csv

pins: .venv/ready
	$(ACTIVATE) && python scripts/pins.py

# Two processes, because the workflows that the tests run use two cores themselves.
test: .venv/ready
	$(ACTIVATE) && pytest --numprocesses 2 --dist loadfile --no-loadscope-reorder $(PYTEST)

bench: .venv/ready
	$(ACTIVATE) && pytest tests/benchmarks $(PYTEST)

calibrate: .venv/ready
	$(ACTIVATE) && pytest -m slow tests/slow $(PYTEST)

test-cluster: .venv/ready
	$(ACTIVATE) && pytest tests/integration $(PYTEST)

test-gpu: .venv/ready
	$(ACTIVATE) && pytest tests/gpu $(PYTEST)

test-page: .venv/ready
	$(ACTIVATE) && pytest tests/page $(PYTEST)

screenshots: .venv/ready
	$(ACTIVATE) && python tests/page/screenshots.py --report results/$(STUDY)/report.html --out docs

plan: .venv/ready
	@$(ACTIVATE) && python scripts/plan.py --configs $(CONFIGS) $(PLAN)

status: .venv/ready
	@$(ACTIVATE) && python scripts/status.py --configs $(CONFIGS) $(STATUS)

register: .venv/ready
	@$(ACTIVATE) && python scripts/register.py --configs $(CONFIGS) --reason "$$REASON"

lint: .venv/ready
	$(ACTIVATE) && ruff check . && ruff format --check . && mypy && snakefmt --check Snakefile rules

# Torch separately, in the build that the machine offers; everything else exactly as locked.
.venv/ready: envs/lock.txt pyproject.toml
	@test -n "$(PYTHON)" || { echo "error: Python 3.11, 3.12 or 3.13 is needed: install one, or run make PYTHON=/path/to/python3"; exit 1; }
	$(PYTHON) -m venv .venv
	$(PIP) install torch==$(TORCH)
	$(PIP) install --require-hashes --no-deps --use-pep517 -r envs/lock.txt
	$(PIP) install --no-deps --no-build-isolation --editable .
	.venv/bin/python scripts/check_lock.py envs/lock.txt
	@echo "Set up in $$(( $$(date +%s) - $(BEGAN) )) s" | tee $@

container: $(IMAGE).sha256

$(IMAGE): containers/codestilts.def containers/install.sh containers/host_paths.py containers/two_steps.py envs/lock.txt pyproject.toml
	@command -v apptainer >/dev/null || { echo "error: make container needs apptainer: install it, or ask your cluster's staff for its module"; exit 1; }
	apptainer build --force $(BUILD) --build-arg BOOTSTRAP=$(BOOTSTRAP) --build-arg BASE=$(BASE) \
		--build-arg TORCH="$(strip torch==$(TORCH) $(TORCH_FROM))" --build-arg VERSION=$$(sed -n 's/^version = "\(.*\)"/\1/p' pyproject.toml) \
		--build-arg COMMIT="$(COMMIT)" $(IMAGE).new containers/codestilts.def
	mv $(IMAGE).new $(IMAGE)

# Rules depend on this file, because Snakemake does not look into an image.
$(IMAGE).sha256: $(IMAGE)
	cd containers && sha256sum $(notdir $(IMAGE)) > $(notdir $@)

check-wheels: .venv/ready
	$(ACTIVATE) && python scripts/check_lock.py --wheels envs/lock.txt

lock:
	$(PYTHON) -m venv .venv/uv && .venv/uv/bin/python -I src/codestilts/sources/pip_settings.py install uv
	.venv/uv/bin/uv pip compile pyproject.toml --output-file envs/lock.txt
