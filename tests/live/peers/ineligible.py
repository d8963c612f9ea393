#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""ineligible.py LABEL: what is none of the proxy's business passes the blade unharmed.

Each way and in both families, between a client's address and a server's: ICMP and ICMPv6
echo, UDP, TCP on other ports, and the ICMP errors that routers and hosts answer with.
"""
import select
import socket
import struct
import sys

from ends import (LIMIT, Failure, Verdicts, blade_addresses, block, client,
                  client_address, inside, need, read_exactly, server,
                  server_address)

NUMBER = 77  # of the client, whose address nobody else has
WAYS = {"client": (client, server), "server": (server, client)}


def addresses(family, sender):
    ends = {"client": client_address(family, NUMBER), "server": server_address(family)}
    own = ends.pop(sender)
    return own, ends.popitem()[1]


def ping(family, sender, size):
    place, _ = WAYS[sender]
    own, other = addresses(family, sender)
    said = place.run("ping", f"-{family}", "-n", "-c", "3", "-i", "0.05", "-W", "3",
                     "-s", str(size), "-I", own, other, check=False)
    if " 3 received" not in said and "3 packets received" not in said:
        raise Failure(said.strip() or "ping says nothing")


def udp(family, sender, port, size):
    """A datagram and its answer; the receiver sees the sender's own address and port."""
    place, peer = WAYS[sender]
    own, other = addresses(family, sender)
    with peer.udp(family, other, port) as there, place.udp(family, own) as here:
        there.settimeout(LIMIT)
        question, answer = block(1, size), block(2, size)
        here.sendto(question, (other, port))
        data, seen = there.recvfrom(1 << 16)
        need("question", data == question, True)
        need("sender as it was seen", seen[:2], here.getsockname()[:2])
        there.sendto(answer, seen)
        data, seen = here.recvfrom(1 << 16)
        need("answer", data == answer, True)
        need("receiver as it was seen", seen[:2], (other, port))


def tcp(family, sender, port, own_port=0):
    """Forwarded, so that the proxy's namespace has no socket of it."""
    place, peer = WAYS[sender]
    own, other = addresses(family, sender)
    with peer.listen(family, port, other) as listener:
        here = place.dial(family, (other, port), own, own_port)
        there, seen = listener.accept()
    with here, there:
        there.settimeout(LIMIT)
        need("sender as it was seen", seen[:2], here.getsockname()[:2])
        known = [line for line in inside("ss", "-tnOH").splitlines()
                 if client_address(family, NUMBER) in line]
        need("sockets of it in the proxy's namespace", known, [])
        data = block(3)
        here.sendall(b"send")
        need("question", read_exactly(there, 4), b"send")
        there.settimeout(0.05)
        got = bytearray()
        here.settimeout(LIMIT)
        sent = 0
        while len(got) < len(data):
            if sent < len(data):
                sent += there.send(data[sent:sent + 16384])
            got += here.recv(1 << 16)
        need("1 MB as sent", bytes(got) == data, True)
        there.close()
        need("end of the stream", here.recv(1), b"")


def errors(s, family):
    """The first ICMP error queued for a socket: (whose, type, code)."""
    poll = select.poll()
    poll.register(s, 0)  # errors are always told
    if not poll.poll(LIMIT * 1000):
        raise Failure(f"no ICMP error within {LIMIT} s")
    for level, _, data in s.recvmsg(512, 512, socket.MSG_ERRQUEUE)[1]:
        # struct sock_extended_err, then its sender's struct sockaddr
        _, _, kind, code = struct.unpack_from("=IBBB", data)
        at = 16 + (4 if family == 4 else 8)
        size = 4 if family == 4 else 16
        if level in (socket.IPPROTO_IP, socket.IPPROTO_IPV6):
            return (socket.inet_ntop(s.family, data[at:at + size]), kind, code)
    raise Failure("an error without its ICMP message")


def error_of(family, sender, hops):
    """The ICMP error that a datagram to a port where nobody listens comes to."""
    place, _ = WAYS[sender]
    own, other = addresses(family, sender)
    level, receive, ttl = (socket.IPPROTO_IP, 11, socket.IP_TTL) if family == 4 else \
        (socket.IPPROTO_IPV6, 25, socket.IPV6_UNICAST_HOPS)
    with place.udp(family, own) as s:
        s.setsockopt(level, receive, 1)  # IP_RECVERR, IPV6_RECVERR
        s.setsockopt(level, ttl, hops)
        s.connect((other, 33434))
        s.send(b"anybody?")
        return errors(s, family)


def traceroute(family, sender):
    whose, kind, code = error_of(family, sender, 1)
    blade = blade_addresses(family)[0 if sender == "client" else 1]
    need("time exceeded", (kind, code), (11, 0) if family == 4 else (3, 0))
    need("its sender", whose, blade)


def port_unreachable(family, sender):
    whose, kind, code = error_of(family, sender, 64)
    need("port unreachable", (kind, code), (3, 3) if family == 4 else (1, 4))
    # Over IPv6 a lab's host speaks by its router's address, for its own is a route only.
    need("that it is the blade's", whose in blade_addresses(family), False)


def tcp_refused(family, sender):
    place, _ = WAYS[sender]
    own, other = addresses(family, sender)
    try:
        place.dial(family, (other, 8099), own).close()
    except ConnectionRefusedError:
        return
    raise Failure("it was accepted")


def main():
    label = sys.argv[1]
    verdicts = Verdicts()
    for sender in WAYS:
        def both(name, case, *arguments, sender=sender):
            verdicts.both_families(f"{label}: {name} from the {sender}", case, sender,
                                   *arguments)
        both("ping", ping, 56)
        both("ping of 4000 bytes, in fragments,", ping, 4000)
        both("UDP", udp, 5000, 1000)
        both("UDP on the service port", udp, 80, 1000)
        both("UDP of 6000 bytes, in fragments,", udp, 5001, 6000)
        both("TCP on another port", tcp, 8081)
        both("TCP refused on another port", tcp_refused)
        both("ICMP of a hop too many (traceroute) to a datagram", traceroute)
        both("ICMP of an unreachable port to a datagram", port_unreachable)
    verdicts.both_families(f"{label}: TCP to a client's port 80 from the server", tcp,
                           "server", 80)
    verdicts.end()


if __name__ == "__main__":
    main()
