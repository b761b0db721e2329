"""A second in which one plan of ten is due, by APScheduler: what it takes to hand them over and to schedule them anew.

Its jobs are in its own store, in memory, as freezer-scheduler has them; its executor does nothing. Rows for benches/bench.py.
"""

import json
import logging
import os
import time
from datetime import datetime, timedelta, timezone

import apscheduler
from apscheduler.executors.base import BaseExecutor
from apscheduler.schedulers.base import STATE_RUNNING
from apscheduler.schedulers.background import BackgroundScheduler
from apscheduler.triggers.cron import CronTrigger

SIZES = (1000,) if os.environ.get("BENCH_SHORT") else (1000, 10_000)
logging.disable(logging.CRITICAL)


class Nothing(BaseExecutor):
    handed = 0

    def _do_submit_job(self, job, run_times):
        self.handed += 1
        self._run_job_success(job.id, [])


def due_at_once(count):
    executor = Nothing()
    scheduler = BackgroundScheduler(executors={"default": executor}, timezone=timezone.utc)
    scheduler.start(paused=True)
    now = datetime.now(timezone.utc)
    due, others = now - timedelta(seconds=1), now + timedelta(hours=12)
    for number in range(count):
        at = due if number % 10 == 0 else others
        trigger = CronTrigger(hour=at.hour, minute=at.minute, second=at.second, timezone=timezone.utc)
        scheduler.add_job(print, trigger, next_run_time=at, misfire_grace_time=3600)
    # Its thread sleeps until it is woken: this one does its work.
    scheduler.state = STATE_RUNNING
    began = time.perf_counter_ns()
    scheduler._process_jobs()
    took = time.perf_counter_ns() - began
    scheduler.shutdown(wait=False)
    if executor.handed != count // 10:
        raise SystemExit(f"{executor.handed} of {count // 10} were handed over")
    return took


for size in SIZES:
    who = f"APScheduler {apscheduler.version}"
    work = "one of ten due at once, skipped: decide and reschedule"
    print(json.dumps({"work": work, "who": who, "size": size, "value": due_at_once(size)}), flush=True)
