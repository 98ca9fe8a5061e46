#!/usr/bin/env bash
# How much memory and disk a large archive takes: export, verify and import of 2 GiB, each below 64 MiB of memory, and no
# file but the archive itself.
#
#     samples/memory.sh            # needs docker-registry, skopeo, python3, strace and GNU time; 10 GiB of disk
