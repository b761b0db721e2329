"""Reads what freezerd wrote as freezer-agent does, and compares it with what freezer-scheduler would write.

Whatever freezer-scheduler can write and the agent can then read means the same here. A text that its writer does
not take, because of a percent sign, means itself.

Standard input: one JSON object a line, {"action": {...}, "ini": text or null (refused)}. The first case that is
wrong is printed, and the exit code is 1.
"""

import configparser
import io
import json
import re
import sys
import unicodedata


def upstream_writes(action):
    """As freezer.scheduler.scheduler_job.Job.save_action_to_file; where that crashes, the signs are doubled."""
    parser = configparser.ConfigParser()
    parser.add_section("action")
    for key, value in action.items():
        if value is None:
            continue
        try:
            parser.set("action", key, str(value))
        except ValueError:
            parser.set("action", key, str(value).replace("%", "%%"))
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


def cannot_be_carried(action):
    kept = {key: value for key, value in action.items() if value is not None}
    if any(not re.fullmatch(r"[A-Za-z0-9_.-]+", key) for key in kept):
        return True
    if len({key.lower() for key in kept}) < len(kept):
        return True
    return any(re.search("\r(?!\n)", str(value)) for value in kept.values())


def same(read, wanted, value):
    if isinstance(value, str):
        return read == wanted
    # A character that is in a newer Unicode only is shown by our side and escaped by Python's.
    unknown = lambda char: f"\\U{ord(char):08x}" if ord(char) > 0xFFFF else f"\\u{ord(char):04x}"
    return "".join(unknown(char) if unicodedata.category(char) == "Cn" else char for char in read) == wanted


def problem(case):
    action, ini = case["action"], case["ini"]
    if cannot_be_carried(action):
        return None if ini is None else "not refused"
    try:
        wanted = agent_reads(upstream_writes(action))
    except configparser.InterpolationError:
        return None if ini is None else "not refused, though the agent cannot read it"
    if ini is None:
        return "refused though it could be written"
    read = agent_reads(ini)
    kept = {key.lower(): value for key, value in action.items() if value is not None}
    if list(read) != ["action"] or list(read["action"]) != list(kept):
        return f"the agent sees other sections or options: {read}"
    for key, value in kept.items():
        if not same(read["action"][key], wanted["action"][key], value):
            return f"{key}: the agent reads {read['action'][key]!r} for {wanted['action'][key]!r}"
    if all(str(value).isprintable() for value in kept.values()) and "\\" not in ini and ini != upstream_writes(action):
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
