"""`freezerd dry-run` of many plans over 30 days to JSON: how many runs a second, when the first line comes, and the
peak of its memory. Rows for benches/bench.py.
"""

import json
import os
import re
import subprocess
import tempfile
import time

FREEZERD = os.environ["FREEZERD"]
SIZES = (1000, 10_000) if os.environ.get("BENCH_SHORT") else (1000, 10_000, 100_000)
WORK = "dry-run of 30 days to JSON"


def row(what, size, value):
    print(json.dumps({"work": f"{WORK}: {what}", "who": "freezerd", "size": size, "value": value}), flush=True)


def plan(number):
    """A plan as a panel makes it, daily at some minute: about a kilobyte."""
    return {
        "job_id": f"{number:032x}",
        "client_id": "node-17",
        "project_id": f"{number % 500:032x}",
        "user_id": "5d7b1e2c9a3f4b6d8e0f1a2b3c4d5e6f",
        "description": f"backup of server {number}",
        "job_schedule": {
            "schedule_hour": str(number * 7 % 24),
            "schedule_minute": str(number * 13 % 60),
            "schedule_day_of_week": "0,1,2,3,4,5,6",
            "schedule_month": "1,2,3,4,5,6,7,8,9,10,11,12",
            "status": "scheduled",
        },
        "job_actions": [
            {
                "max_retries": 5,
                "max_retries_interval": 6,
                "freezer_action": {
                    "action": "backup",
                    "mode": "cindernative",
                    "backup_name": f"server-{number}",
                    "storage": "swift",
                    "container": f"backups-of-{number % 500}",
                    "engine_name": "tar",
                    "path_to_backup": "/srv/data",
                    "cinder_vol_id": f"{number:032x}",
                },
            }
        ],
    }


def measure(size, listing):
    command = [FREEZERD, "--config", "tests/cli/empty.toml", "dry-run", "--jobs", listing, "--format", "json"]
    command += ["--from", "2026-03-10T00:00:00Z", "--for", "30d", "--timezone", "Europe/Berlin"]
    began = time.perf_counter_ns()
    with tempfile.TemporaryFile() as said:
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=said)
        first, pipe, seen = None, process.stdout.fileno(), b""
        while chunk := os.read(pipe, 1 << 20):
            if first is None:
                seen += chunk
                first = time.perf_counter_ns() if b'"due"' in seen else None
        _, status, usage = os.wait4(process.pid, 0)
        took = time.perf_counter_ns() - began
        process.returncode = os.waitstatus_to_exitcode(status)
        said.seek(0)
        runs = re.search(rb"(\d+) runs from", said.read())
    if process.returncode or not runs or first is None:
        raise SystemExit(f"dry-run of {size} plans failed: {process.returncode}")
    row("runs", size, int(runs[1]) / (took / 1e9))
    row("first line", size, first - began)
    # Without the reading of the listing, which the first line waits for.
    row("runs, once it is read", size, int(runs[1]) / ((took - (first - began)) / 1e9))
    row("peak memory", size, usage.ru_maxrss * 1024)


for size in SIZES:
    with tempfile.NamedTemporaryFile("w", suffix=".json") as listing:
        json.dump({"jobs": [plan(number) for number in range(size)]}, listing)
        listing.flush()
        measure(size, listing.name)
