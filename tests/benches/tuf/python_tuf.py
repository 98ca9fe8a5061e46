"""One walk of python-tuf's ngclient over a repository in a folder, timed. Started by main.py."""

import json
import sys
import tempfile
import time
from pathlib import Path

from tuf.api.exceptions import DownloadHTTPError
from tuf.ngclient import FetcherInterface, Updater, UpdaterConfig


class Files(FetcherInterface):
    """Reads files where others fetch URLs."""

    def _fetch(self, url):
        try:
            # The name in the folder is the encoded one.
            return iter([Path(url.removeprefix("file://")).read_bytes()])
        except FileNotFoundError:
            raise DownloadHTTPError("not found", 404) from None


# Neither side writes down what it accepted: only the walk is timed.
Updater._persist_file = lambda *_: None
Updater._update_root_symlink = lambda *_: None

folder, target = Path(sys.argv[1]), sys.argv[2]
config = UpdaterConfig(
    max_root_rotations=2_000,
    max_delegations=20_000,
    snapshot_max_length=1 << 30,
    targets_max_length=1 << 30,
)
bootstrap = (folder / "pinned.json").read_bytes()
with tempfile.TemporaryDirectory() as state:
    start, busy = time.perf_counter(), time.process_time()
    updater = Updater(state, f"file://{folder}/metadata/", fetcher=Files(), config=config, bootstrap=bootstrap)
    updater.refresh()
    found = updater.get_targetinfo(target)
    if "every-role" in sys.argv:
        # Two levels of roles are all that there are.
        for role in updater._trusted_set["targets"].delegations.roles:
            updater._load_targets(role, "targets")
    seconds, processor = time.perf_counter() - start, time.process_time() - busy
assert found is not None and found.length == 7
# Not getrusage: its peak begins with that of the process that started this one.
status = Path("/proc/self/status").read_text().splitlines()
peak = next(int(line.split()[1]) for line in status if line.startswith("VmHWM:"))
print(json.dumps({"seconds": seconds, "processor": processor, "mebibytes": peak / 1024}))
