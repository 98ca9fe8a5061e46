"""Registries on this machine, and the few requests that put images there and see whether they arrived."""

import atexit
import hashlib
import http.client
import os
import shutil
import socket
import subprocess
import threading
import time
import urllib.parse
from concurrent.futures import ThreadPoolExecutor

CONFIGURATION = """\
version: 0.1
log: {{level: error}}
storage: {{filesystem: {{rootdirectory: {storage}}}, delete: {{enabled: true}}}}
http: {{addr: "{domain}"}}
"""
MANIFEST = "application/vnd.oci.image.manifest.v1+json"
STEP = 0.02


class RegistryError(Exception):
    """A registry that does not start, or answers what it should not."""


class Registry:
    """A registry of the project distribution (Debian calls it docker-registry), with its files in a folder."""

    def __init__(self, program, folder):
        self.program, self.folder = program, folder
        self.storage = folder / "storage"
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.domain = f"127.0.0.1:{free.getsockname()[1]}"
        self.process = None
        folder.mkdir(parents=True, exist_ok=True)
        atexit.register(self.stop)

    def start(self):
        path = self.folder / "config.yml"
        path.write_text(CONFIGURATION.format(storage=self.storage, domain=self.domain))
        environment = {**os.environ, "OTEL_TRACES_EXPORTER": "none"}
        with (self.folder / "log").open("ab") as log:
            self.process = subprocess.Popen([self.program, "serve", path], stdin=subprocess.DEVNULL,
                                            stdout=subprocess.DEVNULL, stderr=log, env=environment)
        for _ in range(500):
            if self.process.poll() is not None:
                break
            try:
                if self.request("GET", "/v2/").status == 200:
                    return self
            except OSError:
                time.sleep(STEP)
        raise RegistryError(f"{self.program} does not start; {self.folder}/log says why")

    def stop(self):
        if self.process:
            self.process.kill()
            self.process.wait()
            self.process = None

    def fill(self, template=None):
        """Starts it again with the content of a folder, which is linked and not copied; without a folder, with nothing."""
        self.stop()
        shutil.rmtree(self.storage, ignore_errors=True)
        if template:
            shutil.copytree(template, self.storage, copy_function=os.link)
        self.start()

    def cpu(self):
        """The user and system time that it has used, in seconds."""
        with open(f"/proc/{self.process.pid}/stat") as file:
            fields = file.read().rpartition(") ")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def tags(self):
        """The tags of all repositories, as folders of its storage."""
        return list(self.storage.glob("**/_manifests/tags/*"))

    def request(self, method, path, body=None, headers=None):
        return Session(self.domain).request(method, path, body, headers)


class Session:
    """One connection to a registry, which is kept."""

    def __init__(self, domain):
        self.domain = domain
        self.connection = http.client.HTTPConnection(domain, timeout=60, blocksize=1 << 20)

    def request(self, method, path, body=None, headers=None):
        """One request; the answer has a `body` if it is short."""
        self.connection.request(method, path, body, headers or {})
        answer = self.connection.getresponse()
        if method != "GET" or answer.status != 200:
            answer.body = answer.read()
        return answer

    def wanted(self, statuses, method, path, body=None, headers=None):
        answer = self.request(method, path, body, headers)
        if answer.status not in statuses:
            raise RegistryError(f"{method} {self.domain}{path}: {answer.status} {answer.body[:200]!r}")
        return answer

    def upload(self, repository, digest, path, mounted_from=None):
        """Sends a blob in one piece, or has it mounted from another repository."""
        query = f"?mount=sha256:{digest}&from={mounted_from}" if mounted_from else ""
        answer = self.wanted((201, 202), "POST", f"/v2/{repository}/blobs/uploads/{query}")
        if answer.status == 201:
            return
        location = urllib.parse.urlsplit(answer.headers["Location"])
        place = f"{location.path}?{location.query}{'&' if location.query else ''}digest=sha256:{digest}"
        headers = {"Content-Type": "application/octet-stream", "Content-Length": str(path.stat().st_size)}
        with path.open("rb") as file:
            self.wanted((201,), "PUT", place, file, headers)

    def digest(self, path):
        """The SHA-256 (hex) of what a GET answers; None where it answers anything but 200."""
        answer = self.request("GET", path, headers={"Accept": f"{MANIFEST}, */*"})
        if answer.status != 200:
            return None
        sha256 = hashlib.sha256()
        while piece := answer.read(1 << 20):
            sha256.update(piece)
        return sha256.hexdigest()


def push(domain, images, connections=4):
    """Puts each image in a repository of its own, org/NAME, with the tag 1."""
    where, local = {}, threading.local()

    def push_image(image):
        if not hasattr(local, "session"):
            local.session = Session(domain)
        repository = f"org/{image.name}"
        for digest in image.blobs:
            local.session.upload(repository, digest, images.blob(digest), where.get(digest))
            where[digest] = repository
        headers = {"Content-Type": MANIFEST}
        local.session.wanted((201,), "PUT", f"/v2/{repository}/manifests/1", image.manifest, headers)

    with ThreadPoolExecutor(connections) as pool:
        list(pool.map(push_image, images.images))


def what_is_wrong(domain, images, prefix):
    """What a registry has not, or has with other bytes: every tag and every blob of each image in PREFIX/NAME is fetched."""
    session, wrong = Session(domain), []
    for image in images.images:
        repository = f"/v2/{prefix}/{image.name}"
        if session.digest(f"{repository}/manifests/1") != image.digest:
            wrong.append(f"the tag {prefix}/{image.name}:1")
        wrong += [f"the blob {prefix}/{image.name}@sha256:{digest}" for digest in image.blobs
                  if session.digest(f"{repository}/blobs/sha256:{digest}") != digest]
    return wrong
