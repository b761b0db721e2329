"""What a poll costs a scheduler in Python at the very least: json.loads of every page, and a look at each document for
whether it is as it was. Rows for benches/bench.py.
"""

import json
import os
import time

SIZES = (1000, 10_000) if os.environ.get("BENCH_SHORT") else (1000, 10_000, 100_000)
PAGE = 500


def plan(number, edition):
    """As benches/scale/documents.rs has them."""
    return {
        "job_id": f"{number:032x}",
        "project_id": f"{number % 1000:032x}",
        "user_id": "d1899d7f32d64b1bb95e262e7a6a4bc2",
        "client_id": "node-1",
        "description": f"nightly of vm-{number}, {edition if number % 100 == 0 else 0}",
        "created_at": "2026-01-05T09:51:10",
        "updated_at": "2026-02-05T09:52:58",
        "job_schedule": {
            "schedule_hour": str(number % 24),
            "schedule_minute": str(number % 60),
            "status": "scheduled",
            "result": "",
            "event": "",
            "time_created": 1767606670,
            "time_started": -1,
            "time_ended": -1,
        },
        "session_id": "",
        "session_tag": 0,
        "job_actions": [
            {
                "action_id": "b9dc9e548b914b80a06d752342828371",
                "max_retries": 3,
                "max_retries_interval": 60,
                "mandatory": False,
                "freezer_action": {
                    "action": "backup",
                    "mode": "cinder",
                    "storage": "swift",
                    "container": f"backups-{number}",
                    "backup_name": f"vm-{number}",
                    "cinder_vol_id": f"{number:032x}",
                    "remove_older_than": "30",
                    "max_level": 6,
                },
            }
        ],
    }


def pages(count, edition):
    return [
        json.dumps({"jobs": [plan(number, edition) for number in range(start, min(start + PAGE, count))]})
        for start in range(0, count, PAGE)
    ]


def poll(known, texts):
    changed = 0
    for text in texts:
        for job in json.loads(text)["jobs"]:
            if known.get(job["job_id"]) != job:
                known[job["job_id"]] = job
                changed += 1
    return changed


def main():
    for size in SIZES:
        known = {}
        poll(known, pages(size, 0))
        texts = pages(size, 1)
        began = time.perf_counter_ns()
        changed = poll(known, texts)
        took = time.perf_counter_ns() - began
        if changed != size // 100:
            raise SystemExit(f"{changed} of {size} changed")
        work = "a poll, 1 % changed, until the planner is up to date"
        print(json.dumps({"work": work, "who": "Python, json.loads and ==", "size": size, "value": took}), flush=True)


if __name__ == "__main__":
    main()
