"""python-freezerclient's and python-openstackclient's programs, loaded once.

    clients.py SOCKET

The tests start them hundreds of times, and nearly all of a start is Python finding and reading modules. So one process
reads them, listens, and forks for each command: the child calls the program's own `main`, with the arguments and the
environment that it is given, as the script in `bin` does. A connection is a command: a line of JSON in (program, arguments,
environment), a line of JSON out (status, stdout, stderr). `python -c CODE` is served too. All ends when standard input
closes.
"""

import importlib
import json
import os
import select
import signal
import socket
import sys
import tempfile
import traceback

import cliff.command
import freezerclient.shell
import openstackclient.shell

MAINS = {"freezer": freezerclient.shell.main, "openstack": openstackclient.shell.main}


def run(program, arguments):
    """The exit status, as of a process."""
    try:
        if program == "python":
            _, code, *rest = arguments
            sys.argv = ["-c", *rest]
            exec(compile(code, "-c", "exec"), {"__name__": "__main__"})
            return 0
        sys.argv = [program, *arguments]
        # (The default of one of them is what the command line was when it was imported.)
        return MAINS[program](arguments) or 0
    except SystemExit as exit:
        if exit.code is None or isinstance(exit.code, int):
            return exit.code or 0
        print(exit.code, file=sys.stderr)
        return 1
    except BaseException:
        traceback.print_exc()
        return 1


def printed(file):
    file.seek(0)
    return file.read().decode("utf-8", "replace")


def serve(connection):
    request = json.loads(connection.makefile("rb").readline())
    with tempfile.TemporaryFile() as stdout, tempfile.TemporaryFile() as stderr:
        os.dup2(stdout.fileno(), 1)
        os.dup2(stderr.fileno(), 2)
        os.environ.clear()
        os.environ.update(request["environment"])
        status = run(request["program"], request["arguments"])
        sys.stdout.flush()
        sys.stderr.flush()
        answer = {"status": status, "stdout": printed(stdout), "stderr": printed(stderr)}
    connection.sendall(json.dumps(answer).encode() + b"\n")


def rehearse(program, *arguments):
    """Imports what this command does, which is much more than its program's shell does at first."""
    read, write = os.pipe()
    pid = os.fork()
    if pid == 0:
        nothing = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nothing, 1)
        os.dup2(nothing, 2)
        run(program, arguments)
        os.write(write, "\n".join(sys.modules).encode())
        os._exit(0)
    os.close(write)
    with os.fdopen(read) as pipe:
        names = pipe.read().split("\n")
    os.waitpid(pid, 0)
    for name in names:
        try:
            importlib.import_module(name)
        except Exception:
            pass  # Not all of them are there by the names they are kept under.


def main():
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(sys.argv[1])
    listener.listen(64)
    for program, arguments in (
        ("freezer", ("job-list", "-f", "json")),
        ("openstack", ("backup", "job", "list", "-f", "json")),
    ):
        rehearse(program, *arguments)
    # Kept once it was made, which takes longer than all else that a command does.
    cliff.command._get_distributions_by_modules()
    # Nobody waits for the children.
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    print("ready", flush=True)
    while True:
        readable, _, _ = select.select([0, listener], [], [])
        if 0 in readable:
            os.killpg(0, signal.SIGKILL)
        connection, _ = listener.accept()
        if os.fork() == 0:
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            listener.close()
            serve(connection)
            os._exit(0)
        connection.close()


main()
