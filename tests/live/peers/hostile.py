#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""hostile.py: what odd, broken or ill-willed ends do to connections that the proxy keeps.

Clients of one address share a connection to the server: what one of them, or the server,
does wrong may cost itself an answer, and nobody else.
"""
import contextlib
import random
import threading
import time

from ends import (Failure, Verdicts, client, client_address, need, read_all, read_exactly,
                  reset, server_address, until)
from web import BODY, Web, get, line, one_answer, send, storm

OTHER = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nother"
# Fields, or a request line with fields, from which a server may see a body of 5 bytes
# where HAProxy sees none, or the other way about.
ODD = (
    b"Transfer-Encoding : chunked", b"Transfer-Encoding\t: chunked",
    b"Transfer-Encoding: xchunked", b"Transfer-Encoding:\x0bchunked",
    b"Transfer-Encoding: chunked\r\nContent-Length: 3",
    b"Transfer-Encoding: identity\r\nContent-Length: 5",
    b"X: y\rTransfer-Encoding: chunked", b"X: y\0\r\nTransfer-Encoding: chunked",
    b": x\r\nTransfer-Encoding: chunked", b"Content-Length:", b"Content-Length: ,5",
    b"Content-Length: 0", b"Content-Length: 0\r\nContent-Length: 5",
    b"Content-Length: 5, 5", b"Content-Length: +5", b"Content-Length: 0x5",
    b"Content-Length: 5 0", b"Content-Length : 5", b"\x01Content-Length: 5",
    b"Content-Length\xa0: 5", b"Content-Length\r\n: 5", b"Content-Length",
    b"X: y\r\n\0Content-Length: 5", b"Connection: Content-Length\r\nContent-Length: 5",
)


def odd(family, web, n):
    """Whatever its end: neither it nor what it hides is on another one's connection. The
    proxy writes field names in small letters, so that it has not read one in others."""
    through = 0
    for i, fields in enumerate(ODD):
        own = client_address(family, n + i)
        get(family, n + i)
        with contextlib.suppress(TimeoutError):  # the server may wait for a body
            send(family, n + i, b"GET /first HTTP/1.1\r\nHost: lab\r\n" + fields +
                 b"\r\n\r\n0\r\n\r\n" + line("GET", "/hidden", "Unread: yes"))
            get(family, n + i)
        for v in web.of(own):
            if b"GET / " in v.came and (b"/first" in v.came or b"Unread" in v.came):
                raise Failure(f"with {fields!r} a shared connection carried {v.came!r}")
            through += b"/first" in v.came
    return f"{through} of {len(ODD)} went alone, the others nowhere"


def folded(family, web, n):
    """What HAProxy takes for a fold or the end of a line, the server can take for nothing
    else."""
    own = client_address(family, n)
    for field in ("X: y\r\n Content-Length: 5", "Transfer-Encoding:\r\n chunked",
                  "X: y\nTransfer-Encoding: chunked"):
        body = b"0\r\n\r\n" if "chunked" in field else b""
        said = send(family, n, line("GET", "/odd", field, body=body))
        need(f"the answer with {field!r}", said[-5:], BODY)
    for v in web.of(own):
        if b"\n " in v.came or v.came.count(b"\n") != v.came.count(b"\r\n"):
            raise Failure(f"the server is left to make of it what it likes: {v.came!r}")
    need("connections", web.asked(own), [["GET /odd"]] * 3)


def frame(kind, flags, data):
    return bytes((0, 0, len(data), kind, flags, 0, 0, 0, kind < 2)) + data


def second_version(family, web, n):
    """HTTP/2, which HAProxy takes and translates, has bodies that no header tells of."""
    pairs = (b":method", b"GET"), (b":scheme", b"http"), (b":path", b"/2"), (b":authority", b"x")
    head = b"".join(b"\0%c%s%c%s" % (len(k), k, len(v), v) for k, v in pairs)
    own = client_address(family, n)
    get(family, n)
    with client.dial(family, (server_address(family), 80), own) as c:
        c.sendall(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + frame(4, 0, b"") +
                  frame(1, 4, head) + frame(0, 1, b"hi"))
        data = b""
        while not data.endswith(BODY):
            data += read_exactly(c, 1)
        get(family, n)
    need("connections", web.asked(own), [["GET /", "GET /"], ["GET /2"]])


def long_head(family, web, n):
    own = client_address(family, n)
    get(family, n)
    said = send(family, n, line("GET", "/", "X: " + "y" * 30000))
    need("the answer to 30 KB", said[-5:], BODY)
    need("the answer to 40 KB", send(family, n, line("GET", "/", "X: " + "y" * 40000)), b"")
    get(family, n)
    need("connections", web.asked(own), [["GET /"] * 3])


def hosts(family, web, n):
    """Names of one address, and what the server is told of the client's connection."""
    own = client_address(family, n)
    get(family, n)
    said = send(family, n, b"GET / HTTP/1.1\r\nHost: another\r\nConnection: close\r\n\r\n")
    need("the answer", said[-5:], BODY)
    said = send(family, n, b"GET / HTTP/1.0\r\nHost: lab\r\n\r\n")
    need("HTTP/1.0's", said[-5:], BODY)
    need("connections", web.asked(own), [["GET /"] * 3])


