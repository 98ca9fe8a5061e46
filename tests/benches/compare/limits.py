"""What the machine can do: the blobs of images, downloaded side by side by plain requests, and, if asked for, hashed, and
written one after the other into a file that reaches the disk before this ends. Started by scenarios.py.

usage: python -I limits.py CONNECTIONS FILE [hash] [write]   (FILE has a line `URL-PATH SIZE` for each blob, after the domain)
"""

import hashlib
import http.client
import os
import sys
import threading

PIECE = 1 << 20


def main():
    connections, plan, *steps = sys.argv[1:]
    with open(plan) as file:
        domain, *lines = file.read().splitlines()
    blobs, offset = [], 0
    for line in lines:
        path, size = line.split()
        blobs.append((path, offset))
        offset += int(size)
    output = os.open(f"{plan}.out", os.O_WRONLY | os.O_CREAT | os.O_TRUNC) if "write" in steps else None
    failures, waiting = [], iter(blobs)
    lock = threading.Lock()

    def work():
        connection, buffer = http.client.HTTPConnection(domain), memoryview(bytearray(PIECE))
        try:
            while True:
                with lock:
                    path, position = next(waiting, (None, 0))
                if path is None:
                    return
                connection.request("GET", path)
                answer = connection.getresponse()
                if answer.status != 200:
                    raise OSError(f"{path}: {answer.status}")
                digest = hashlib.sha256()
                while count := answer.readinto(buffer):
                    if "hash" in steps:
                        digest.update(buffer[:count])
                    if output is not None:
                        position += os.pwrite(output, buffer[:count], position)
                if "hash" in steps and not path.endswith(digest.hexdigest()):
                    raise OSError(f"{path} has the digest {digest.hexdigest()}")
        except (OSError, http.client.HTTPException) as error:
            failures.append(str(error))

    threads = [threading.Thread(target=work) for _ in range(int(connections))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if output is not None:
        os.fsync(output)
        os.close(output)
    sys.exit("\n".join(failures) or None)


main()
