"""Registries that fail at random. Either a command survives that, or it says that it gave up, and the same command, run again,
takes up what was left; in the end there are the same bytes as without a fault."""

from loopback.proxy import Faults, FaultProxy

from ground import Ground, expect

ATTEMPTS = 10


class Network:
    """An export from, and an import into, a registry behind a proxy that lets things go wrong."""

    def __init__(self, ground: Ground, rate, stall):
        self.ground, self.rate, self.stall = ground, rate, stall

    def export(self, random, _number, notes):
        folder = self.ground.fresh()
        self.survive(random, notes, self.ground.near, lambda domain: self.ground.export(folder, domain), 16)
        self.ground.check_export(folder)

    def registry(self, random, _number, notes):
        folder = self.ground.fresh()
        self.ground.far.fill()
        trust = self.ground.medium.far_trust(folder / "trust")
        command = lambda domain: self.ground.to_registry(folder, trust, domain)  # noqa: E731
        self.survive(random, notes, self.ground.far, command, 17)
        self.ground.check_registry(folder)

    def survive(self, random, notes, registry, command, code):
        """Runs a command until it succeeds; each time that it does not, it must end with this exit code."""
        faults = Faults(random.random(), self.rate, self.stall)
        proxy = FaultProxy(registry.domain, faults)
        try:
            for _ in range(ATTEMPTS):
                outcome = self.ground.run(command(proxy.domain))
                if outcome.code == 0:
                    return
                expect(outcome.code == code and outcome.output.startswith("error: "), str(outcome))
                notes["gave up, and was run once more"] += 1
            expect(False, f"it failed {ATTEMPTS} times; the last time: {outcome}")
        finally:
            proxy.stop()
            notes.update(faults.happened)
