"""A registry that keeps nothing: it makes up layers of any length as they are asked for, and forgets those that it gets once it has
hashed them. What is large neither takes room on a disk nor in memory."""

import hashlib
import http.server
import json
import random
import re
import threading
import urllib.parse

from .images import OCI, Image

PIECE = 1 << 20
MANIFEST = f"{OCI}.manifest.v1+json"


class MadeUp:
    """Images of layers that are all alike but for their last bytes, so that their digests are soon known."""

    def __init__(self, images, layers, length):
        self.piece = random.Random(length).randbytes(PIECE)
        self.length, self.layers, self.images, self.held = length, {}, [], {}
        whole, self.rest = divmod(length - 16, PIECE)
        begun = hashlib.sha256()
        for _ in range(whole):
            begun.update(self.piece)
        begun.update(self.piece[:self.rest])
        self.whole = whole
        for number in range(images):
            descriptors = []
            for layer in range(layers):
                end = f"{number:08}{layer:08}".encode()
                digest = begun.copy()
                digest.update(end)
                self.layers[digest.hexdigest()] = end
                descriptors.append(self.describe(f"{OCI}.layer.v1.tar+gzip", digest.hexdigest(), length))
            config = json.dumps({"architecture": "amd64", "os": "linux", "number": number, "config": {},
                                 "rootfs": {"type": "layers", "diff_ids": []}}).encode()
            self.held[hashlib.sha256(config).hexdigest()] = config
            manifest = json.dumps({
                "schemaVersion": 2, "mediaType": MANIFEST,
                "config": self.describe(f"{OCI}.config.v1+json", hashlib.sha256(config).hexdigest(), len(config)),
                "layers": descriptors,
            }).encode()
            names = tuple(descriptor["digest"].removeprefix("sha256:") for descriptor in descriptors)
            self.images.append(Image(f"image-{number:02}", manifest, hashlib.sha256(config).hexdigest(), names))

    @staticmethod
    def describe(media_type, digest, size):
        return {"mediaType": media_type, "digest": f"sha256:{digest}", "size": size}

    def blob(self, digest):
        """The length and the pieces of a blob; None if there is no such blob."""
        if digest in self.held:
            return len(self.held[digest]), [self.held[digest]]
        if digest in self.layers:
            return self.length, self.pieces(digest)
        return None

    def pieces(self, digest):
        for _ in range(self.whole):
            yield self.piece
        yield self.piece[:self.rest]
        yield self.layers[digest]


class EndlessRegistry(http.server.ThreadingHTTPServer):
    """Serves made-up images below `org/`, and takes everything else."""

    daemon_threads = True
    request_queue_size = 256

    def __init__(self, made_up):
        super().__init__(("127.0.0.1", 0), Handler)
        self.made_up, self.domain = made_up, f"127.0.0.1:{self.server_address[1]}"
        self.manifests, self.stored, self.uploads, self.lock = {}, {}, {}, threading.Lock()
        for image in made_up.images:
            for name in ("1", f"sha256:{image.digest}"):
                self.manifests[f"org/{image.name}", name] = image.manifest
        threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()

    def stop(self):
        self.shutdown()
        self.server_close()

    def forget(self):
        """Forgets what it was given."""
        self.stored, self.uploads = {}, {}

    def handle_error(self, *_):
        """A client that goes away is none of its concern."""


class Upload:
    """What has arrived of a blob: how long it is, and its hash."""

    def __init__(self):
        self.length, self.hash = 0, hashlib.sha256()


class Handler(http.server.BaseHTTPRequestHandler):
    """One connection."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    rbufsize = PIECE

    def log_message(self, *_):
        pass

    def answer(self, status, body=b"", **headers):
        length = headers.pop("length", len(body))
        self.send_response_only(status)
        for name, value in {**headers, "Content-Length": length}.items():
            self.send_header(name.replace("_", "-"), str(value))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def parts(self):
        """The repository, what is asked for, its name, and the query."""
        url = urllib.parse.urlsplit(self.path)
        found = re.fullmatch(r"/v2/(.+)/(manifests|blobs|blobs/uploads|tags|referrers)/([^/]*)", url.path)
        return (*(found.groups() if found else (None, None, None)), urllib.parse.parse_qs(url.query))

    def do_GET(self):
        repository, kind, name, _ = self.parts()
        if kind is None:
            return self.answer(200 if self.path == "/v2/" else 404)
        if kind == "manifests":
            manifest = self.server.manifests.get((repository, name))
            digest = "sha256:" + hashlib.sha256(manifest or b"").hexdigest()
            return self.answer(200, manifest, Content_Type=MANIFEST, Docker_Content_Digest=digest) if manifest else self.answer(404)
        if kind == "blobs/uploads":
            upload = self.server.uploads.get(name)
            return self.answer(204, Location=self.path, Range=f"0-{max(upload.length - 1, 0)}") if upload else self.answer(404)
        if kind != "blobs":
            return self.answer(404)
        digest = name.removeprefix("sha256:")
        if (size := self.server.stored.get((repository, digest))) is not None and self.command == "HEAD":
            return self.answer(200, length=size)
        found = self.server.made_up.blob(digest) if repository.startswith("org/") else None
        if found is None:
            return self.answer(404)
        length, pieces = found
        self.answer(200, length=length)
        for piece in pieces if self.command == "GET" else ():
            self.wfile.write(piece)

    do_HEAD = do_GET

    def receive(self, upload):
        left = int(self.headers.get("Content-Length", 0))
        buffer = memoryview(bytearray(min(left, PIECE)))
        while left:
            count = self.rfile.readinto(buffer[:min(left, PIECE)])
            if not count:
                raise ConnectionError
            upload.hash.update(buffer[:count])
            upload.length += count
            left -= count

    def do_POST(self):
        repository, _, _, _ = self.parts()
        with self.server.lock:
            name = f"{len(self.server.uploads)}"
            self.server.uploads[name] = Upload()
        self.answer(202, Location=f"/v2/{repository}/blobs/uploads/{name}", Range="0-0")

    def do_PATCH(self):
        _, _, name, _ = self.parts()
        upload = self.server.uploads[name]
        self.receive(upload)
        self.answer(202, Location=self.path, Range=f"0-{max(upload.length - 1, 0)}")

    def do_PUT(self):
        repository, kind, name, query = self.parts()
        if kind == "manifests":
            manifest = self.rfile.read(int(self.headers["Content-Length"]))
            digest = f"sha256:{hashlib.sha256(manifest).hexdigest()}"
            for known in (name, digest):
                self.server.manifests[repository, known] = manifest
            return self.answer(201, Location=self.path, Docker_Content_Digest=digest)
        upload = self.server.uploads[name]
        self.receive(upload)
        digest = query["digest"][0].removeprefix("sha256:")
        if upload.hash.hexdigest() != digest:
            return self.answer(400)
        self.server.stored[repository, digest] = upload.length
        return self.answer(201, Location=self.path, Docker_Content_Digest=f"sha256:{digest}")
