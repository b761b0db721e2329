"""freezer-scheduler's share of benches/scale: what it takes with so many plans, and how soon it starts a thousand agents.

It runs as it comes, from a folder of documents (`--no-api`): so it needs no services, and polls nothing after its start.
Its agent notes by a file when it was started, which `/bin/true`, freezerd's agent in this row, does not. Rows for
benches/bench.py.
"""

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from datetime import datetime, timedelta, timezone
from pathlib import Path

from poll import plan

SHORT = bool(os.environ.get("BENCH_SHORT"))
WHO = "freezer-scheduler 19.0.0"
AT_ONCE = 64
PATIENCE = 900


def row(work, size, value):
    print(json.dumps({"work": work, "who": WHO, "size": size, "value": value}), flush=True)


class Scheduler:
    """freezer-scheduler on so many plans with these schedules."""

    def __init__(self, folder, count, schedule):
        self.notes = folder / "notes"
        jobs, bin_ = folder / "jobs", folder / "bin"
        for one in (self.notes, jobs, bin_):
            one.mkdir()
        agent = bin_ / "freezer-agent"
        agent.write_text(f"#!/bin/sh\n: >'{self.notes}'/$$\n")
        agent.chmod(0o755)
        for number in range(count):
            document = plan(number, 0)
            # It dies without an event.
            document["job_schedule"] = {**schedule, "event": "start", "status": ""}
            (jobs / f"job_{number}.conf").write_text(json.dumps(document))
        conf = folder / "scheduler.conf"
        conf.write_text(
            f"[DEFAULT]\nlog_file = {folder}/log\nuse_stderr = false\n[scheduler]\nclient_id = node-1\njobs_dir = {jobs}\n"
            f"concurrent_jobs = {AT_ONCE}\nno_daemon = true\nno_api = true\n"
        )
        program = Path(sys.executable).with_name("freezer-scheduler")
        environment = {**os.environ, "PATH": f"{bin_}:{os.environ['PATH']}", "PYTHONWARNINGS": "ignore"}
        self.child = subprocess.Popen(
            [program, "--config-file", conf, "start"],
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )

    def proc(self, file):
        return Path(f"/proc/{self.child.pid}/{file}").read_text()

    def await_idle(self):
        """Until it has used no processor time for three seconds: it has taken all plans up."""
        used, quiet = -1, 0
        end = time.monotonic() + PATIENCE
        while quiet < 3:
            time.sleep(1)
            if self.child.poll() is not None or time.monotonic() > end:
                raise SystemExit("freezer-scheduler does not come to rest")
            fields = self.proc("stat").rsplit(") ", 1)[1].split()
            now = int(fields[11]) + int(fields[12])
            # Hundredths of a second.
            quiet = quiet + 1 if used >= 0 and now - used <= 2 else 0
            used = now

    def resident(self):
        line = next(line for line in self.proc("status").splitlines() if line.startswith("VmRSS:"))
        return int(line.split()[1]) * 1024

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.child.send_signal(signal.SIGKILL)
        self.child.wait()


def memory(count):
    with tempfile.TemporaryDirectory() as folder:
        # Two hours of a day in a year to come: none is due.
        with Scheduler(Path(folder), count, {"schedule_year": "2099", "schedule_hour": "3"}) as scheduler:
            scheduler.await_idle()
            row("resident memory, polled twice", count, scheduler.resident())


def launches(count):
    with tempfile.TemporaryDirectory() as folder:
        due = (datetime.now(timezone.utc) + timedelta(seconds=30)).replace(microsecond=0)
        schedule = {"schedule_date": due.strftime("%Y-%m-%dT%H:%M:%SZ")}
        with Scheduler(Path(folder), count, schedule) as scheduler:
            scheduler.await_idle()
            if datetime.now(timezone.utc) >= due:
                raise SystemExit("it was due before freezer-scheduler was ready")
            end = time.monotonic() + PATIENCE
            while len(os.listdir(scheduler.notes)) < count:
                if scheduler.child.poll() is not None or time.monotonic() > end:
                    raise SystemExit(f"{len(os.listdir(scheduler.notes))} of {count} agents were started")
                time.sleep(1)
            started = sorted(entry.stat().st_mtime_ns for entry in os.scandir(scheduler.notes))
    late = [at - int(due.timestamp()) * 10**9 for at in started]
    row("a thousand due at once: the first agent starts", count, late[0])
    row("a thousand due at once: the median agent starts", count, late[count // 2])
    row("a thousand due at once: agents started", count, count * 1e9 / (late[-1] - late[0]))


# A hundred thousand keep it busy for more than ten minutes before it has taken them up.
for size in (1000,) if SHORT else (1000, 10_000):
    memory(size)
launches(1000)
