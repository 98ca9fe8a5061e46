"""Both sides of a gap on one machine, for the scripts that measure Sealift and that try to break it.

`images` makes and pushes images, `registry` runs registries, `proxy` stands before them, `release` has the proof and both
trust stores, `tuf_repository` signs it, `measure` says what a command used.
"""
