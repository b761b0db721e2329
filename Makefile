# Two commands for a fresh clone: `make demo` and `make test`. Both do their own set-up.
.PHONY: demo test check fmt install

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

# Installs freezerd as a systemd service, below DESTDIR if that is given. Starts nothing.
PREFIX ?= /usr
RELEASE = $(or $(CARGO_TARGET_DIR),target)/release/freezerd
install:
	cargo build --release --locked
	install -D -m 0755 $(RELEASE) $(DESTDIR)$(PREFIX)/bin/freezerd
	install -D -m 0644 systemd/freezerd.service $(DESTDIR)/usr/lib/systemd/system/freezerd.service
	install -D -m 0644 systemd/freezerd-before-systemd-253.conf \
		$(DESTDIR)/usr/lib/systemd/system/freezerd.service.d/10-reload.conf
	install -D -m 0644 systemd/freezerd.sysusers $(DESTDIR)/usr/lib/sysusers.d/freezerd.conf
	install -D -m 0644 systemd/freezerd.tmpfiles $(DESTDIR)/usr/lib/tmpfiles.d/freezerd.conf
	install -D -m 0644 config/prometheus-rules.yml $(DESTDIR)$(PREFIX)/share/doc/freezerd/prometheus-rules.yml
	install -D -m 0644 config/freezerd.toml $(DESTDIR)$(PREFIX)/share/doc/freezerd/freezerd.toml
	install -D -m 0644 README.md $(DESTDIR)$(PREFIX)/share/doc/freezerd/README.md
