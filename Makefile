.DEFAULT_GOAL := help
.PHONY: help run test lint bench bench-full sbom clean

help: ## list the targets
	@sed -n 's/^\([a-z]*\): .*## /\1\t/p' $(MAKEFILE_LIST) | expand -t 8

run: ## build what is missing and serve; ARGS="…" goes to the server; Ctrl-C ends it
	@scripts/run $(ARGS)

# setpriv: a make that is killed outright takes the run and its services with it.
test: ## every test, on private services; REQUIRE_SERVICES=1 fails if one is missing
	@setpriv --pdeathsig TERM scripts/with-services scripts/test

lint: ## format, clippy, docs, dependencies, file sizes, shell and browser scripts, deployment files
	@scripts/lint

# The load has the last core, the servers have the first.
bench: ## measure for some minutes, beside peers; ARGS="…" goes to the load generator
	@scripts/bench $(ARGS)

bench-full: ## the same with every scenario and more runs, into docs/performance.md
	@scripts/bench --publish full

sbom: ## what the server is built from, as CycloneDX JSON in target/sbom
	@scripts/sbom

clean: ## remove what was built (not ./data)
	@cargo clean
