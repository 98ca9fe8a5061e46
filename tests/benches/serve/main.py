#!/usr/bin/env python3
"""How fast an archive is served, beside docker-registry (Debian) and distribution 3 with the same content, on one machine, in one run.

usage: main.py [--runs N] [--mebibytes N] [--small N] [--sealift PATH] [--registry NAME=PROGRAM]...

Two images: one with a single large layer, one with many small ones. curl gets each layer over loopback, and hashes nothing: one connection for the
large one, 32 for the small ones. The servers take turns in each run. Prints medians, ratios to Sealift, the range, and the peak resident memory of each server.
"""

import argparse
import hashlib
import json
import os
import pathlib
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request

ROOT = pathlib.Path(__file__).resolve().parents[3]
CONFIG = "application/vnd.oci.image.config.v1+json"
LAYER = "application/vnd.oci.image.layer.v1.tar"
MANIFEST = "application/vnd.oci.image.manifest.v1+json"
CONFIGURATION = """version: 0.1
log: {{level: error, accesslog: {{disabled: true}}}}
storage: {{filesystem: {{rootdirectory: {root}}}}}
http: {{addr: "127.0.0.1:{port}"}}
"""


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Layout:
    """An OCI image layout whose layers are noise."""

    def __init__(self, folder):
        self.folder, self.entries = folder, []
        (folder / "blobs/sha256").mkdir(parents=True)
        (folder / "oci-layout").write_text('{"imageLayoutVersion":"1.0.0"}')

    def blob(self, media_type, pieces):
        """Writes a blob that comes in pieces; returns its descriptor."""
        digest, size, unnamed = hashlib.sha256(), 0, self.folder / "unnamed"
        with open(unnamed, "wb") as file:
            for piece in pieces:
                digest.update(piece)
                size += file.write(piece)
        unnamed.rename(self.folder / "blobs/sha256" / digest.hexdigest())
        return {"mediaType": media_type, "digest": f"sha256:{digest.hexdigest()}", "size": size}

    def image(self, name, layers):
        """Writes an image; returns the digests of its layers."""
        layers = [self.blob(LAYER, pieces) for pieces in layers]
        state = {"architecture": "amd64", "os": "linux", "rootfs": {"type": "layers", "diff_ids": [it["digest"] for it in layers]}}
        config = self.blob(CONFIG, [json.dumps(state).encode()])
        manifest = {"schemaVersion": 2, "mediaType": MANIFEST, "config": config, "layers": layers}
        entry = self.blob(MANIFEST, [json.dumps(manifest).encode()])
        self.entries.append({**entry, "annotations": {"org.opencontainers.image.ref.name": name}})
        (self.folder / "index.json").write_text(json.dumps({"schemaVersion": 2, "manifests": self.entries}))
        return [layer["digest"] for layer in layers]


class Server:
    """A server that was started, and the repositories below it."""

    def __init__(self, name, command, port, log):
        self.name, self.base = name, f"http://127.0.0.1:{port}"
        self.process = subprocess.Popen(command, stdout=log, stderr=log)
        for _ in range(600):
            try:
                urllib.request.urlopen(f"{self.base}/v2/").read()
                return
            except OSError:
                assert self.process.poll() is None, f"{name} does not start"
                time.sleep(0.1)
        sys.exit(f"{name} does not answer")

    def url(self, repository, digest):
        return f"{self.base}/v2/{repository}/blobs/{digest}"

    def peak(self):
        """The peak resident memory, in MiB."""
        status = pathlib.Path(f"/proc/{self.process.pid}/status").read_text()
        return int(status.split("VmHWM:")[1].split()[0]) / 1024

    def processor_time(self):
        """Processor time until now, in seconds."""
        fields = pathlib.Path(f"/proc/{self.process.pid}/stat").read_text().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def get(work, urls, parallel):
    """Gets everything once; returns the seconds that it took."""
    listed = work / "urls"
    listed.write_text("".join(f'url = "{url}"\noutput = "/dev/null"\n' for url in urls))
    command = ["curl", "--silent", "--show-error", "--no-progress-meter", "--fail", "--config", listed]
    if parallel > 1:
        command += ["--parallel", "--parallel-max", str(parallel)]
    began = time.monotonic()
    subprocess.run(command, check=True)
    return time.monotonic() - began


