# Two commands for a fresh clone: `make demo` and `make test`. Both do their own set-up.
.PHONY: demo test check fmt

# Builds freezerd and runs it on a sample folder until Ctrl-C (or for DEMO_FOR seconds).
demo:
	@scripts/demo

# Everything; scripts/test says in which order and why.
test:
	@scripts/test

# The quick part of `make test`: formats, house rules, dependencies, lints. Seconds once it is built.
check:
	@scripts/test check

fmt:
	cargo fmt
