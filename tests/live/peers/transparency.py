#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""transparency.py LABEL CLIENTS [clientip]: whom each end of a connection sees.

So many clients, each with an address of its own, speak to port 80 of 20 servers'
addresses, one connection each. With clientip their ports may differ at the server.
"""
import sys

from ends import (Failure, Verdicts, client, client_address, endpoint, inside, need,
                  read_all, read_exactly, server, server_address)

REQUEST = b"GET / HTTP/1.1\r\nHost: lab\r\nConnection: close\r\n\r\n"
ANSWER = (b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nConnection: close\r\n\r\n"
          b"hello")


def converse(listener, family, source, target):
    """One connection; what both ends saw, as (whose address it is, by whom, address)."""
    with client.dial(family, target, source) as c:
        c.sendall(REQUEST)
        # In HTTP mode the proxy only now connects on.
        s, seen = listener.accept()
        with s:
            request = b""
            while not request.endswith(b"\r\n\r\n"):
                request += read_exactly(s, 1)
            s.sendall(ANSWER)
            saw = s.getsockname()[:2]
        if not read_all(c).endswith(b"hello"):
            raise Failure(f"no answer reached {source}")
        return c.getsockname()[:2], seen[:2], saw, c.getpeername()[:2]


def who(family, clients, keeps_port):
    with server.listen(family, 80) as listener:
        for number in range(clients):
            source = client_address(family, number)
            target = server_address(family, 1 + number % 20), 80
            own, seen, saw, peer = converse(listener, family, source, target)
            need("client's address", own[0], source)
            if not keeps_port:
                own, seen = own[:1], seen[:1]
            need("client as the server saw it", seen, own)
            need("server's own address", saw, target)
            need("server as the client saw it", peer, target)


def proxied(family, keeps_port):
    """The namespace holds both sockets of a connection, with the addresses of its ends;
    they are made of the client's and the server's, and none is the proxy's own."""
    source = client_address(family, 3)
    with server.listen(family, 80, server_address(family)) as listener, \
            client.dial(family, (server_address(family), 80), source) as c:
        c.sendall(REQUEST)
        s, _ = listener.accept()
        with s:
            here, there = c.getsockname()[:2], c.getpeername()[:2]
            seen = [tuple(endpoint(w) for w in line.split()[3:5])
                    for line in inside("ss", "-tanOH").splitlines()]
            need("accepted socket", (there, here) in seen, True)
            if keeps_port:
                need("onward socket", (here, there) in seen, True)
            else:
                need("onward socket", source in
                     [pair[0][0] for pair in seen if pair[1] == there], True)


def main():
    label, clients = sys.argv[1], int(sys.argv[2])
    keeps_port = sys.argv[3:] != ["clientip"]
    verdicts = Verdicts()
    port = " and port" if keeps_port else ""
    verdicts.both_families(f"{label}: proxied, not forwarded", proxied, keeps_port)
    verdicts.both_families(f"{label}: the server sees the address{port} of each of "
                           f"{clients} clients, they see the server's",
                           who, clients, keeps_port)
    verdicts.end()


if __name__ == "__main__":
    main()
