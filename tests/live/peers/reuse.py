#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""reuse.py: what goes on a connection to a server that the proxy keeps, and what not.

The server tells of each request which of its connections it came by. Each case has
client addresses of its own, so that no other's connection can be the one it finds.
"""
from ends import (LIMIT, Failure, Verdicts, client, client_address, inside, need,
                  read_exactly, reset, server_address, until)
from web import BODY, Web, get, line, one_answer, send, storm


def kept(family, web, n):
    own = client_address(family, n)
    for _ in range(3):
        get(family, n)
    need("connections, each with its requests", web.asked(own), [["GET /"] * 3])
    said = send(family, n, line("HEAD", "/"))
    need("HEAD's answer", (said[:15], said[-4:]), (b"HTTP/1.1 200 OK", b"\r\n\r\n"))
    send(family, n, line("GET", "/none"))
    get(family, n)
    need("after HEAD and 204", web.asked(own),
         [["GET /"] * 3 + ["HEAD /", "GET /none", "GET /"]])


def apart(family, web, n):
    with Web(family, 8080) as other:
        get(family, n)
        get(family, n + 1)
        get(family, n, host=2)
        get(family, n, port=8080)
        get(family, n)
        need("of the first client", web.asked(client_address(family, n)),
             [["GET /", "GET /"], ["GET /"]])
        need("of the second", web.asked(client_address(family, n + 1)), [["GET /"]])
        need("at the other port", other.asked(client_address(family, n)), [["GET /"]])


def alone(family, web, n):
    """What may not be sent again has a connection to itself."""
    own = client_address(family, n)
    get(family, n)
    for data in (line("POST", "/", "Content-Length: 2", body=b"hi"),
                 line("PUT", "/", "Content-Length: 2", body=b"hi"), line("DELETE", "/"),
                 line("GET", "/body", "Content-Length: 2", body=b"hi"),
                 line("GET", "/body", "Transfer-Encoding: chunked",
                      body=b"2\r\nhi\r\n0\r\n\r\n")):
        said = send(family, n, data)
        need("its answer", said[-5:], BODY)
    get(family, n)
    need("connections", web.asked(own),
         [["GET /", "GET /"], ["POST /"], ["PUT /"], ["DELETE /"], ["GET /body"],
          ["GET /body"]])


def lost(family, web, n, how):
    """The server closes instead of answering: asked again, and answered."""
    own = client_address(family, n)
    get(family, n, how)
    get(family, n, how)
    need("connections", web.asked(own), [[f"GET {how}"] * 2, [f"GET {how}"]])


def never(family, web, n):
    need("an answer", send(family, n, line("GET", "/never")), b"")
    tries = len(web.of(client_address(family, n)))
    if not 1 <= tries <= 4:
        raise Failure(f"the server was asked {tries} times")
    need("POST's", send(family, n + 1, line("POST", "/never", "Content-Length: 0")), b"")
    need("POST's connections", web.asked(client_address(family, n + 1)), [["POST /never"]])
    return f"GET {tries} times, POST once"


def ended(family, web, n):
    """An idle one that the server closes is not missed."""
    own = client_address(family, n)
    get(family, n)
    web.idle_end(own)
    until("the server's connection is over", lambda: web.of(own)[0].closed)
    get(family, n)
    need("connections", web.asked(own), [["GET /"], ["GET /"]])


def once(family, web, n):
    """After these answers a connection is not used again."""
    for i, path in enumerate(("/short", "/over", "/closing", "/old")):
        own = client_address(family, n + i)
        said = send(family, n + i, line("GET", path))
        if path == "/short" and not said.endswith(BODY * 10):
            raise Failure(f"of an answer cut short came {said[-60:]!r}")
        if path == "/over" and not said.endswith(BODY):
            raise Failure(f"bytes behind an answer's end came too: {said[-60:]!r}")
        get(family, n + i)
        need(f"after {path}", web.asked(own), [[f"GET {path}"], ["GET /"]])
    own = client_address(family, n + 5)
    for path in ("/chunked", "/early"):
        said = send(family, n + 5, line("GET", path))
        if BODY not in said or (path == "/early" and b" 103 " not in said):
            raise Failure(f"{path} was answered with {said!r}")
    need("after a chunked answer and a 103", web.asked(own), [["GET /chunked", "GET /early"]])


def private(family, web, n, path):
    """A connection that a server authenticates is one client connection's."""
    own = client_address(family, n)
    with client.dial(family, (server_address(family), 80), own) as c:
        c.sendall(line("GET", path, close=False))
        one_answer(c, 0)
        get(family, n)
        c.sendall(line("GET", "/mine", close=False))
        one_answer(c)
    get(family, n)
    get(family, n)
    need("connections", web.asked(own), [[f"GET {path}", "GET /mine"], ["GET /"] * 3])


