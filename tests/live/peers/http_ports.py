#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""http_ports.py SOURCE: port 80 is read as HTTP, port 8080 carries bytes.

SOURCE is the blade's haproxy.source; with clientip it has reuse too.
"""
import contextlib
import itertools
import socket
import sys
import time

from ends import (Failure, Flow, Verdicts, block, client, client_address, need, read_all,
                  read_exactly, reset, server_address, until)
from web import Web, get, line, one_answer

REUSED = sys.argv[1] == "clientip"
clients = itertools.count(1)
LOOKS_LIKE_HTTP = (b"GET / HTTP/1.1\r\nHost: lab\r\n\r\n"
                   b"GET /\0 HTTP/1.1\r\nno field at all\r\nConnection: close\r\n\r\n"
                   b"POST / HTTP/1.1\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n")


def is_http(family):
    """Read as such: with reuse two of a client share a connection, without it none is
    made before there is a request."""
    n = next(clients)
    with Web(family) as web:
        if REUSED:
            get(family, n)
            get(family, n)
            need("connections", web.asked(client_address(family, n)), [["GET /", "GET /"]])
            return
        target = server_address(family), 80
        with client.dial(family, target, client_address(family, n)) as c:
            c.sendall(b"GE")
            time.sleep(0.5)
            need("the server's connections before the request is whole", len(web.visits), 0)
            c.sendall(line("GET", "/")[2:])
            one_answer(c)


def bytes_pass(family):
    """What looks like HTTP is not looked at, in either direction."""
    for _ in range(2):
        with Flow(family, 8080) as flow:  # a connection of its own each time
            if not REUSED:  # it knows the onward one by the client's port
                flow.must_be_proxied()
            flow.client.sendall(LOOKS_LIKE_HTTP)
            need("what the server gets", read_exactly(flow.server, len(LOOKS_LIKE_HTTP)),
                 LOOKS_LIKE_HTTP)
            flow.server.sendall(b"HTTP/1.1 maybe\r\n\r\n" + LOOKS_LIKE_HTTP)
            flow.server.shutdown(socket.SHUT_WR)
            need("what the client gets", read_all(flow.client),
                 b"HTTP/1.1 maybe\r\n\r\n" + LOOKS_LIKE_HTTP)
            flow.client.close()
            need("what the server gets then", read_all(flow.server), b"")


def begins_either_way(family):
    """The server is connected to at once, and may speak first."""
    with Flow(family, 8080) as flow:
        flow.server.sendall(b"220 welcome\r\n")
        need("banner", read_exactly(flow.client, 13), b"220 welcome\r\n")
        flow.client.shutdown(socket.SHUT_WR)
        need("what the server gets", read_all(flow.server), b"")
        answer = block(family, 4 << 20)
        with contextlib.suppress(OSError):
            flow.server.sendall(answer[:1 << 16])
        flow.server.close()
        need("what the client gets", read_all(flow.client), answer[:1 << 16])


def prior_knowledge(family):
    """HTTP/2's first bytes are bytes like others."""
    preface = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + bytes(9)
    with Flow(family, 8080) as flow:
        flow.client.sendall(preface)
        need("what the server gets", read_exactly(flow.server, len(preface)), preface)


def many_at_once(family):
    """Both kinds together, one instance's: none takes the other's way."""
    n = next(clients)
    with Web(family) as web:
        for i in range(30):
            with Flow(family, 8080) as flow:
                flow.client.sendall(b"x%d" % i)
                need("a line", read_exactly(flow.server, len(b"x%d" % i)), b"x%d" % i)
                get(family, n, f"/{i}")
                flow.server.sendall(b"y")
                need("its answer", read_exactly(flow.client, 1), b"y")
        asked = [path for one in web.asked(client_address(family, n)) for path in one]
        need("requests", asked, [f"GET /{i}" for i in range(30)])


def reset_is_reset(family):
    """A server's RST reaches the client as such where bytes are relayed."""
    with Flow(family, 8080) as flow:
        flow.client.sendall(b"last words")
        need("last words", flow.server.recv(100), b"last words")
        reset(flow.server)
        try:
            need("the end", flow.client.recv(100), b"")
        except ConnectionResetError:
            return
        raise Failure("the client saw a FIN")


def reset_is_answered(family):
    """But HAProxy's to answer where it reads HTTP: by the end of the stream."""
    n = next(clients)
    with Web(family) as web:
        target = server_address(family), 80
        with client.dial(family, target, client_address(family, n)) as c:
            c.sendall(line("GET", "/rst", close=False))
            one_answer(c)
            c.sendall(line("GET", "/rst"))
            need("the end", c.recv(100), b"")  # a RST would raise
        need("requests", web.asked(client_address(family, n)), [["GET /rst"] * 2])


def main():
    verdicts = Verdicts()
    for name, case in (("port 80 is read as HTTP", is_http),
                       ("port 8080 carries what looks like HTTP as bytes", bytes_pass),
                       ("port 8080: the server speaks first, the client ends first",
                        begins_either_way),
                       ("port 8080: HTTP/2's first bytes", prior_knowledge),
                       ("port 80 and port 8080 in turn, 30 times", many_at_once)):
        verdicts.both_families(name, case)
    if not REUSED:
        verdicts.both_families("port 8080: a server's RST is one", reset_is_reset)
        verdicts.both_families("port 80: a server's RST is HAProxy's to answer", reset_is_answered)
    verdicts.end()


if __name__ == "__main__":
    main()
