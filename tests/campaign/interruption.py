"""Commands that are stopped at random moments. The same command, run again, must take up what was left, and end in the same
bytes as one that nobody stopped."""

import signal
import time

from ground import NAME, PARTIAL, Ground, expect

SECONDS_TO_STOP = 1.0
SECONDS_TO_BEGIN = 0.2
SHORTEST = 0.02
"""Seconds: within so little, every command can be stopped."""
ATTEMPTS = 20
STOPPED = {-signal.SIGKILL, 128 + signal.SIGINT, 128 + signal.SIGTERM}


class Interruption:
    """Three jobs that can be stopped: an export, an import into a registry, and one into an image layout."""

    def __init__(self, ground: Ground):
        self.ground = ground

    def until_stopped(self, job, key, random, notes, stop):
        """Runs a job until it was stopped before it ended by itself; each time that it ends first, it is stopped earlier."""
        seconds = self.ground.medium.seconds
        for _ in range(ATTEMPTS):
            stopped, moment = job(random, notes, stop, seconds[key])
            if stopped:
                return
            seconds[key] = max(SHORTEST, min(seconds[key], moment))
        expect(False, f"it cannot be stopped within {SHORTEST} s: the archive is too small for this")

    def export(self, random, notes, stop, seconds):
        ground, folder = self.ground, self.ground.fresh()

        def check():
            left = {path.name for path in folder.iterdir()}
            expect(left <= {NAME, PARTIAL}, f"after it was stopped there are {sorted(left)}")

        is_done = (folder / NAME).exists
        result = self.disturb(random, notes, stop, ground.export(folder), seconds, check, is_done)
        if not is_done():
            ground.succeed(ground.export(folder))
        ground.check_export(folder)
        return result

    def registry(self, random, notes, stop, seconds):
        ground, folder = self.ground, self.ground.fresh()
        ground.far.fill()
        command = ground.to_registry(folder, ground.medium.far_trust(folder / "trust"))
        result = self.disturb(random, notes, stop, command, seconds)
        ground.succeed(command)
        ground.check_registry(folder)
        return result

    def layout(self, random, notes, stop, seconds):
        ground, folder = self.ground, self.ground.fresh()
        command = ground.to_layout(folder, ground.medium.far_trust(folder / "trust"))
        result = self.disturb(random, notes, stop, command, seconds)
        ground.succeed(command)
        ground.check_layout(folder)
        return result

    def disturb(self, random, notes, stop, command, seconds, check=lambda: None, is_done=lambda: False):
        """Stops the command once, or several times one after the other, as it goes on each time. Returns whether it was
        stopped at all, and the last moment at which that was tried, in seconds."""
        stopped = False
        for _ in range(random.choice((1, 1, 2, 3))):
            process = self.ground.start(command)
            moment = random.uniform(0, seconds)
            time.sleep(moment)
            outcome = stop(self.ground, process, random)
            if outcome.code == 0:
                notes["ended before"] += 1
                break
            expect(outcome.code in STOPPED, f"before it was stopped: {outcome}")
            notes["stopped"] += 1
            stopped = True
            check()
            if is_done():
                break
        return stopped, moment


def kill(ground, process, _random):
    """SIGKILL: nothing can be said, and nothing tidied up."""
    process.kill()
    return ground.end(process, time.monotonic())


def ask_to_stop(ground, process, random):
    """SIGINT or SIGTERM: it ends within a second, says in one line what is left, and with the exit code for that signal."""
    number = random.choice((signal.SIGINT, signal.SIGTERM))
    wait_until_ready(process, number)
    process.send_signal(number)
    outcome = ground.end(process, time.monotonic(), 10)
    if outcome.code == 0:
        # It had ended, or was just about to.
        return outcome
    expect(outcome.code == 128 + number, f"{number.name}: {outcome}")
    expect(outcome.seconds <= SECONDS_TO_STOP, f"{number.name}: {outcome}")
    expect(len(outcome.output.strip().splitlines()) == 1, f"{number.name}: not one line: {outcome}")
    return outcome


def wait_until_ready(process, number):
    """Waits until a process has said what a signal is to do: before that, nothing can be asked of it."""
    until = time.monotonic() + SECONDS_TO_BEGIN
    while process.poll() is None and time.monotonic() < until:
        with open(f"/proc/{process.pid}/status") as file:
            masks = [int(line.split()[1], 16) for line in file if line.startswith(("SigCgt:", "SigBlk:"))]
        if any(mask >> number - 1 & 1 for mask in masks):
            return
        time.sleep(0.001)


def cases(ground):
    """Each job, killed and asked to stop."""
    interruption = Interruption(ground)
    jobs = {"export": ("export", interruption.export), "registry": ("import into a registry", interruption.registry),
            "layout": ("import into a layout", interruption.layout)}
    for key, (name, job) in jobs.items():
        for what, stop in (("kill", kill), ("signal", ask_to_stop)):
            def run(random, _number, notes, job=job, key=key, stop=stop):
                interruption.until_stopped(job, key, random, notes, stop)
            yield what, f"{what}: {name}", run
