"""Proxies that stand before a registry: one makes every request take longer, the other lets things go wrong."""

import http.client
import http.server
import io
import random
import socket
import struct
import threading
import time
from collections import Counter

PIECE = 1 << 18


class DelayProxy:
    """Holds the first bytes of every request back for so many seconds. It limits nothing else: not how many connections
    there are, nor how fast bytes go once they go."""

    def __init__(self, upstream, delay):
        self.upstream, self.delay = upstream, delay
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=256)
        self.domain = f"127.0.0.1:{self.listener.getsockname()[1]}"
        threading.Thread(target=self.accept, daemon=True).start()

    def stop(self):
        self.listener.close()

    def accept(self):
        while True:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            host, port = self.upstream.split(":")
            server = socket.create_connection((host, int(port)))
            for end in (client, server):
                end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            # Set while the next bytes of the client are the beginning of a request: it has the answer to the one before.
            idle = threading.Event()
            idle.set()
            threading.Thread(target=self.requests, args=(client, server, idle), daemon=True).start()
            threading.Thread(target=self.pass_on, args=(server, client, idle.set), daemon=True).start()

    def requests(self, client, server, idle):
        def before():
            if idle.is_set():
                idle.clear()
                time.sleep(self.delay)
        self.pass_on(client, server, before)

    @staticmethod
    def pass_on(source, sink, before):
        try:
            while data := source.recv(PIECE):
                before()
                sink.sendall(data)
            sink.shutdown(socket.SHUT_WR)
        except OSError:
            for end in (source, sink):
                end.close()


class Faults:
    """Decides, request by request, whether something goes wrong, and what; counts what did."""

    KINDS = ("unavailable", "too many requests", "reset", "reset in the answer", "cut in the answer", "stall",
             "cut in the request", "wrong range")

    def __init__(self, seed, rate, stall):
        self.random, self.rate, self.stall = random.Random(seed), rate, stall
        self.happened, self.lock = Counter(), threading.Lock()

    def next(self, ranged):
        """The kind of the fault that a request meets, and a number from 0 to 1 that says where; None for no fault."""
        with self.lock:
            if self.random.random() >= self.rate:
                return None, 0.0
            kind = "wrong range" if ranged and self.random.random() < 0.5 else self.random.choice(self.KINDS[:-1])
            self.happened[kind] += 1
            return kind, self.random.random()


class FaultProxy(http.server.ThreadingHTTPServer):
    """Passes requests on to a registry, except where `faults` lets something go wrong."""

    daemon_threads = True
    request_queue_size = 256

    def __init__(self, upstream, faults):
        super().__init__(("127.0.0.1", 0), Relay)
        self.upstream, self.faults = upstream, faults
        self.domain = f"127.0.0.1:{self.server_address[1]}"
        threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()

    def stop(self):
        self.shutdown()
        self.server_close()

    def handle_error(self, *_):
        """A connection that breaks is what this is for."""


class Broken(Exception):
    """This connection ends here, on purpose."""


class Relay(http.server.BaseHTTPRequestHandler):
    """One connection of a client, and one to the registry."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = PIECE

    def setup(self):
        super().setup()
        self.upstream = http.client.HTTPConnection(self.server.upstream, timeout=60)

    def finish(self):
        self.upstream.close()
        super().finish()

    def log_message(self, *_):
        pass

    def relay(self):
        kind, where = self.server.faults.next("Range" in self.headers)
        try:
            self.exchange(kind, where)
        except (Broken, OSError, http.client.HTTPException):
            self.close_connection = True

    do_GET = do_HEAD = do_POST = do_PUT = do_PATCH = do_DELETE = relay

    def exchange(self, kind, where):
        if kind == "reset":
            self.reset()
        if kind in ("unavailable", "too many requests"):
            self.refuse(kind, where)
            return
        if kind == "wrong range" and where < 0.3:
            self.answer_alone(416)
            return
        if kind == "wrong range":
            self.headers.replace_header("Range", "bytes=0-0" if where < 0.65 else "bytes=1-")
        self.forward(where if kind == "cut in the request" else None)
        answer = self.upstream.getresponse()
        self.send_response_only(answer.status)
        body, length = answer, answer.length or 0
        if answer.chunked:
            body = io.BytesIO(answer.read())
            length = len(body.getvalue())
            self.send_header("Content-Length", str(length))
        for name, value in answer.getheaders():
            if name.lower() != "transfer-encoding":
                self.send_header(name, value)
        self.end_headers()
        self.answer_body(body, length, kind, where)

    def answer_body(self, answer, length, kind, where):
        """Passes a body on, up to where the fault strikes."""
        harmful = kind in ("reset in the answer", "cut in the answer", "stall")
        left = int(length * where) if harmful else length
        while left and (data := answer.read(min(left, PIECE))):
            self.wfile.write(data)
            left -= len(data)
        self.wfile.flush()
        if kind == "stall":
            time.sleep(self.server.faults.stall)
        if kind == "reset in the answer":
            self.reset()
        if harmful:
            raise Broken
        answer.read()

    def forward(self, cut):
        """Sends the request on; `cut` is the part of its body after which both connections are closed."""
        self.upstream.putrequest(self.command, self.path, skip_host=True, skip_accept_encoding=True)
        for name, value in self.headers.items():
            self.upstream.putheader(name, value)
        self.upstream.endheaders()
        length = int(self.headers.get("Content-Length", 0))
        # Of a body in chunks, nobody knows the length.
        stop = int((length or PIECE) * cut) if cut is not None else None
        sent = 0
        for data in self.chunks() if "Transfer-Encoding" in self.headers else self.pieces(length):
            if stop is not None and sent + len(data) > stop:
                self.upstream.send(data[:stop - sent])
                raise Broken
            self.upstream.send(data)
            sent += len(data)
        if stop is not None:
            raise Broken

    def pieces(self, length):
        while length and (data := self.rfile.read(min(length, PIECE))):
            length -= len(data)
            yield data

    def chunks(self):
        """The chunks of a body as they came, framing and all."""
        while True:
            line = self.rfile.readline()
            size = int(line.split(b";")[0], 16)
            yield line + self.rfile.read(size + 2)
            if size == 0:
                return

    def refuse(self, kind, where):
        if kind == "too many requests":
            self.answer_alone(429, {"Retry-After": "1"})
        else:
            self.answer_alone(500 + int(where * 5))

    def answer_alone(self, status, headers=None):
        """Answers without asking the registry, and without reading what else the client sends."""
        self.send_response_only(status)
        for name, value in {**(headers or {}), "Content-Length": "0", "Connection": "close"}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.flush()
        self.close_connection = True

    def reset(self):
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        raise Broken
