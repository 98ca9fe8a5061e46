"""Runs a command, and writes what it used into a file: one figure a line. Started by measure.py, with as little memory as
Python can have: the peak that the kernel counts for a process begins with that of the process that it was forked from.

usage: python -I -S launch.py FILE COMMAND…
"""

import os
import sys
import time

report, command = sys.argv[1], sys.argv[2:]
began = time.monotonic()
child = os.fork()
if child == 0:
    try:
        os.execvp(command[0], command)
    except OSError as error:
        os.write(2, f"{command[0]}: {error}\n".encode())
    os._exit(127)
# The process is a zombie then: its counts are complete, and still there.
os.waitid(os.P_PID, child, os.WEXITED | os.WNOWAIT)
seconds = time.monotonic() - began
with open(f"/proc/{child}/io") as file:
    counts = file.read()
_, status, usage = os.wait4(child, 0)
with open(report, "w") as file:
    print(f"seconds: {seconds}", file=file)
    print(f"cpu: {usage.ru_utime + usage.ru_stime}", file=file)
    print(f"peak: {usage.ru_maxrss * 1024}", file=file)
    print(f"code: {os.waitstatus_to_exitcode(status)}", file=file)
    file.write(counts)