def half_closed(family, web, n):
    """A client that says at once that it will ask for no more is answered."""
    own = client_address(family, n)
    for _ in range(2):
        with client.dial(family, (server_address(family), 80), own) as c:
            c.sendall(line("GET", "/", close=False))
            c.shutdown(1)
            need("the answer", read_all(c)[-5:], BODY)
    need("connections", web.asked(own), [["GET /"] * 2])


def bodies(family, web, n):
    """Bytes where an answer has none, an answer too many, and answers without an end."""
    ok = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n"
    answers = {"/head": ok + b"\r\nother", "/204": b"HTTP/1.1 204 No\r\n\r\n" + OTHER,
               "/304": b"HTTP/1.1 304 No\r\nContent-Length: 5\r\n\r\nother",
               "/two": ok + b"\r\nhello" + OTHER,
               "/differ": ok + b"Content-Length: 9\r\n\r\nhello" + OTHER,
               "/both": ok + b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n" + OTHER,
               "/blank": b"HTTP/1.1 200 OK\r\nContent-Length : 5\r\n\r\nhello" + OTHER,
               "/sized": b"HTTP/1.1 200 OK\r\nContent-Length: 5\n\nhello" + OTHER}
    for i, (path, raw) in enumerate(answers.items()):
        web.answers[path] = lambda v, _, raw=raw: v.s.sendall(raw) or path != "/blank"
        own = client_address(family, n + i)
        with client.dial(family, (server_address(family), 80), own) as c:
            c.sendall(line("HEAD" if path == "/head" else "GET", path))
            if path != "/blank":  # whose end only the server's closing tells
                with contextlib.suppress(ConnectionResetError):
                    read_all(c)
        get(family, n + i)
        if ["GET /"] not in web.asked(own):
            raise Failure(f"after {path} the next request went on: {web.asked(own)}")


def bare(family, web, n):
    """304, and 304 with the length of what it does not carry: used again."""
    own = client_address(family, n)
    web.answers["/same"] = lambda v, _: v.say("304 Not Modified", "ETag: x")
    web.answers["/length"] = lambda v, _: v.say("304 Not Modified", "Content-Length: 500")
    for path in ("/same", "/length"):
        need("the answer's status", send(family, n, line("GET", path))[:12], b"HTTP/1.1 304")
    get(family, n)
    need("connections", web.asked(own), [["GET /same", "GET /length", "GET /"]])


def endless(family, web, n):
    """An answer that ends where its connection does."""
    own = client_address(family, n)
    web.answers["/endless"] = lambda v, _: v.s.sendall(b"HTTP/1.1 200 OK\r\n\r\n" + BODY)
    need("the answer", send(family, n, line("GET", "/endless"))[-5:], BODY)
    get(family, n)
    need("connections", web.asked(own), [["GET /endless"], ["GET /"]])


def unasked(family, web, n):
    """An answer that comes before its question (a server's 408, say) answers nobody."""
    own = client_address(family, n)
    get(family, n)
    web.of(own)[0].s.sendall(OTHER)
    until("the proxy ends that connection", lambda: web.of(own)[0].closed)
    get(family, n)
    need("connections", web.asked(own), [["GET /"], ["GET /"]])


def impatient(family, web, n):
    """A client that leaves before its answer comes."""
    own = client_address(family, n)
    release = threading.Event()

    def wait(v, _):
        release.wait()
        v.s.sendall(OTHER)
        return True
    web.answers["/wait"] = wait
    c = client.dial(family, (server_address(family), 80), own)
    c.sendall(line("GET", "/wait"))
    until("the server is asked", lambda: web.asked(own) == [["GET /wait"]])
    reset(c)
    get(family, n)
    release.set()
    for _ in range(3):
        get(family, n)


def slow(family, web, n):
    """One that reads its answer slowly holds up no other of its address."""
    own = client_address(family, n)
    with client.dial(family, (server_address(family), 80), own) as c:
        c.sendall(line("GET", "/big", close=False))
        read_exactly(c, 1000)
        began = time.monotonic()
        for _ in range(3):
            get(family, n)
        took = time.monotonic() - began
        one = b"GET /big" in web.of(own)[0].came
        read_exactly(c, 1 << 19)
    need("requests of the others", [one, web.asked(own)], [True, [["GET /big"], ["GET /"] * 3]])
    return f"3 answers in {took * 1000:.0f} ms"


