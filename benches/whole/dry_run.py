"""`freezerd dry-run` of many plans over 30 days to JSON: how many runs a second, when the first line comes, and the
peak of its memory. Rows for benches/bench.py.
"""

import json
import os
import re
import statistics
import subprocess
import tempfile
import time

FREEZERD = os.environ["FREEZERD"]
SIZES = (1000, 10_000) if os.environ.get("BENCH_SHORT") else (1000, 10_000, 100_000)
# Each is a second at most; the medians are told.
TIMES = 5
WORK = "dry-run of 30 days to JSON"


def plan(number, schedule):
    """A plan as a panel makes it: about 700 bytes."""
    return {
        "job_id": f"{number:032x}",
        "client_id": "node-17",
        "project_id": f"{number % 500:032x}",
        "user_id": "5d7b1e2c9a3f4b6d8e0f1a2b3c4d5e6f",
        "description": f"backup of server {number}",
        "job_schedule": {
            "schedule_day_of_week": "0,1,2,3,4,5,6",
            "schedule_month": "1,2,3,4,5,6,7,8,9,10,11,12",
            **schedule,
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


def at_some_minute(number):
    """Of 120; so plans have their schedules in common, as most have."""
    return {"schedule_hour": str(number * 7 % 24), "schedule_minute": str(number * 13 % 60)}


def at_its_second(number):
    """Of all that a day has, then of all but Sundays: no plan has its schedule in common with another."""
    return {
        "schedule_hour": str(number // 3600 % 24),
        "schedule_minute": str(number // 60 % 60),
        "schedule_second": str(number % 60),
        "schedule_day_of_week": "0,1,2,3,4,5,6" if number < 86_400 else "0,1,2,3,4,5",
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
    return {
        "runs": int(runs[1]) / (took / 1e9),
        "first line": first - began,
        # Without the reading of the listing, which the first line waits for.
        "runs, once it is read": int(runs[1]) / ((took - (first - began)) / 1e9),
        "peak memory": usage.ru_maxrss * 1024,
    }


def measure_all(work, size, schedule):
    with tempfile.NamedTemporaryFile("w", suffix=".json") as listing:
        # One by one: the peak that is told of a process is at least that of who started it.
        for number in range(size):
            listing.write(', ' if number else '{"jobs": [')
            json.dump(plan(number, schedule(number)), listing)
        listing.write("]}")
        listing.flush()
        measured = [measure(size, listing.name) for _ in range(TIMES)]
    for what in measured[0]:
        value = statistics.median(one[what] for one in measured)
        print(json.dumps({"work": f"{work}: {what}", "who": "freezerd", "size": size, "value": value}), flush=True)


for size in SIZES:
    measure_all(WORK, size, at_some_minute)
measure_all(f"{WORK}, no two plans alike", SIZES[-1], at_its_second)
