"""Reads what freezerd wrote as freezer-agent does, and compares it with what freezer-scheduler would write.

Standard input: one JSON object a line, {"action": {...}, "ini": text or null (refused)}. The first case that is
wrong is printed, and the exit code is 1.
"""

import ast
import configparser
import io
import json
import re
import sys
import unicodedata


def upstream_writes(action):
    """As freezer.scheduler.scheduler_job.Job.save_action_to_file."""
    parser = configparser.ConfigParser()
    parser.add_section("action")
    for key, value in action.items():
        if value is not None:
            parser.set("action", key, str(value))
    out = io.StringIO()
    parser.write(out)
    return out.getvalue()


def agent_reads(text):
    """As freezer.utils.config.Config.parse, before it turns words into booleans.

    What `parser.read` does with an opened file; the wrapper is what `open` gives, universal newlines and all.
    """
    parser = configparser.ConfigParser()
    parser.read_file(io.TextIOWrapper(io.BytesIO(text.encode("utf-8")), encoding="utf-8"))
    return {
        section: {option: parser.get(section, option) for option in parser.options(section)}
        for section in parser.sections()
    }


def refusal_is_due(action):
    kept = {key: value for key, value in action.items() if value is not None}
    if any(not re.fullmatch(r"[A-Za-z0-9_.-]+", key) for key in kept):
        return True
    if len({key.lower() for key in kept}) < len(kept):
        return True
    return any(
        isinstance(value, str)
        and (
            value != value.strip()
            or any(char != "\t" and unicodedata.category(char) in ("Cc", "Zl", "Zp") for char in value)
        )
        for value in kept.values()
    )


def same(read, value):
    wanted = str(value)
    if read == wanted or isinstance(value, str):
        return read == wanted
    # A character that is in a newer Unicode only: shown by one side, escaped by the other.
    return any(unicodedata.category(char) == "Cn" for char in read) and ast.literal_eval(read) == value


def problem(case):
    action, ini = case["action"], case["ini"]
    if ini is None or refusal_is_due(action):
        return None if ini is None and refusal_is_due(action) else "refused though it could be written, or not refused"
    read = agent_reads(ini)
    kept = {key.lower(): value for key, value in action.items() if value is not None}
    if list(read) != ["action"] or list(read["action"]) != list(kept):
        return f"the agent sees other sections or options: {read}"
    for key, value in kept.items():
        if not same(read["action"][key], value):
            return f"{key}: the agent reads {read['action'][key]!r} for {str(value)!r}"
    plain = not any("%" in str(value) or not str(value).isprintable() for value in kept.values())
    if plain and "\\" not in ini and ini != upstream_writes(action):
        return f"not as freezer-scheduler writes it: {ini!r}"
    return None


def main():
    cases = refused = 0
    for line in sys.stdin:
        case = json.loads(line)
        wrong = problem(case)
        if wrong:
            print(wrong, json.dumps(case), sep="\n")
            return 1
        cases += 1
        refused += case["ini"] is None
    print(f"{cases} cases, {refused} refused")
    return 0


sys.exit(main())
