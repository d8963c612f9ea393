#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""protocol.py CASES: TCP's manners through the proxy, seen from both ends.

CASES is manners, idle, bulk, or congestion with the congestion control of the client's
side and of the server's, and the first window of each. The blade must serve ports 80 and
7000-7049. Verdicts go to stdout.
"""
import errno
import fcntl
import itertools
import os
import re
import signal
import socket
import sys
import termios
import threading
import time

from ends import (LIMIT, PATIENCE, Failure, Flow, Verdicts, block, client,
                  client_address, cpu_seconds, ending, inside, need, read_all,
                  read_exactly, reset, server, server_address, until)

MEGABYTE = 1 << 20
AT_ONCE = 1.0 * PATIENCE
ports = itertools.count(7000)


def half_close(family, first):
    """One end says all that it has to say; the other, read slowly, goes on for 8 MB."""
    with Flow(family, next(ports)) as flow:
        flow.must_be_proxied()
        one, two = (flow.client, flow.server) if first == "client" else \
            (flow.server, flow.client)
        one.sendall(b"this is all")
        one.shutdown(socket.SHUT_WR)
        need("what was said", read_all(two), b"this is all")
        time.sleep(0.5)  # nothing may take the half that is left for an idle one
        answer = block(1, 8 * MEGABYTE)
        sender = threading.Thread(target=lambda: (two.sendall(answer), two.close()))
        sender.start()
        time.sleep(0.5)
        same = read_all(one) == answer
        sender.join()
        need("answer as sent", same, True)


def server_speaks_first(family):
    with Flow(family, next(ports)) as flow:
        flow.server.sendall(b"220 welcome\r\n")
        need("banner", flow.client.recv(100), b"220 welcome\r\n")
        flow.client.sendall(b"HELO\r\n")
        need("answer to it", flow.server.recv(100), b"HELO\r\n")
        flow.must_be_proxied()


def reset_passes(family, closer, other, busy):
    """A RST ends the other's connection at once; says how that end looks."""
    with Flow(family, next(ports)) as flow:
        flow.must_be_proxied()
        ends = {"client": flow.client, "server": flow.server}
        if busy:
            ends[other].setblocking(False)
            try:
                while True:
                    ends[other].send(bytes(1 << 16))
            except BlockingIOError:
                pass
            ends[other].settimeout(LIMIT)
        else:
            ends[closer].sendall(b"last words")
            need("last words", ends[other].recv(100), b"last words")
        reset(ends[closer])
        how, seconds, _ = ending(ends[other])
        # HAProxy, if it learns of the RST when it writes, shuts down and then resets.
        if how == "FIN" and (other, busy) == ("server", True):
            until("a RST after the FIN", lambda: is_reset(ends[other]), AT_ONCE)
            return "after a FIN"
        if how != "RST" or seconds > AT_ONCE:
            raise Failure(f"the {other} saw {how} after {seconds:.2f} s, expected RST "
                          f"within {AT_ONCE} s")
    return None


def is_reset(s):
    """A RST after a FIN has come shows in what the kernel says of the socket's state."""
    closed = 7  # TCP_CLOSE, the first byte of TCP_INFO
    return s.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 1)[0] == closed


def reset_at_once(family):
    """By the server, before either end has said a word."""
    with Flow(family, next(ports)) as flow:
        flow.must_be_proxied()
        reset(flow.server)
        how, seconds, size = ending(flow.client)
        need("how it ended for the client", (how, size), ("RST", 0))
        need(f"within {AT_ONCE} s", seconds <= AT_ONCE, True)


def reset_after_data(family):
    """The data first, all of it, however slowly the client takes it."""
    size = 3 * MEGABYTE
    with Flow(family, next(ports)) as flow:
        flow.must_be_proxied()
        sender = threading.Thread(target=flow.server.sendall, args=(bytes(size),))
        sender.start()
        read_exactly(flow.client, MEGABYTE)
        sender.join()
        until("the proxy has it all", lambda: unsent(flow.server) == 0)
        time.sleep(0.1)  # for HAProxy to let go of its socket, see tc/reset.bpf.c
        reset(flow.server)
        how, _, rest = ending(flow.client)
        need("end and bytes", (how, MEGABYTE + rest), ("RST", size))


def fin_then_reset(family):
    """A stream that the server ended ends so for the client, whatever comes behind it."""
    port = next(ports)
    with Flow(family, port) as flow:
        flow.must_be_proxied()
        held = re.search(r"pid=(\d+)", inside("ss", "-tnpOH", f"dport = :{port}"))
        os.kill(int(held[1]), signal.SIGSTOP)  # it sees data, FIN and RST at one time
        try:
            flow.server.sendall(b"all there is")
            flow.server.shutdown(socket.SHUT_WR)
            time.sleep(0.1)
            reset(flow.server)
            time.sleep(0.05)
        finally:
            os.kill(int(held[1]), signal.SIGCONT)
        how, _, size = ending(flow.client)
        need("end and bytes", (how, size), ("FIN", len(b"all there is")))


