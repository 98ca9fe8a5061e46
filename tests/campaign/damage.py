"""Archives that are damaged on the way. Every one must be refused, and by a reason."""

import subprocess

from ground import PATIENCE, Ground, Outcome, Wrong, expect

REFUSED = {10, 11, 12, 13, 15}
"""The exit codes that say what is wrong with an archive."""


class Damage:
    """Damages the small archive somewhere, and verifies it: by turns from a file and from a pipe."""

    def __init__(self, ground: Ground):
        self.ground, self.whole = ground, ground.archive(ground.small).read_bytes()

    def flip(self, random, number, notes):
        """One bit is another one."""
        bit = random.randrange(len(self.whole) * 8)
        damaged = bytearray(self.whole)
        damaged[bit // 8] ^= 1 << bit % 8
        self.refused(damaged, f"bit {bit % 8} of byte {bit // 8} flipped", number, notes)

    def cut(self, random, number, notes):
        """The end is missing."""
        length = random.randrange(len(self.whole))
        self.refused(self.whole[:length], f"cut after {length} of {len(self.whole)} bytes", number, notes)

    def refused(self, damaged, what, number, notes):
        path = self.ground.folder / "damaged" / f"{number}.sealift"
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(damaged)
        try:
            if number % 2:
                outcome = self.ground.run(self.ground.small.verify(path))
            else:
                outcome = self.from_pipe(damaged)
        finally:
            path.unlink()
        expect(outcome.code in REFUSED and outcome.output.startswith("error: "), f"{what}: {outcome}")
        notes[f"exit code {outcome.code}"] += 1

    def from_pipe(self, damaged):
        command = [str(part) for part in self.ground.small.verify("-")]
        try:
            outcome = subprocess.run(command, env=self.ground.environment, input=bytes(damaged), stdout=subprocess.DEVNULL,
                                     stderr=subprocess.PIPE, timeout=PATIENCE)
        except subprocess.TimeoutExpired as error:
            raise Wrong(str(error)) from error
        return Outcome(outcome.returncode, outcome.stderr.decode(errors="replace"), 0)
