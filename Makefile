# Two commands do everything: `make` and `make test`. No root needed; PDFs need pdflatex, all else goes without.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
DEV := $(VENV)/.dev
DOCS := $(VENV)/.docs
OUT ?= build/solutions

.PHONY: all solutions test test-all lint format bench experiments docs wheel clean

all: solutions

$(READY): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "derive needs Python 3.11 or newer; run: make PYTHON=/path/to/python3.11"; exit 1; }
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[torch,experiments,batch,test]'
	@touch $@

$(DEV): $(READY)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[dev]'
	@touch $@

$(DOCS): $(READY)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[docs]'
	@touch $@

solutions: $(READY)
	@command -v pdflatex >/dev/null || echo "pdflatex is not installed: all but the PDFs will be built (Debian: apt-get install texlive-latex-recommended texlive-pictures lmodern)"
	$(BIN)/derive solve --all -o $(OUT)

test: $(READY)
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -m "not slow" -n auto --dist worksteal

test-all: $(READY)
	DERIVE_THOROUGH=1 OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n auto --dist worksteal

lint: $(DEV)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

format: $(DEV)
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

# ratios to a peer in the same run; prints the tables that docs/benchmarks.md holds
bench: $(DEV)
	$(BIN)/python tests/benchmarks/scalar_gradients.py
	$(BIN)/python tests/benchmarks/index_gradients.py
	OMP_NUM_THREADS=1 $(BIN)/python tests/benchmarks/network_step.py
	$(BIN)/python tests/benchmarks/numpy_step.py

# the full runs on real data behind docs/results.md, in build/experiments; DERIVE_DATA names a folder that has the data,
# else they are downloaded once. What is finished is not run again, and what was interrupted goes on where it stood.
RUNS ?= build/experiments
resume = $(if $(wildcard $(@D)/config.json),--resume)
TRAIN = OMP_NUM_THREADS=1 $(BIN)/derive train
EXPERIMENTS := $(foreach run,mnist mnist64 cats selection variants vgg16 vgg16-regularised,$(RUNS)/$(run)/summary.md)

experiments: $(EXPERIMENTS) $(RUNS)/fashion.md $(RUNS)/digits.md

$(RUNS)/mnist/summary.md: | $(READY)
	$(TRAIN) mlp --data mnist --layers 512,256 --optimizer adam --lr 1e-3 --batch 100 -o $(@D) $(resume)

$(RUNS)/mnist64/summary.md: | $(READY)
	$(TRAIN) mlp --data mnist --layers 512,256 --optimizer adam --lr 1e-3 --batch 100 --dtype float64 -o $(@D) $(resume)

$(RUNS)/cats/summary.md: | $(READY)
	$(TRAIN) mlp --data cifar10:cat,automobile --layers 128,32 --lr 0.01 --momentum 0.9 --dtype float64 -o $(@D) $(resume)

$(RUNS)/selection/summary.md: | $(READY)
	OMP_NUM_THREADS=1 $(BIN)/python -m derive.experiments.selection -o $(@D)

$(RUNS)/fashion/summary.md: | $(READY)
	$(TRAIN) cnn --data fashion-mnist --layers 16,32 --optimizer adam --epochs 8 --check-every 100 --dtype float64 -o $(@D) $(resume)

$(RUNS)/fashion.md: $(RUNS)/fashion/summary.md
	OMP_NUM_THREADS=1 $(BIN)/derive gradcam --run $(<D) -o $(RUNS)/fashion.png --force

$(RUNS)/digits/summary.md: | $(READY)
	$(TRAIN) cnn --data mnist --layers 16,32 --optimizer adam --epochs 3 --check-every 100 --dtype float64 -o $(@D) $(resume)

$(RUNS)/digits.md: $(RUNS)/digits/summary.md
	OMP_NUM_THREADS=1 $(BIN)/derive gradcam --run $(<D) -o $(RUNS)/digits.png --force

$(RUNS)/variants/summary.md: | $(READY)
	OMP_NUM_THREADS=1 $(BIN)/derive explore --data mnist --layers 32 --layers 128 --layers 256 --layers 128,64 --layers 256,128 \
	  --lr 0.3,0.1,0.03 --batch 64 --epochs 10 --dtype float64 -o $(@D)

$(RUNS)/vgg16/summary.md: | $(READY)
	$(TRAIN) vgg16 --data cifar10 -o $(@D) $(resume)

$(RUNS)/vgg16-regularised/summary.md: | $(READY)
	$(TRAIN) vgg16 --data cifar10 --dropout --batchnorm -o $(@D) $(resume)

# the documentation site, in build/docs; pages that have not changed are not written again, scripts not run again
docs: $(DOCS)
	$(BIN)/python -m sphinx -q -W --keep-going -b html docs build/docs
	@echo "the documentation is in build/docs/index.html"

wheel: $(READY)
	$(BIN)/python -m pip install --quiet build
	$(BIN)/python -m build --outdir dist

clean:
	rm -rf build dist docs/gallery $(VENV)
