# The recipes are one line each; what they do stands in scripts/ and docker/.
.DEFAULT_GOAL := help
.NOTPARALLEL:
.PHONY: help run build fmt lint unit sdk-test test test-all s3-test docker-check bench setup clean

help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-13s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

run: ## build the server (release) and start it on http://127.0.0.1:8080
	@scripts/setup build
	cargo run --release --locked

build: ## build the release binary, target/release/openccm
	@scripts/setup build
	cargo build --release --locked

fmt: ## format all Rust code
	cargo fmt --all

lint: ## check the format, then clippy with warnings as errors
	@scripts/setup build
	cargo fmt --all --check
	cargo clippy --workspace --all-targets --locked -- -D warnings

unit: ## Rust tests, on SQLite and a PostgreSQL of their own, with the ACME server Pebble
	@scripts/setup test
	scripts/pebble scripts/postgres cargo test --workspace --locked

sdk-test: ## tests with the official Python SDK against the real binary
	@scripts/setup test
	scripts/postgres scripts/sdk-test

test: lint unit sdk-test ## all of the above: what must pass before a change lands

s3-test: ## buckets in a real S3-compatible service (Ceph's radosgw): its own tests, and the SDK's of revocation
	@scripts/setup test-all
	scripts/radosgw cargo test -p openccm-service --test buckets --locked
	scripts/radosgw scripts/sdk-test -k "revocation or publication or promptness or restore"

docker-check: ## deploy docker/compose.yaml for real, use it, take it down
	@scripts/setup test
	docker/check

test-all: test s3-test docker-check bench ## test, and what takes longer: Ceph, the deployment, a million revocations

bench: ## how fast it is, on SQLite and PostgreSQL, up to a million revoked certificates
	@scripts/setup test
	scripts/postgres cargo bench --workspace --locked --bench '*'

setup: ## install what the other targets need, without running them
	@scripts/setup test

clean: ## delete what was built (never data/)
	cargo clean
	rm -rf .venv
