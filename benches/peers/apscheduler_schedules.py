"""APScheduler's share of benches/core: the same schedules, the same questions, and rows for benches/bench.py.

APScheduler is what freezer-scheduler evaluates its schedules with.
"""

import json
import os
import time
import tracemalloc
from datetime import datetime, timedelta, timezone

import apscheduler
from apscheduler.triggers.cron import CronTrigger
from zoneinfo import ZoneInfo

WHO = f"APScheduler {apscheduler.version}"
BERLIN = ZoneInfo("Europe/Berlin")
START = datetime(2026, 3, 1, tzinfo=timezone.utc)
SECONDS = 0.2 if os.environ.get("BENCH_SHORT") else 1.0
# benches/core/samples.rs has the same ones.
EVERY = {
    "day_of_week": "0,1,2,3,4,5,6",
    "month": ",".join(map(str, range(1, 13))),
    "day": ",".join(map(str, range(1, 32))),
    "hour": "13",
    "minute": "00",
}
SAMPLES = {
    "daily": {"hour": "2", "minute": "30"},
    "every 15 minutes": {"minute": "*/15"},
    "weekdays at 22:00": {"day_of_week": "mon-fri", "hour": "22"},
    "on the 1st": {"day": "1", "hour": "4"},
    "29 February on a Monday": {"month": "2", "day": "29", "day_of_week": "mon", "hour": "2"},
}


def row(work, value):
    print(json.dumps({"work": work, "who": WHO, "value": value}), flush=True)


def nanoseconds(do):
    """The best of five rounds, each of a fifth of SECONDS: per call."""
    best = float("inf")
    for _ in range(5):
        calls, start = 0, time.perf_counter_ns()
        end = start + int(SECONDS / 5 * 1e9)
        while (now := time.perf_counter_ns()) < end or not calls:
            do()
            calls += 1
        best = min(best, (now - start) / calls)
    return best


def next_due(fields):
    trigger = CronTrigger(**fields, timezone=BERLIN)
    asked = [START]
    while len(asked) < 12 or (asked[-1] - START < timedelta(days=366) and len(asked) < 1000):
        asked.append(trigger.get_next_fire_time(asked[-1], asked[-1] + timedelta(seconds=1)))
    state = [0]

    def ask():
        at = state[0] = (state[0] + 1) % len(asked)
        trigger.get_next_fire_time(asked[at], asked[at])

    return nanoseconds(ask)


def size(fields):
    tracemalloc.start()
    before, _ = tracemalloc.get_traced_memory()
    kept = [CronTrigger(**fields, timezone=BERLIN) for _ in range(2000)]
    after, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    return (after - before) / len(kept)


for name, fields in SAMPLES.items():
    row(f"next due: {name}", next_due(fields))
for name, fields in {"every value listed": EVERY, "daily": SAMPLES["daily"]}.items():
    row(f"compile: {name}", nanoseconds(lambda: CronTrigger(**fields, timezone=BERLIN)))
    row(f"size of a compiled schedule: {name}", size(fields))
