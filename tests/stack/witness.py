"""freezer-api, with every request that changes something or searches for something written down.

The tests must know how often a report was sent and what it said, and what a listing costs, which the API does not keep. uWSGI
serves this module; it hands each request to the real freezer_api.wsgi, and appends one JSON line a
request to the file named by STACK_WITNESS: method, path, body, a digest of the token, the status and the text of the
answer (without the listings), and when the request was taken up (seconds since 1970).
"""

import hashlib
import io
import json
import os
import sys
import time

# freezer-api reads its configuration from the command line, which here is uWSGI's.
sys.argv = ["freezer-api", "--config-file", os.environ["STACK_API_CONF"]]

from freezer_api.wsgi import application as freezer_api  # noqa: E402


def application(environ, start_response):
    length = int(environ.get("CONTENT_LENGTH") or 0)
    if environ["REQUEST_METHOD"] in ("GET", "HEAD") and not length:
        return freezer_api(environ, start_response)

    body = environ["wsgi.input"].read(length)
    environ["wsgi.input"] = io.BytesIO(body)
    answer = {}
    taken_up = int(time.time())

    def note_status(status, headers, exc_info=None):
        answer["status"] = int(status.split()[0])
        return start_response(status, headers, exc_info)

    response = list(freezer_api(environ, note_status))
    text = b"" if environ["REQUEST_METHOD"] == "GET" else b"".join(response)
    line = json.dumps({
        "method": environ["REQUEST_METHOD"],
        "path": environ["PATH_INFO"],
        "body": body.decode("utf-8", "replace"),
        "token": hashlib.sha256(environ.get("HTTP_X_AUTH_TOKEN", "").encode()).hexdigest(),
        "status": answer.get("status"),
        "answer": text.decode("utf-8", "replace"),
        "taken_up": taken_up,
    })
    # One write to a file opened for appending: whole lines, whoever else writes.
    with open(os.environ["STACK_WITNESS"], "a", encoding="utf-8") as log:
        log.write(line + "\n")
    return response