def unsent(s):
    """Bytes that the other end has not acknowledged."""
    return int.from_bytes(fcntl.ioctl(s, termios.TIOCOUTQ, bytes(4)), sys.byteorder)


def stays_fin(family):
    """A new connection with the same four numbers has nothing of the last one's RST."""
    port = next(ports)
    numbers = family, port, client_address(family, 9), 30000 + port
    with Flow(*numbers) as flow:
        exchange(flow)
        reset(flow.server)
        need("the reset one's end", ending(flow.client)[0], "RST")
    with Flow(*numbers) as flow:
        exchange(flow)
        need("client as the server saw it", flow.seen[:2], numbers[2:])
        flow.server.close()
        need("the next one's end", ending(flow.client)[0], "FIN")


def no_server(family, target, limit, wanted):
    """Nobody there: what the client is told, and when."""
    began = time.monotonic()
    try:
        s = client.dial(family, target)
    except OSError as e:
        how = errno.errorcode[e.errno]
    else:
        with s:
            how = ending(s)[0]
    seconds = time.monotonic() - began
    if how not in wanted or seconds > limit:
        raise Failure(f"the client saw {how} after {seconds:.2f} s, expected "
                      f"{' or '.join(wanted)} within {limit} s")
    return f"a {how} after {seconds * 1000:.0f} ms"


def refused(family):
    """The RST may come in before connect() is done: then that says ECONNRESET."""
    return no_server(family, (server_address(family), 7049), AT_ONCE, ("RST", "ECONNRESET"))


def unreachable(family):
    """The server-side router answers with ICMP's "host unreachable". In a lab it may do
    so before connect() is over, when the kernel takes no notice (LockDroppedIcmps); then
    the answer to the next SYN counts, a second later, once for each of two attempts."""
    target = server_address(family, 99)
    route = ["ip", f"-{family}", "route"], ["unreachable", target, "table", "local"]
    server.run(*route[0], "add", *route[1])
    try:
        return no_server(family, (target, 80), AT_ONCE + 4,
                         ("FIN", "RST", "ECONNREFUSED", "EHOSTUNREACH"))
    finally:
        server.run(*route[0], "del", *route[1])


def idle(family, seconds):
    with Flow(family, 7048) as flow:
        flow.client.sendall(b"before")
        need("before", flow.server.recv(100), b"before")
        time.sleep(seconds)
        flow.must_be_proxied()
        flow.client.sendall(b"after")
        need("after", flow.server.recv(100), b"after")
        flow.server.sendall(b"and back")
        need("and back", flow.client.recv(100), b"and back")


def exchange(flow):
    flow.client.sendall(b"ping")
    need("ping", read_exactly(flow.server, 4), b"ping")
    flow.server.sendall(b"pong")
    need("pong", read_exactly(flow.client, 4), b"pong")


def close(flow, first):
    one, two = (flow.client, flow.server) if first != "server" else \
        (flow.server, flow.client)
    if first == "reset":
        reset(flow.client)
        ending(flow.server)
        flow.server.close()
        return
    one.shutdown(socket.SHUT_WR)
    need("end of the stream", two.recv(1), b"")
    two.close()
    need("end of the stream", one.recv(1), b"")
    one.close()


def reuse(family, first):
    """The same four numbers, six times over, each as soon as the last is closed."""
    port = next(ports)
    source, source_port = client_address(family, 7), 20000 + port
    # Of a kernel before 6.14: a TIME_WAIT of its own holds a port for a second.
    slow = "tcp_tw_reuse_delay" not in inside("ls", "/proc/sys/net/ipv4")
    limit = (2.5 if slow else 0.5) * PATIENCE
    took = []
    for _ in range(6):
        began = time.monotonic()
        with Flow(family, port, source, source_port) as flow:
            exchange(flow)
            took.append(time.monotonic() - began)
            need("client as the server saw it", flow.seen[:2], (source, source_port))
            close(flow, first)
    # A port that is held is so each time; once may be the machine's doing.
    if sorted(took)[-2] > limit:
        raise Failure(f"they took {took} s, expected {limit} s at most")
    return f"at most {max(took) * 1000:.0f} ms"


def own_service_port(family):
    """A client whose own port is one of those that the proxy listens on: an onward
    socket cannot have it beside the listeners, so HAProxy's spare takes another one."""
    source, port = client_address(family, 8), 7020
    with Flow(family, next(ports), source, port) as flow:
        exchange(flow)
        need("client's address as the server saw it", flow.seen[0], source)


