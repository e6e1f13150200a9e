# Copyright (c) 2026 The Dockyard authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# The front door. What the targets do is in noxfile.py; their environment is made on first use.
NOX = @tests/environment/run nox --error-on-missing-interpreters -s

.DEFAULT_GOAL = help
.PHONY: help demo demo-clean test lint sanity unit integration scenario faults bench docs release-check format

help: ## Show this list
	@awk -F ' *## *' '/^[a-z-]+: *##/ {sub(":", "", $$1); printf "  make %-50s %s\n", $$1 (NF > 2 ? " " $$2 : ""), $$NF}' $(MAKEFILE_LIST)

demo: ## NAME=topology|databases|stack ## From nothing to a trusted registry on a disposable host, proven; or a network report; or an upgrade under writers; or a stack on three hosts
	$(NOX) demo -- $(NAME) $(BASELINE)

demo-clean: ## Remove everything that the demo put on this machine
	$(NOX) demo_clean

test: ## STEP="style unit" ONLY="images harbor" WITHOUT=engine29 ## Every check and test, or only some; ONLY names scenarios, WITHOUT parts
	$(NOX) test -- $(if $(ONLY),--only "$(ONLY)") $(if $(WITHOUT),--without "$(WITHOUT)") $(if $(AGAINST),--against "$(AGAINST)") $(STEP)

lint: ## Words, format, style, types, licences, documentation, roles' specifications
	$(NOX) lint words style types license-check extra-checks docs-check docs_lint ansible_lint roles changelog

format: ## Let the formatters have their way
	$(NOX) reformat

sanity: ## NAME=plugins/… ## ansible-test sanity, of everything or of one file
	$(NOX) sanity -- $(NAME)

unit: ## NAME=tests/unit/… ## Unit tests, all or some
	$(NOX) unit -- $(NAME)

integration: ## NAME=docker_certs SUITE=trixie ## The modules' tests on a real host, of all modules or of one
	$(NOX) integration -- $(NAME) $(SUITE)

scenario: ## NAME=registry SUITE=trixie ## One molecule scenario
	$(NOX) scenario -- $(NAME) $(SUITE)

faults: ## NAME=daemon|daemon-files|daemon-random|data|harbor|images|registry|stack|wiring SUITE="trixie sid" ## Inject faults for real and print which of them held
	$(NOX) faults -- $(NAME) $(SUITE)

bench: ## NAME="htpasswd certs" ## Measure against peers, write docs/performance.md
	$(NOX) bench -- $(NAME)

docs: ## Build the documentation into docs/_build
	$(NOX) docs

release-check: ## What must hold before a version is published
	$(NOX) release_check
