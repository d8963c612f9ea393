#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""carries.py: a relay of port 80 in the blade carries bytes, FIN and RST both ways.

Nobody may serve port 80 yet. Verdicts go to stdout.
"""
import itertools
import threading
import time

from ends import (LIMIT, PATIENCE, Failure, Flow, Verdicts, block, client, client_address,
                  endpoint, ending, lab, need, read_all, reset, server_address)

MEGABYTE = 1 << 20
PORT = 80
AT_ONCE = 1.0 * PATIENCE
clients = itertools.count(100)


def flow_of(family, source_port=0, number=None):
    """A flow of a client of its own; the blade must have both its sockets."""
    source = client_address(family, next(clients) if number is None else number)
    flow = Flow(family, PORT, source, source_port)
    pairs = {tuple(endpoint(word) for word in line.split()[3:5])
             for line in lab("exec", "blade", "ss", "-tnOH").splitlines()}
    if not {(flow.there, flow.here), (flow.seen[:2], flow.there)} <= pairs:
        raise Failure(f"it is not proxied: the blade's sockets: {pairs}")
    return flow


def own_port(family):
    with flow_of(family) as flow:
        need("the client as the server saw it", flow.seen[:2], flow.here)


def half_close(family, first):
    """One end says all that it has to say; the other, read slowly, goes on for 8 MB."""
    with flow_of(family) as flow:
        one, two = (flow.client, flow.server) if first == "client" else \
            (flow.server, flow.client)
        one.sendall(b"this is all")
        time.sleep(0.1)
        one.shutdown(1)
        need("what was said", read_all(two), b"this is all")
        answer = block(1, 8 * MEGABYTE)
        sender = threading.Thread(target=lambda: (two.sendall(answer), two.close()))
        sender.start()
        time.sleep(0.5)  # until nothing more fits
        same = read_all(one) == answer
        sender.join()
        need("answer as sent", same, True)


def both_at_once(family):
    """Each end sends 4 MB while it reads the other's."""
    with flow_of(family) as flow:
        sent = block(2, 4 * MEGABYTE), block(3, 4 * MEGABYTE)
        got = [b"", b""]

        def receive(i, s):
            got[i] = read_all(s)

        ends = (flow.client, flow.server)
        work = [threading.Thread(target=receive, args=(1 - i, s)) for i, s in enumerate(ends)]
        work += [threading.Thread(target=lambda s=s, b=b: (s.sendall(b), s.shutdown(1)))
                 for s, b in zip(ends, sent)]
        for one in work:
            one.start()
        for one in work:
            one.join()
        need("what both got", (got[0] == sent[0], got[1] == sent[1]), (True, True))


def server_speaks_first(family):
    with flow_of(family) as flow:
        flow.server.sendall(b"220 welcome\r\n")
        need("banner", flow.client.recv(100), b"220 welcome\r\n")
        flow.client.sendall(b"HELO\r\n")
        need("answer to it", flow.server.recv(100), b"HELO\r\n")


def reset_passes(family, closer, busy):
    """At once, also where the other end takes no more of what it has been sent."""
    with flow_of(family) as flow:
        ends = {"client": flow.client, "server": flow.server}
        other = ends.pop("server" if closer == "client" else "client")
        mine = ends[closer]
        if busy:
            mine.setblocking(False)
            try:
                while True:
                    mine.send(bytes(1 << 16))
            except BlockingIOError:
                time.sleep(0.2)
        reset(mine)
        how, seconds, _ = ending(other)
        if how != "RST" or seconds > AT_ONCE:
            raise Failure(f"the other saw {how} after {seconds:.2f} s, expected RST")


def reset_of_half(family):
    """A client that has said all it has to say, and then leaves."""
    with flow_of(family) as flow:
        flow.client.shutdown(1)
        need("the end of its half", flow.server.recv(1), b"")
        reset(flow.client)
        deadline = time.monotonic() + LIMIT
        while time.monotonic() < deadline:
            try:
                flow.server.send(b"still there?")
            except (ConnectionResetError, BrokenPipeError):
                return
            time.sleep(0.02)
        raise Failure("the server was not told")


def refused(family):
    began = time.monotonic()
    try:
        with client.dial(family, (server_address(family), PORT)) as s:
            how = ending(s)[0]
    except ConnectionError as e:
        how = type(e).__name__
    if how not in ("RST", "ConnectionResetError") or time.monotonic() - began > AT_ONCE:
        raise Failure(f"the client saw {how} after {time.monotonic() - began:.2f} s")


def port_again(family):
    """The four numbers are in TIME_WAIT here: then the server sees another port."""
    number, port = next(clients), 23456
    with flow_of(family, port, number) as flow:
        flow.client.close()
        need("the end", flow.server.recv(1), b"")
    time.sleep(1.1)  # the client's own TIME_WAIT: tcp_tw_reuse
    with flow_of(family, port, number) as flow:
        flow.client.sendall(b"again")
        need("what came", flow.server.recv(100), b"again")
        need("from the client's address", flow.seen[0], flow.here[0])


def main():
    v = Verdicts()
    v.both_families("relay: from the client's own address and port", own_port)
    v.both_families("relay: the server speaks first", server_speaks_first)
    for end in "client", "server":
        v.both_families(f"relay: half-closed by the {end}, the rest comes", half_close, end)
        v.both_families(f"relay: a RST of the {end} passes", reset_passes, end, False)
        v.both_families(f"relay: and passes what is stuck, the {end}'s", reset_passes, end, True)
    v.both_families("relay: both ways at once, byte for byte", both_at_once)
    v.both_families("relay: a RST after the client's FIN passes", reset_of_half)
    v.both_families("relay: a server that refuses is a RST", refused)
    v.both_families("relay: a client's port that is used again", port_again)
    v.end()


main()