def transfer(source, sink, seed, megabytes, errors):
    def send():
        for i in range(megabytes):
            source.sendall(block(seed + i))

    def receive():
        for i in range(megabytes):
            if read_exactly(sink, MEGABYTE) != block(seed + i):
                raise Failure(f"megabyte {i} arrived different")

    def guard(f):
        try:
            f()
        except Exception as e:
            errors.append(f"{f.__name__}: {e}")

    return [threading.Thread(target=guard, args=(f,)) for f in (send, receive)]


def both_ways(family, port, megabytes):
    """Neither end closes before all has arrived. HAProxy 2.6 may cut a stream short of
    which it has the FIN but, its reader being slow, not yet all bytes, if the other
    direction is half-closed just then: hung up, it reads, and asks no further."""
    errors = []
    with Flow(family, port) as flow:
        began = time.monotonic()
        threads = transfer(flow.client, flow.server, 1000, megabytes, errors) + \
            transfer(flow.server, flow.client, 5000, megabytes, errors)
        for t in threads:
            t.start()
        flow.must_be_proxied()
        for t in threads:
            t.join()
        seconds = time.monotonic() - began
    if errors:
        raise Failure(", ".join(errors))
    return f"{2 * megabytes / seconds:.0f} MB/s in sum"


def urgent(family):
    """HAProxy reads no out-of-band data, so the kernel leaves the urgent byte out of the
    stream; all the others must arrive, in order, and the connection must go on."""
    with Flow(family, next(ports)) as flow:
        flow.must_be_proxied()
        flow.client.sendall(b"before ")
        flow.client.send(b"!", socket.MSG_OOB)
        time.sleep(0.2)
        flow.client.sendall(b" after")
        flow.client.shutdown(socket.SHUT_WR)
        seen = read_all(flow.server)
        if seen not in (b"before  after", b"before ! after"):
            raise Failure(f"the server received {seen!r}")
        flow.server.sendall(b"still here")
        flow.server.close()
        need("the way back", read_all(flow.client), b"still here")
    return "the urgent byte itself is " + ("kept, in line" if b"!" in seen else "lost")


def spinning(family):
    """Urgent data must not make an instance turn in a circle."""
    with Flow(family, next(ports)) as flow:
        flow.client.sendall(block(3, 1 << 16))
        read_exactly(flow.server, 1 << 16)
        flow.client.send(b"!", socket.MSG_OOB)
        time.sleep(0.3)
        before = cpu_seconds()
        time.sleep(1)
        used = cpu_seconds() - before
        if used > 0.5:
            raise Failure(f"the instances used {used:.2f} s of CPU in an idle second")


def congestion(family, wanted):
    """Each side's own congestion control and initial window."""
    with Flow(family, next(ports)) as flow:
        found = flow.sockets("-i")
        for side in "accepted", "onward":
            name, window = wanted[side]
            words = found[side].split()
            need(f"{side} socket's congestion control", name in words, True)
            need(f"{side} socket's initial window", f"cwnd:{window}" in words, True)


def manners(both):
    both("half-close by the client, then 8 MB to it", half_close, "client")
    both("half-close by the server, then 8 MB to it", half_close, "server")
    both("the server speaks first", server_speaks_first)
    for closer, other in ("client", "server"), ("server", "client"):
        for busy in False, True:
            state = "busy" if busy else "idle"
            both(f"a reset by the {closer} reaches the {state} {other}", reset_passes,
                 closer, other, busy)
    both("a reset by the server before any data reaches the client", reset_at_once)
    both("a reset by the server after 3 MB reaches the client, and they too",
         reset_after_data)
    both("a reset by the server behind its FIN: the client has all, and the FIN",
         fin_then_reset)
    both("a reset connection's ports used again: its normal end is a FIN", stays_fin)
    both("a refused connection ends the client's at once, with a RST", refused)
    both("an unreachable host ends the client's connection", unreachable)
    both("a client whose own port is a service port keeps its address", own_service_port)
    for first, name in (("server", "the server closed first"),
                        ("client", "the client closed first"),
                        ("reset", "the client reset")):
        both(f"a client's port used again at once after {name}", reuse, first)
    both("urgent data: the bytes around it arrive", urgent)
    both("urgent data: no instance spins", spinning)


def main():
    verdicts = Verdicts()
    cases, arguments = sys.argv[1], sys.argv[2:]
    both = verdicts.both_families
    if cases == "manners":
        manners(both)
    elif cases == "idle":
        verdicts.start("a connection idle for 35 s goes on", idle, 35)
    elif cases == "bulk":
        both("100 MB up and down at once on one connection, byte for byte", both_ways,
             7047, 100)
    elif cases == "congestion":
        wanted = {"accepted": (arguments[0], arguments[2]),
                  "onward": (arguments[1], arguments[3])}
        both(f"{arguments[0]} to the client, {arguments[1]} to the server, first windows "
             f"of {arguments[2]} and {arguments[3]}", congestion, wanted)
    verdicts.end()


if __name__ == "__main__":
    main()
