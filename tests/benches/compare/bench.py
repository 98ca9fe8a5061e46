"""Runs jobs in turn, and makes tables of what they used."""

import os
import shutil
import statistics
import sys
from collections import defaultdict
from dataclasses import dataclass, field
from typing import Callable

from loopback.measure import measure
from loopback.registry import Registry
from loopback.release import environment

MEBIBYTE = 1 << 20


@dataclass(frozen=True)
class Job:
    """Something to measure. `prepare` makes everything ready and returns the command, `after` is called when it was done."""

    name: str
    prepare: Callable
    kind: str = "peer"
    """`sealift`, `peer`, or `limit`: what the machine can do, which no ratio is taken of."""
    after: Callable = lambda: None


@dataclass
class Table:
    """What the jobs of one title used, run by run."""

    title: str
    jobs: list[Job]
    runs: dict = field(default_factory=lambda: defaultdict(list))
    failed: dict = field(default_factory=dict)

    def median(self, name, figure="seconds"):
        """A median over the runs; None if the job failed or is not there."""
        if name in self.failed or name not in self.runs:
            return None
        return statistics.median(getattr(usage, figure) for usage, _ in self.runs[name])

    def best(self, prefix=""):
        """The median wall time of the fastest peer whose name begins like this; None if there is none."""
        times = [self.median(job.name) for job in self.jobs if job.kind == "peer" and job.name.startswith(prefix)]
        return min((time for time in times if time is not None), default=None)

    def markdown(self):
        lines = [f"### {self.title}", "",
                 "| | wall | of the best peer | CPU | registries' CPU | peak memory | written | read |",
                 "| --- | --- | --- | --- | --- | --- | --- | --- |"]
        best = self.best()
        for job in self.jobs:
            if job.name in self.failed:
                lines.append(f"| {job.name} | failed | | | | | | |")
                continue
            seconds = self.median(job.name)
            ratio = f"{seconds / best:.2f}" if best and job.kind != "limit" else ""
            registries = statistics.median(cpu for _, cpu in self.runs[job.name])
            peak, written, read = (self.median(job.name, figure) / MEBIBYTE for figure in ("peak", "written", "read"))
            lines.append(f"| {job.name} | {seconds:.2f} s | {ratio} | {self.median(job.name, 'cpu'):.2f} s | "
                         f"{registries:.2f} s | {peak:.1f} MiB | {written:.1f} MiB | {read:.1f} MiB |")
        lines += [f"\n{name} failed: {reason}" for name, reason in self.failed.items()]
        return "\n".join([*lines, ""])


class Bench:
    """The folder, the two registries, and the tables so far."""

    def __init__(self, folder, program, runs):
        self.folder, self.runs, self.tables = folder, runs, {}
        self.environment = environment(folder)
        self.near, self.far = (Registry(program, folder / name) for name in ("near-registry", "far-registry"))

    def start(self):
        for registry in (self.near, self.far):
            registry.fill()

    def stop(self):
        for registry in (self.near, self.far):
            registry.stop()

    def fresh(self, *parts):
        """An empty folder."""
        path = self.folder.joinpath(*parts)
        shutil.rmtree(path, ignore_errors=True)
        path.mkdir(parents=True)
        return path

    def once(self, job):
        """Runs a job once; returns what it used, and the CPU time of both registries meanwhile, in seconds."""
        command = job.prepare()
        # What was written before this must not be written during it.
        os.sync()
        before = self.near.cpu() + self.far.cpu()
        usage = measure(command, self.environment)
        registries = self.near.cpu() + self.far.cpu() - before
        job.after()
        return usage, registries

    def compare(self, key, title, jobs):
        """Runs all jobs in turn, as many times as wanted, and prints the table."""
        table = self.tables[key] = Table(title, jobs)
        for number in range(self.runs):
            for job in jobs:
                if job.name in table.failed:
                    continue
                say(f"{title}, run {number + 1} of {self.runs}: {job.name}")
                usage, registries = self.once(job)
                if usage.code == 0:
                    table.runs[job.name].append((usage, registries))
                else:
                    last = usage.output.strip().splitlines()[-3:]
                    table.failed[job.name] = f"exit code {usage.code}: {' / '.join(line.strip() for line in last)}"
        print(table.markdown(), flush=True)
        return table


def say(text):
    """For whoever waits; the tables go to standard output."""
    print(text, file=sys.stderr, flush=True)