def main():
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--runs", type=int, default=5)
    arguments.add_argument("--mebibytes", type=int, default=1024)
    arguments.add_argument("--small", type=int, default=2000)
    arguments.add_argument("--sealift", default=str(ROOT / "target/release/sealift"))
    arguments.add_argument("--registry", action="append", metavar="NAME=PROGRAM",
                           help="a registry to compare with, by default both that are on the PATH")
    arguments = arguments.parse_args()
    found = arguments.registry or [f"{name}={shutil.which(program)}" for name, program in
                                   [("docker-registry", "docker-registry"), ("distribution 3", "registry")] if shutil.which(program)]
    with tempfile.TemporaryDirectory(dir=ROOT / "target" if (ROOT / "target").is_dir() else None) as work:
        measure(arguments, [entry.split("=", 1) for entry in found], pathlib.Path(work))


def measure(arguments, registries, work):
    def sealift(*options):
        subprocess.run([arguments.sealift, "--quiet", "--trust", work / "trust", *options], check=True, stdout=subprocess.DEVNULL, cwd=work)

    layout = Layout(work / "layout")
    large = layout.image("bench.example/large:1", [(os.urandom(1 << 20) for _ in range(arguments.mebibytes))])
    small = layout.image("bench.example/small:1", [[os.urandom(2048)] for _ in range(arguments.small)])
    sealift("key", "generate", "--out", "key.pem")
    sealift("trust", "add-exporter", "bench", "key.pem.pub")
    (work / "trust/policy.toml").write_text('minimum_level = "0"\n')
    images = [option for name in ("large", "small") for option in ("--image", f"bench.example/{name}:1=oci:layout")]
    sealift("export", "--key", "key.pem", "-o", "bench.sealift", *images)
    shutil.rmtree(layout.folder)

    servers, log = [], open(work / "log", "wb")
    for name, program in registries:
        port = free_port()
        configuration = work / f"{port}.yml"
        configuration.write_text(CONFIGURATION.format(root=work / f"registry-{port}", port=port))
        servers.append(Server(name, [program, "serve", configuration], port, log))
        sealift("import", "bench.sealift", "--to-registry", f"127.0.0.1:{port}", "--results", f"results-{port}")
    port = free_port()
    command = [arguments.sealift, "--quiet", "--trust", work / "trust", "serve", work / "bench.sealift", "--listen", f"127.0.0.1:{port}"]
    servers.insert(0, Server("Sealift", command, port, log))

    try:
        report(arguments, servers, large, small, work)
    finally:
        for server in servers:
            server.process.terminate()
            server.process.wait()


def report(arguments, servers, large, small, work):
    jobs = [("large", [f"{arguments.mebibytes} MiB in one layer"], large, 1), ("small", [f"{arguments.small} layers of 2 KiB"], small, 32)]
    for repository, [title], digests, parallel in jobs:
        times, processor = {server.name: [] for server in servers}, {}
        for run in range(arguments.runs + 1):
            for server in servers:
                before = server.processor_time()
                seconds = get(work, [server.url(f"bench.example/{repository}", digest) for digest in digests], parallel)
                # The first run warms the caches.
                if run:
                    times[server.name].append(seconds)
                processor.setdefault(server.name, []).append(server.processor_time() - before)
        own = statistics.median(times["Sealift"])
        print(f"{title}, median of {arguments.runs}:")
        for server in servers:
            median = statistics.median(times[server.name])
            spread = f"{min(times[server.name]):.3f} to {max(times[server.name]):.3f}"
            rate = f"{arguments.mebibytes / median:7.0f} MiB/s" if repository == "large" else f"{len(digests) / median:7.0f} a second"
            used = statistics.median(processor[server.name][1:])
            print(f"  {server.name:<16} {median:7.3f} s ({spread})  {rate}  ratio {median / own:5.2f}  processor {used:6.2f} s")
    print("peak resident memory:")
    for server in servers:
        print(f"  {server.name:<16} {server.peak():7.1f} MiB")


main()
