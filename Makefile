# Two commands for a fresh clone: `make demo` and `make test`. Both do their own set-up.
.PHONY: release demo test bench check fmt install soak

RELEASE = $(or $(CARGO_TARGET_DIR),target)/release/freezerd
release:
	cargo build --release --locked
	@# The tests kill freezerd at places that no program which ships knows of.
	! grep -q FAILPOINT $(RELEASE)

# Builds freezerd and runs it on a sample folder until Ctrl-C (or for DEMO_FOR seconds).
demo:
	@scripts/demo

# Everything; scripts/test says in which order and why.
test:
	@scripts/test

# Lives of the simulator with fresh seeds (or from FREEZERD_SIM_FIRST on), until one fails (or for FREEZERD_SOAK_FOR seconds).
soak:
	@scripts/sim soak --ignored

# The quick part of `make test`: formats, house rules, dependencies, lints. Seconds once it is built.
check:
	@scripts/test check

# Measures freezerd beside its peers and writes BENCHMARKS.md; BENCH="--short" for a rougher look.
bench:
	@scripts/bench $(BENCH)

fmt:
	cargo fmt

PREFIX ?= /usr
UNITS = /usr/lib/systemd/system
DOC = $(PREFIX)/share/doc/freezerd
# The version of systemd that the service will run under; this machine's, if nobody says.
SYSTEMD ?= $(or $(shell systemctl --version 2>/dev/null | sed -n '1s/^systemd \([0-9]*\).*/\1/p'),253)
$(RELEASE):
	cargo build --release --locked

# Installs freezerd as a systemd service, below DESTDIR if that is given. Starts nothing. (Built before by `make`, so
# that this needs root and no cargo.)
install: $(RELEASE)
	install -D -m 0755 $(RELEASE) $(DESTDIR)$(PREFIX)/bin/freezerd
	install -D -m 0644 systemd/freezerd.service $(DESTDIR)$(UNITS)/freezerd.service
	install -D -m 0644 systemd/freezerd-runs.slice $(DESTDIR)$(UNITS)/freezerd-runs.slice
	install -D -m 0644 systemd/freezerd-run.conf $(DESTDIR)$(UNITS)/freezerd-run-.service.d/10-freezerd.conf
	sed -i 's|/usr/bin/freezerd|$(PREFIX)/bin/freezerd|; s|/usr/share/doc/freezerd|$(DOC)|' \
		$(DESTDIR)$(UNITS)/freezerd.service
	@# Later ones reload by Type=notify-reload, and would be told twice.
	if [ "$(SYSTEMD)" -lt 253 ]; then \
		install -D -m 0644 systemd/freezerd-before-systemd-253.conf \
			$(DESTDIR)$(UNITS)/freezerd.service.d/10-reload.conf; \
	fi
	install -D -m 0644 systemd/freezerd.sysusers $(DESTDIR)/usr/lib/sysusers.d/freezerd.conf
	install -D -m 0644 systemd/freezerd.tmpfiles $(DESTDIR)/usr/lib/tmpfiles.d/freezerd.conf
	@# What only some want: README says who.
	for file in launcher-process.conf own-user.conf 50-freezerd.rules shadow.conf; do \
		install -D -m 0644 systemd/$$file $(DESTDIR)$(DOC)/$$file || exit; \
	done
	sed -i 's|/usr/bin/freezerd|$(PREFIX)/bin/freezerd|' $(DESTDIR)$(DOC)/shadow.conf
	install -D -m 0644 config/prometheus-rules.yml $(DESTDIR)$(DOC)/prometheus-rules.yml
	install -D -m 0644 config/freezerd.toml $(DESTDIR)$(DOC)/freezerd.toml
	for file in README.md SECURITY.md CHANGELOG.md LICENSE; do \
		install -D -m 0644 $$file $(DESTDIR)$(DOC)/$$file || exit; \
	done
