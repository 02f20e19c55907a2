# The two commands that a new user needs: `make demo` and `make test`.
.PHONY: all test
all:
	cargo build --release --workspace
test:
	cargo test --workspace
