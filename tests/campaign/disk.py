"""Disks that are full after so many megabytes, one more each time. The command says so, and when there is room, the same
command takes up what was left."""

import os
import resource
import signal
import subprocess

from ground import NAME, PARTIAL, Ground, Wrong, expect

MEBIBYTE = 1 << 20
ROOM = 1024
"""The size of a file system that has room for everything, in mebibytes."""


class FullDisk:
    """Small file systems in memory, which take the rights of root, and a limit to the size of files, which takes none."""

    def __init__(self, ground: Ground):
        self.ground = ground

    def limited(self, _random, number, notes):
        """An export whose file may have so many mebibytes: the disk is full in the middle, and nothing told of it before."""
        ground, folder = self.ground, self.ground.fresh()
        limit = number * MEBIBYTE

        def restrict():
            signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
            resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))

        outcome = ground.run(ground.export(folder), preexec_fn=restrict)
        self.full(outcome, {1}, notes)
        self.check_left(folder, notes)
        if outcome.code != 0:
            ground.succeed(ground.export(folder))
        ground.check_export(folder)

    def export(self, _random, number, notes):
        """An export into a file system of so many mebibytes."""
        with FileSystem(self.ground.folder / "disk", number) as disk:
            outcome = self.ground.run(self.ground.export(disk.path))
            self.full(outcome, {1}, notes)
            self.check_left(disk.path, notes)
            if outcome.code != 0:
                disk.grow()
                self.ground.succeed(self.ground.export(disk.path))
            self.ground.check_export(disk.path)

    def layout(self, _random, number, notes):
        """An import into a layout in a file system of so many mebibytes."""
        trust = self.ground.medium.far_trust(self.ground.fresh() / "trust")
        with FileSystem(self.ground.folder / "disk", number) as disk:
            command = self.ground.to_layout(disk.path, trust)
            outcome = self.ground.run(command)
            self.full(outcome, {1, 17}, notes)
            if outcome.code != 0:
                disk.grow()
                self.ground.succeed(command)
            self.ground.check_layout(disk.path)

    def full(self, outcome, codes, notes):
        notes["full" if outcome.code else "enough room"] += 1
        if outcome.code != 0:
            expect(outcome.code in codes and outcome.output.startswith("error: "), str(outcome))

    @staticmethod
    def check_left(folder, notes):
        left = {path.name for path in folder.iterdir()}
        notes["left " + (", ".join(sorted(left)) or "nothing")] += 1
        expect(left <= {NAME, PARTIAL}, f"after the disk was full there are {sorted(left)}")


class FileSystem:
    """A file system in memory with room for so many mebibytes."""

    def __init__(self, path, mebibytes):
        self.path, self.mebibytes = path, mebibytes

    def __enter__(self):
        self.path.mkdir(exist_ok=True)
        self.command("mount", "-t", "tmpfs", "-o", f"size={self.mebibytes}m", "tmpfs", self.path)
        return self

    def __exit__(self, *_):
        self.command("umount", self.path)

    def grow(self):
        self.command("mount", "-o", f"remount,size={ROOM}m", self.path)

    @staticmethod
    def command(*parts):
        outcome = subprocess.run(parts, capture_output=True, text=True)
        if outcome.returncode != 0:
            raise Wrong(f"{parts[0]}: {outcome.stderr.strip()}")


def can_mount(ground):
    """Whether small file systems can be made here."""
    if os.geteuid() != 0:
        return False
    try:
        with FileSystem(ground.folder / "disk", 1):
            return True
    except Wrong:
        return False
