"""Serves a mirror folder over http on loopback, and downloads targets from it with python-tuf's ngclient. A mirror that is served already is
given as its URL.

usage: ngclient.py MIRROR PINNED_ROOT WORK_FOLDER TARGET...
Prints the SHA-256 of each target as it was downloaded, one a line.
"""

import functools
import hashlib
import http.server
import os
import sys
import threading

from tuf.ngclient import Updater


class Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *arguments):
        pass


mirror, pinned_root, work, *targets = sys.argv[1:]
if "://" in mirror:
    base = mirror.rstrip("/")
else:
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Quiet, directory=mirror))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    base = f"http://127.0.0.1:{server.server_port}"
for folder in ("metadata", "targets"):
    os.makedirs(os.path.join(work, folder))
with open(pinned_root, "rb") as file:
    bootstrap = file.read()
updater = Updater(
    os.path.join(work, "metadata"),
    f"{base}/metadata/",
    os.path.join(work, "targets"),
    f"{base}/targets/",
    bootstrap=bootstrap,
)
updater.refresh()
for target in targets:
    path = updater.download_target(updater.get_targetinfo(target))
    with open(path, "rb") as file:
        print(hashlib.sha256(file.read()).hexdigest())
