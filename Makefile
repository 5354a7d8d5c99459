# Two commands do everything: `make` and `make test`. No root needed; PDFs need pdflatex, all else goes without.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
DEV := $(VENV)/.dev
OUT ?= build/solutions

.PHONY: all solutions test test-all lint format bench docs wheel clean

all: solutions

$(READY): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "derive needs Python 3.11 or newer; run: make PYTHON=/path/to/python3.11"; exit 1; }
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[torch,experiments,batch,test]'
	@touch $@

$(DEV): $(READY)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[dev]'
	@touch $@

solutions: $(READY)
	@command -v pdflatex >/dev/null || echo "pdflatex is not installed: all but the PDFs will be built (Debian: apt-get install texlive-latex-recommended texlive-pictures lmodern)"
	$(BIN)/derive solve --all -o $(OUT)

test: $(READY)
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -m "not slow" -n auto --dist worksteal

test-all: $(READY)
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n auto --dist worksteal

lint: $(DEV)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

format: $(DEV)
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

# ratios to a peer in the same run; prints the table that docs/benchmarks.md holds
bench: $(DEV)
	$(BIN)/python tests/benchmarks/scalar_gradients.py

docs: $(READY)
	@echo "the documentation is plain Markdown for now: README.md and docs/"; ls docs

wheel: $(READY)
	$(BIN)/python -m pip install --quiet build
	$(BIN)/python -m build --outdir dist

clean:
	rm -rf build dist $(VENV)
