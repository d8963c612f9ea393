#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""pmtu.py proxied|forwarded|blackhole|control: uploads over a link of MTU 1400.

The lab has its far host behind that link, and the blade serves ports 80 and 7000.
"""
import contextlib
import re
import socket
import sys
import threading
import time

from ends import (LIMIT, PATIENCE, Failure, Flow, Verdicts, block, client, far, inside,
                  need, read_exactly)

MEGABYTE = 1 << 20
MTU = "1400"
HOST = {4: "10.210.0.2", 6: "fd00:210::2"}


def path_mtu(s, family):
    """What the kernel takes a connected socket's path to carry."""
    level, name = (socket.IPPROTO_IP, 14) if family == 4 else (socket.IPPROTO_IPV6, 24)
    return str(s.getsockopt(level, name))  # IP_MTU, IPV6_MTU


def upload(flow, limit):
    """1 MB from the client to the far host, byte for byte; the seconds that it took."""
    data = block(4)
    began = time.monotonic()
    flow.server.settimeout(limit)
    sender = threading.Thread(target=send, args=(flow.client, data, limit))
    sender.start()
    same = read_exactly(flow.server, MEGABYTE) == data
    need("1 MB as sent", same, True)
    sender.join()
    return time.monotonic() - began


def send(s, data, limit):
    s.settimeout(limit)
    with contextlib.suppress(OSError):  # the receiver tells what came of it
        s.sendall(data)


class Upload(Flow):
    def __init__(self, family, port):
        super().__init__(family, port, place=far, host=HOST[family])


def proxied(family):
    with Upload(family, 7000) as flow:
        flow.must_be_proxied()
        upload(flow, LIMIT)
        found = flow.sockets("-i")
        need("the onward socket's path MTU", mtu_of(found["onward"]), MTU)
        need("the accepted socket's path MTU", mtu_of(found["accepted"]), "1500")
        need("the client's path MTU", path_mtu(flow.client, family), "1500")
        route = inside("ip", "route", "get", HOST[family], "oif", "server")
        if f"mtu {MTU}" not in route:
            raise Failure(f"the route to the far host has no MTU {MTU}: {route.strip()}")


def mtu_of(line):
    m = re.search(r"\bpmtu:(\d+)", line)
    return m[1] if m else None


def forwarded(family):
    """The same beside the proxy: the router's ICMP error is the client's."""
    with Upload(family, 8081) as flow:
        upload(flow, LIMIT)
        need("the client's path MTU", path_mtu(flow.client, family), MTU)


def blackhole(family, limit):
    with Upload(family, 7000) as flow:
        flow.must_be_proxied()
        seconds = upload(flow, limit * PATIENCE)
    if seconds > limit * PATIENCE:
        raise Failure(f"it took {seconds:.1f} s, expected {limit} s at most")
    return f"{seconds:.1f} s, of {limit}"


def control(family, seconds):
    """The hole is one: forwarded, to a client that does not probe, it swallows all."""
    with Upload(family, 8081) as flow:
        try:
            upload(flow, seconds)
        except (TimeoutError, Failure):
            return
    raise Failure("the upload came through")


def main():
    verdicts = Verdicts()
    if sys.argv[1] == "proxied":
        verdicts.both_families("a router's \"too big\" reaches the proxy's socket, and "
                               "1 MB goes through", proxied)
    elif sys.argv[1] == "forwarded":
        verdicts.both_families("past the proxy a router's \"too big\" reaches the "
                               "client, and 1 MB goes through", forwarded)
    else:
        verdicts.start("the black hole swallows what is only forwarded", control, 4)
        verdicts.start("1 MB through the proxy over a path MTU black hole", blackhole, 12)
    verdicts.end()


if __name__ == "__main__":
    main()