def grammar(family, web, n):
    """What a server might read otherwise than HAProxy goes nowhere."""
    smuggled = b"0\r\n\r\n" + line("GET", "/smuggled")
    rows = [(b"Transfer-Encoding : chunked", smuggled), (b"Transfer-Encoding: xchunked", smuggled),
            (b"Content-Length: 0\r\nContent-Length: 5", smuggled),
            (b"Content-Length: +5", smuggled), (b"\x01Content-Length: 5", smuggled),
            (b"X: y\rTransfer-Encoding: chunked", smuggled)]
    for i, (field, rest) in enumerate(rows):
        own = client_address(family, n + i)
        get(family, n + i)
        send(family, n + i, b"GET /first HTTP/1.1\r\nHost: lab\r\n" + field + b"\r\n\r\n" + rest)
        get(family, n + i)
        asked = web.asked(own)
        odd = [v for v in asked if "GET /" in v and
               ("GET /smuggled" in v or "GET /first" in v)]
        if odd:
            raise Failure(f"with {field!r} a shared connection carried {odd}")


def upgrade(family, web, n):
    own = client_address(family, n)
    with client.dial(family, (server_address(family), 80), own) as c:
        c.sendall(line("GET", "/upgrade", "Connection: Upgrade", "Upgrade: chat",
                       close=False))
        if b" 101 " not in one_answer(c, 0):
            raise Failure("there was no 101")
        c.sendall(b"bytes")
        need("what comes back", read_exactly(c, 5), b"bytes")
    get(family, n)
    need("connections", web.asked(own), [["GET /upgrade"], ["GET /"]])


def parted(family, web, n):
    """A client that leaves in the middle of its answer: the rest is nobody else's. One
    that is slow holds nobody else up."""
    own = client_address(family, n)
    c = client.dial(family, (server_address(family), 80), own)
    c.sendall(line("GET", "/big", close=False))
    read_exactly(c, 1000)
    get(family, n)
    reset(c)
    for _ in range(5):
        get(family, n)
    with_big = [v for v in web.asked(own) if "GET /big" in v]
    need("of the answer that was left", with_big, [["GET /big"]])


def pipelined(family, web, n):
    own = client_address(family, n)
    with client.dial(family, (server_address(family), 80), own) as c:
        c.sendall(line("GET", "/a", close=False) + line("GET", "/b", close=False) +
                  line("GET", "/c"))
        data = b""
        while part := c.recv(65536):
            data += part
    need("answers", data.count(BODY), 3)
    get(family, n)
    need("connections", web.asked(own), [["GET /a", "GET /b", "GET /c", "GET /"]])


def many(family, web, n):
    """Whatever the server closes meanwhile."""
    storm(family, web, n, web.idle_end)


def idle(family, web, n):
    """Those that nobody needs are closed by the proxy."""
    own = client_address(family, n)
    get(family, n)
    need("at first", [v.closed for v in web.of(own)], [False])
    until("the proxy closes it", lambda: web.of(own)[0].closed, 4 * LIMIT)
    sockets = inside("ss", "-tnH", "state", "established")
    need("sockets with its address", [row for row in sockets.splitlines() if own in row], [])


CASES = (
    ("a connection serves the same client's next ones, HEAD and 204 too", kept),
    ("another client, server or port has another", apart),
    ("POST, PUT, DELETE, and GET with a body, go alone", alone),
    ("closed by FIN instead of an answer: asked again", lost, "/fin"),
    ("closed by RST instead of an answer: asked again", lost, "/rst"),
    ("never answered: the client's connection is closed", never),
    ("closed while idle: the next request has another", ended),
    ("cut short, overlong, closing, HTTP/1.0: not used again; chunked and 103: used", once),
    ("NTLM: that connection is one client connection's", private, "/ntlm"),
    ("Negotiate: that connection is one client connection's", private, "/negotiate"),
    ("what is not by the grammar shares no connection", grammar),
    ("an upgraded connection is not used again", upgrade),
    ("an answer that its client left is nobody else's, nor one waited for", parted),
    ("pipelined requests", pipelined),
    ("300 requests of 50 clients while the server closes connections", many),
    ("an idle one is closed in time", idle),
)


def main():
    verdicts = Verdicts()
    for family in (4, 6):
        with Web(family) as web:
            for i, (name, case, *more) in enumerate(CASES):
                verdicts.run(f"{name}, IPv{family}", case, family, web, 100 * i, *more)
    verdicts.end()


if __name__ == "__main__":
    main()
