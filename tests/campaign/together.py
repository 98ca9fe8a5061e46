"""Two commands at once. At least one succeeds; another may be refused, because a file exists or a trust store is locked, but
then the same command, run again, succeeds, and all is as if they had run one after the other."""

import time

from ground import NAME, Ground, expect

REFUSED = {1, 18}
"""The exit codes of one that the other kept out."""


class Together:
    """Pairs of exports and of imports that begin at about the same time."""

    def __init__(self, ground: Ground):
        self.ground = ground

    def exports_of_one_name(self, random, _number, notes):
        folder = self.ground.fresh()
        command = self.ground.export(folder)
        self.pair(random, notes, command, command, self.ground.medium.seconds["export"])
        self.ground.check_export(folder)

    def exports_of_two_names(self, random, _number, notes):
        folders = [self.ground.fresh(f"work/{side}") for side in ("one", "other")]
        one, other = (self.ground.export(folder) for folder in folders)
        self.pair(random, notes, one, other, self.ground.medium.seconds["export"])
        for folder, command in zip(folders, (one, other)):
            if not (folder / NAME).exists():
                self.ground.succeed(command)
            self.ground.check_export(folder)

    def imports_into_a_registry(self, random, _number, notes):
        folder = self.ground.fresh()
        self.ground.far.fill()
        command = self.ground.to_registry(folder, self.ground.medium.far_trust(folder / "trust"))
        self.pair(random, notes, command, command, self.ground.medium.seconds["registry"])
        self.ground.succeed(command)
        self.ground.check_registry(folder)

    def imports_into_a_layout(self, random, _number, notes):
        folder = self.ground.fresh()
        command = self.ground.to_layout(folder, self.ground.medium.far_trust(folder / "trust"))
        self.pair(random, notes, command, command, self.ground.medium.seconds["layout"])
        self.ground.succeed(command)
        self.ground.check_layout(folder)

    def pair(self, random, notes, one, other, seconds):
        """Runs two commands, the second of which begins somewhat later."""
        began = time.monotonic()
        processes = [self.ground.start(one)]
        time.sleep(random.choice((0, random.uniform(0, seconds))))
        processes.append(self.ground.start(other))
        try:
            outcomes = [self.ground.end(process, began) for process in processes]
        finally:
            for process in processes:
                process.kill()
        expect(any(outcome.code == 0 for outcome in outcomes), f"neither: {outcomes[0]}; {outcomes[1]}")
        for outcome in outcomes:
            expect(outcome.code in REFUSED | {0}, str(outcome))
        notes["both" if all(outcome.code == 0 for outcome in outcomes) else "one kept out"] += 1