def authenticated(family, web, n, scheme):
    """Once a client connection authenticates itself, all of it is on one connection to
    the server, POST too, and nothing else is, whether the server asked for it or not."""
    own = client_address(family, n)
    get(family, n)
    with client.dial(family, (server_address(family), 80), own) as c:
        for method, fields in (("GET", (f"Authorization: {scheme} YWJj",)), ("GET", ()),
                               ("POST", ("Content-Length: 0",)), ("GET", ())):
            c.sendall(line(method, "/mine", *fields, close=False))
            one_answer(c)
            get(family, n)
    get(family, n)
    need("connections", web.asked(own),
         [["GET /"] * 6, ["GET /mine", "GET /mine", "POST /mine", "GET /mine"]])


def resets(family, web, n):
    """As many requests while the server resets whatever is about."""
    storm(family, web, n, web.reset)


def numbered(v, method):
    """The answer names what was asked; some are late, chunked, long, cut or closed."""
    word = v.asked[-1].split(" ")[1].encode()
    kind = int(word.split(b"/")[2]) % 10
    body = word + b"." * (30000 if kind == 3 else 0)
    if kind == 1:
        time.sleep(0.01)
    if method == "HEAD":
        return v.say("200 OK", f"Content-Length: {len(body)}", f"X-For: {word.decode()}")
    if kind == 2:
        return v.say("200 OK", "Transfer-Encoding: chunked",
                     body=b"%x\r\n%s\r\n0\r\n\r\n" % (len(body), body))
    v.say("200 OK", f"Content-Length: {len(body)}", body=body)
    return kind != 4


def asker(family, n, seed, wrong, told):
    dice = random.Random(seed)
    for i in range(60):
        path = f"/n{seed}/{i}"
        method = dice.choice(("GET", "GET", "GET", "HEAD", "POST"))
        fields = ("Content-Length: 0",) if method == "POST" else ()
        target = server_address(family), 80
        try:
            with client.dial(family, target, client_address(family, n)) as c:
                c.sendall(line(method, path, *fields))
                if dice.random() < 0.2:
                    with contextlib.suppress(OSError):
                        c.recv(dice.choice((1, 100, 5000)))
                    reset(c)
                    continue
                said = read_all(c)
        except OSError as e:
            said = str(e).encode()
        mark = (f"X-For: {path}\r\n" if method == "HEAD" else f"\r\n{path}").encode()
        # A header name as the proxy writes it is in small letters.
        if mark.lower() not in said.lower() or said.count(b"HTTP/1.1") != 1:
            wrong.append(f"{method} {path}: {said[:200]!r}")
        told.append(path)


def own_answers(family, web, n):
    """Eight at once behind one address, who ask and leave: each has its own answer."""
    wrong, told = [], []
    for seed in range(8):
        for i in range(60):
            web.answers[f"/n{seed}/{i}"] = numbered
    threads = [threading.Thread(target=asker, args=(family, n, seed, wrong, told))
               for seed in range(8)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    need("answers that are another's, or none", wrong[:3], [])
    visits = web.of(client_address(family, n))
    shared = [v for v in visits if len(v.asked) > 1]
    if not shared or any(a.startswith("POST") for v in shared for a in v.asked):
        raise Failure(f"on shared connections were {[v.asked[:9] for v in shared]}")
    return f"{len(told)} answers, {sum(len(v.asked) for v in visits)} requests, " \
           f"{len(visits)} connections"


CASES = (
    ("a request with an odd or doubtful body shares no connection", odd),
    ("folded fields and bare line ends reach no server as such", folded),
    ("what came as HTTP/2 shares no connection", second_version),
    ("a request head of 30 KB passes, one of 40 KB does not", long_head),
    ("one address of several names, and HTTP/1.0, share a connection", hosts),
    ("a client that half-closes has its answer", half_closed),
    ("after bytes where an answer has none, another connection", bodies),
    ("304 leaves a connection in use", bare),
    ("an answer that ends with its connection", endless),
    ("an answer before any question is nobody's", unasked),
    ("an answer that its client did not wait for is nobody else's", impatient),
    ("a slow client holds nobody up", slow),
    ("NTLM as a client begins it: all on one connection, its own", authenticated, "NTLM"),
    ("Negotiate, in small letters: the same", authenticated, "negotiate"),
    ("300 requests of 50 clients while the server resets connections", resets),
    ("each has the answer to its own question", own_answers),
)


def main():
    verdicts = Verdicts()
    for family in (4, 6):
        with Web(family) as web:
            for i, (name, case, *more) in enumerate(CASES):
                verdicts.run(f"{name}, IPv{family}", case, family, web, 5000 + 100 * i, *more)
    verdicts.end()


if __name__ == "__main__":
    main()
