#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""looping.py PORT...: connections to the blade's own addresses, which must not loop.

Each from the client's side and from the server's, to the addresses of both sides, and
to the link-local ones.
"""
import errno
import re
import sys
import time

from ends import (FAMILIES, PATIENCE, Failure, Verdicts, blade_addresses, client,
                  cpu_seconds, inside, need, server)

AT_ONCE = 0.5 * PATIENCE
TIMES = 20


def sockets():
    """How many TCP sockets the namespace has, but listening and passing ones."""
    return len(inside("ss", "-tnOH").splitlines())


def attempt(place, family, address, port):
    scope = place.interface() if address.startswith("fe80") else 0
    target = (address, port, 0, scope) if family == 6 else (address, port)
    began = time.monotonic()
    with place.socket(family) as s:
        try:
            s.connect(target)
            how = "a connection"
        except OSError as e:
            how = errno.errorcode.get(e.errno, str(e))
    return how, time.monotonic() - began


def refused(place, family, address, port):
    before, used = sockets(), cpu_seconds()
    began = time.monotonic()
    worst = 0.0
    for _ in range(TIMES):
        how, seconds = attempt(place, family, address, port)
        need("outcome", how, "ECONNREFUSED")
        worst = max(worst, seconds)
    if worst > AT_ONCE:
        raise Failure(f"refused after {worst:.2f} s, expected {AT_ONCE} s at most")
    time.sleep(0.1)
    now = sockets()
    if now > before:
        raise Failure(f"the namespace has {now} sockets, before it had {before}")
    used = cpu_seconds() - used
    if used > 0.2 * PATIENCE + 0.2 * (time.monotonic() - began):
        raise Failure(f"the instances used {used:.2f} s of CPU")
    return f"{TIMES} times, {worst * 1000:.1f} ms at most"


def link_local():
    return re.findall(r"inet6 (fe80::[0-9a-f:]+)", inside("ip", "-6", "-o", "addr"))[:1]


def targets(family):
    """The blade's own: configured and link-local."""
    if family == 4:
        return blade_addresses(4)
    return (*blade_addresses(6), *link_local())


def main():
    verdicts = Verdicts()
    for port in map(int, sys.argv[1:]):
        for family in FAMILIES:
            for address in targets(family):
                for place in client, server:
                    verdicts.run(f"refused at once: {place.name} to the blade's own "
                                 f"{endpoint_name(address, port)}",
                                 refused, place, family, address, port)
    verdicts.end()


def endpoint_name(address, port):
    return f"[{address}]:{port}" if ":" in address else f"{address}:{port}"


if __name__ == "__main__":
    main()
