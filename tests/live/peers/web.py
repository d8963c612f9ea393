# SPDX-License-Identifier: GPL-2.0-or-later
"""A web server that tells of each request by which of its connections it came, and the
clients that ask it."""
import contextlib
import ctypes
import socket
import threading

from ends import Failure, client, client_address, read_exactly, reset, server, server_address

BODY = b"hello"
BIG = 1 << 20
LIBC = ctypes.CDLL(None, use_errno=True)


class Gone(Exception):
    """The proxy ended this connection."""


def abort(s):
    """RST at once, although a thread waits in recv(): close() would wait for that."""
    s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
    if LIBC.connect(s.fileno(), bytes(16), 16):  # to AF_UNSPEC
        raise OSError(ctypes.get_errno(), "connect")


class Visit:
    """A connection to the server."""

    def __init__(self, web, number, s, address):
        self.web, self.number, self.s, self.address = web, number, s, address
        self.asked, self.closed, self.buffer = [], False, b""
        self.came = b""  # all of its bytes

    def take(self, enough):
        while not (n := enough(self.buffer)):
            try:
                piece = self.s.recv(65536)
            except OSError:
                piece = b""
            if not piece:
                raise Gone
            self.buffer += piece
            self.came += piece
        taken, self.buffer = self.buffer[:n], self.buffer[n:]
        return taken

    def request(self):
        """(method, path) of the next one; its body is skipped."""
        head = self.take(lambda b: b.find(b"\r\n\r\n") + 4 if b"\r\n\r\n" in b else 0)
        fields = head.decode("latin-1").lower()
        if "\r\ntransfer-encoding" in fields:
            self.take(lambda b: b.find(b"0\r\n\r\n") + 5 if b"0\r\n\r\n" in b else 0)
        elif "\r\ncontent-length:" in fields:
            size = int(fields.split("\r\ncontent-length:")[1].split("\r\n")[0])
            if size:
                self.take(lambda b: size if len(b) >= size else 0)
        method, path, _ = head.decode("latin-1").split(" ", 2)
        return method, path

    def serve(self):
        with contextlib.suppress(Gone, OSError):
            while True:
                method, path = self.request()
                self.asked.append(f"{method} {path}")
                if not self.answer(method, path):
                    break
        self.closed = True
        self.s.close()

    def say(self, status, *fields, body=b""):
        head = "\r\n".join([f"HTTP/1.1 {status}", *fields, "", ""])
        self.s.sendall(head.encode() + body)
        return True

    def answer(self, method, path):
        """False: this connection is over."""
        if own := self.web.answers.get(path):
            return own(self, method)
        again = len(self.asked) > 1
        if path == "/never" or (path == "/fin" and again):
            return False
        if path == "/rst" and again:
            reset(self.s)
            return False
        if path == "/short":
            self.say("200 OK", "Content-Length: 100", body=BODY * 10)
            return False
        if path == "/over":
            return self.say("200 OK", "Content-Length: 5", body=BODY + b"and more")
        if path == "/none":
            return self.say("204 No Content")
        if path == "/chunked":
            return self.say("200 OK", "Transfer-Encoding: chunked",
                            body=b"5\r\nhello\r\n0\r\n\r\n")
        if path == "/closing":
            self.say("200 OK", "Content-Length: 5", "Connection: close", body=BODY)
            return False
        if path == "/old":
            self.s.sendall(b"HTTP/1.0 200 OK\r\nContent-Length: 5\r\n\r\n" + BODY)
            return False
        if path == "/early":
            self.say("103 Early Hints", "Link: </x>; rel=preload")
        if path == "/ntlm":
            return self.say("401 Unauthorized", "WWW-Authenticate: NTLM", "Content-Length: 0")
        if path == "/negotiate":
            return self.say("401 Unauthorized", "WWW-Authenticate: Negotiate",
                            "Content-Length: 0")
        if path == "/upgrade":
            self.say("101 Switching Protocols", "Upgrade: chat", "Connection: Upgrade")
            self.s.sendall(self.take(lambda b: 5 if len(b) >= 5 else 0))
            return False
        if path == "/big":
            return self.say("200 OK", f"Content-Length: {BIG}", body=bytes(BIG))
        return self.say("200 OK", "Content-Length: 5", body=b"" if method == "HEAD" else BODY)


class Web:
    """The server, on one port of all its addresses."""

    def __init__(self, family, port=80):
        self.listener = server.listen(family, port)
        self.listener.settimeout(None)
        self.visits = []
        self.answers = {}  # by path: what takes a visit and a method, and answers
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            try:
                s, address = self.listener.accept()
            except OSError:
                return
            s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            visit = Visit(self, len(self.visits), s, address[0])
            self.visits.append(visit)
            threading.Thread(target=visit.serve, daemon=True).start()

    def of(self, address):
        return [v for v in self.visits if v.address == address]

    def asked(self, address):
        """Of each connection from there, in order, what it was asked."""
        return [list(v.asked) for v in self.of(address)]

    def reset(self, address):
        """RST: what connecting a socket to nowhere makes of it, whoever reads from it."""
        for v in self.of(address):
            with contextlib.suppress(OSError):
                abort(v.s)

    def idle_end(self, address):
        for v in self.of(address):
            with contextlib.suppress(OSError):
                v.s.shutdown(socket.SHUT_RDWR)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        for v in self.visits:
            with contextlib.suppress(OSError):
                v.s.close()


def line(method, path, *fields, close=True, body=b""):
    end = ["Connection: close"] if close else []
    head = "\r\n".join([f"{method} {path} HTTP/1.1", "Host: lab", *fields, *end, "", ""])
    return head.encode() + body


def send(family, number, data, host=1, port=80):
    """One connection of that client's; all that is answered, up to its end."""
    target = server_address(family, host), port
    with client.dial(family, target, client_address(family, number)) as c:
        c.sendall(data)
        parts = []
        with contextlib.suppress(ConnectionResetError):
            while part := c.recv(65536):
                parts.append(part)
        return b"".join(parts)


def get(family, number, path="/", **where):
    said = send(family, number, line("GET", path), **where)
    if not said.startswith(b"HTTP/1.1 2") or not said.endswith(BODY):
        raise Failure(f"GET {path} was answered with {said[-200:]!r}")


def one_answer(c, size=5):
    """An answer of a connection that stays."""
    head = b""
    while not head.endswith(b"\r\n\r\n"):
        head += read_exactly(c, 1)
    if size:
        read_exactly(c, size)
    return head


def storm(family, web, n, end):
    """300 requests of 50 clients, while a third of the connections is ended by end."""
    def kill():
        while not over.wait(0.02):
            for v in list(web.visits):
                if not v.closed and v.number % 3 == 0:
                    end(v.address)
    over = threading.Event()
    thread = threading.Thread(target=kill)
    thread.start()
    try:
        for i in range(300):
            get(family, n + i % 50)
    finally:
        over.set()
        thread.join()
