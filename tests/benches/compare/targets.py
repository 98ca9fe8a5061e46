"""The targets, and whether the tables of one run meet them."""

GIBIBYTE = 1 << 30
PEAK = 48 << 20


def targets(tables, sealift, gibibytes, before=None, one_at_a_time=None):
    """For each target that the tables say something about: what it is, its limit, what was measured.

    `sealift` is the name of the jobs that are judged, `before` and `one_at_a_time` the names of those that they are
    compared with, and `gibibytes` is how much the large release has.
    """
    def median(key, name, figure="seconds"):
        return tables[key].median(name, figure) if key in tables else None

    def best(key, prefix=""):
        return tables[key].best(prefix) if key in tables else None

    def cpu(name):
        parts = [median(key, name, "cpu") for key in ("export", "empty")]
        return sum(parts) / gibibytes if None not in parts else None

    def mine(key):
        return median(key, sealift)

    ratios = [
        ("export, of the best peer", 0.9, mine("export"), best("export")),
        ("export, of download, hash and write", 1.15, mine("export"), median("export", "download, hash, write")),
        ("verify, of `openssl dgst -sha256`", 0.55, mine("verify"), median("verify", "openssl dgst -sha256")),
        ("import into an empty registry, of imgpkg", 0.9, mine("empty"), best("empty", "imgpkg")),
        ("import into an empty registry, of skopeo", 0.45, mine("empty"), best("empty", "skopeo")),
        ("import into a full registry, of skopeo", 0.06, mine("full"), best("full", "skopeo")),
        ("export of 2,000 tiny layers, of imgpkg", 0.12, mine("tiny export"), best("tiny export", "imgpkg")),
        ("import of 2,000 tiny layers, of imgpkg", 0.5, mine("tiny import"), best("tiny import", "imgpkg")),
        ("export of 200 small blobs at 20 ms, of one at a time", 1 / 8, mine("delay export"),
         median("delay export", one_at_a_time)),
        ("import of 200 small blobs at 20 ms, of one at a time", 1 / 8, mine("delay import"),
         median("delay import", one_at_a_time)),
        ("CPU for a GiB of export and import, of the version before", 1.0, cpu(sealift), cpu(before)),
    ]
    for name, limit, measured, other in ratios:
        if measured is not None and other:
            yield name, f"{limit:.3g}", f"{measured / other:.3f}", measured / other <= limit
    peaks = [usage.peak for table in tables.values() for usage, _ in table.runs.get(sealift, [])]
    if peaks:
        yield "peak memory in all of these", f"{PEAK >> 20} MiB", f"{max(peaks) / (1 << 20):.1f} MiB", max(peaks) <= PEAK


def markdown(*arguments):
    lines = ["### Targets", "", "| | at most | measured | |", "| --- | --- | --- | --- |"]
    for name, limit, measured, met in targets(*arguments):
        lines.append(f"| {name} | {limit} | {measured} | {'met' if met else '**not met**'} |")
    return "\n".join(lines)
