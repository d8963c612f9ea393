# SPDX-License-Identifier: GPL-2.0-or-later
"""Both ends of a lab's connections in one process, and the verdicts upon them.

A socket belongs for life to the network namespace that it was made in, so a test here
holds a client's socket and the server's at once, and asks each what it sees.
"""
import concurrent.futures
import contextlib
import ctypes
import os
import random
import re
import socket
import subprocess
import threading
import time

TESTS = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
# By what the machine's slowness (an emulated one's, say) stretches every time limit.
PATIENCE = float(os.environ.get("HAPEP_PATIENCE", "1"))
LIMIT = 10 * PATIENCE  # seconds that a single call on a socket may take

AF = {4: socket.AF_INET, 6: socket.AF_INET6}
ANY = {4: "0.0.0.0", 6: "::"}
FAMILIES = (4, 6)
CLONE_NEWNET = 0x40000000

_libc = ctypes.CDLL(None, use_errno=True)


class Failure(Exception):
    """What was seen is not what was to be seen."""


def _enter(fd):
    if _libc.setns(fd, CLONE_NEWNET):
        raise OSError(ctypes.get_errno(), "setns")


class Place:
    """A namespace of the lab: client, server or far."""

    def __init__(self, name):
        self.name = name
        self.path = f"/run/netns/hapep-{os.environ['LAB_NAME']}-{name}"

    @contextlib.contextmanager
    def entered(self):
        """This thread, in the namespace."""
        with open("/proc/thread-self/ns/net") as home, open(self.path) as place:
            _enter(place.fileno())
            try:
                yield
            finally:
                _enter(home.fileno())

    def socket(self, family, kind=socket.SOCK_STREAM, protocol=0):
        with self.entered():
            s = socket.socket(AF[family], kind, protocol)
        s.settimeout(LIMIT)
        return s

    def interface(self, name="eth0"):
        with self.entered():
            return socket.if_nametoindex(name)

    def udp(self, family, address=None, port=0):
        s = self.socket(family, socket.SOCK_DGRAM)
        s.bind((address or ANY[family], port))
        return s

    def listen(self, family, port, address=None):
        s = self.socket(family)
        s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == 6:
            s.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        s.bind((address or ANY[family], port))
        s.listen(1024)
        return s

    def dial(self, family, target, source=None, port=0):
        s = self.socket(family)
        s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            s.bind((source or ANY[family], port))
            s.connect(target)
        except BaseException:
            s.close()
            raise
        return s

    def run(self, *command, check=True):
        return lab("exec", self.name, *command, check=check)


client, server, far = Place("client"), Place("server"), Place("far")


def lab(*words, check=True):
    done = subprocess.run([TESTS + "/lab/lab", *words], stdin=subprocess.DEVNULL,
                          capture_output=True, text=True, check=False)
    if check and done.returncode:
        raise Failure(f"{' '.join(words)}: {done.stderr.strip() or done.returncode}")
    return done.stdout


def inside(*command, check=True):
    """What a command prints in the proxy's own namespace."""
    return lab("exec", "blade", "ip", "netns", "exec",
               os.environ.get("NETNS", "pep0"), *command, check=check)


def server_address(family, host=1):
    return f"10.200.0.{host}" if family == 4 else f"fd00:200::{host:x}"


def client_address(family, number):
    """Of the number-th client, from 0; 60,000 there are."""
    high, low = number // 240, number % 240 + 10
    if family == 4:
        return f"10.100.{high}.{low}"
    return f"fd00:100::{high:x}:{low:x}" if high else f"fd00:100::{low:x}"


def blade_addresses(family):
    return ("10.1.0.2", "10.2.0.2") if family == 4 else ("fd00:1::2", "fd00:2::2")


def endpoint(word):
    """(address, port) of what ss writes: 10.0.0.1%server:80, [::ffff:10.0.0.1]:80."""
    m = re.fullmatch(r"\[?(?:::ffff:(?=[0-9.]+\]))?([^]%]*)\]?(?:%\w+)?:(\d+|\*)", word)
    return (m[1], int(m[2])) if m and m[2] != "*" else None


class Flow:
    """A connection through the blade: the client's socket and the server's."""

    def __init__(self, family, port, source=None, source_port=0, place=server, host=None):
        target = (host or server_address(family), port)
        with place.listen(family, port, target[0]) as listener:
            self.client = client.dial(family, target, source, source_port)
            self.server, self.seen = listener.accept()
        self.server.settimeout(LIMIT)
        self.family = family
        self.here, self.there = self.client.getsockname()[:2], target

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.client.close()
        self.server.close()

    def sockets(self, *options):
        """The accepted and the onward socket in the namespace, as ss tells of them."""
        found = {}
        for line in inside("ss", "-tnOH", *options).splitlines():
            pair = tuple(endpoint(word) for word in line.split()[3:5])
            if pair == (self.there, self.here):
                found["accepted"] = line
            if pair == (self.here, self.there):
                found["onward"] = line
        return found

    def must_be_proxied(self):
        found = self.sockets()
        if set(found) != {"accepted", "onward"}:
            raise Failure(f"it is not proxied: the namespace's sockets of it: {found}")


def need(what, found, wanted):
    if found != wanted:
        raise Failure(f"{what}: expected {wanted!r}, found {found!r}")


def block(seed, size=1 << 20):
    """Bytes that nothing else looks like, the same for the same seed."""
    return random.Random(seed).randbytes(size)


def read_all(s, most=1 << 30):
    """Up to the end of the stream."""
    parts = []
    while most > 0 and (part := s.recv(min(most, 1 << 18))):
        parts.append(part)
        most -= len(part)
    return b"".join(parts)


def read_exactly(s, size):
    data = read_all(s, size)
    if len(data) != size:
        raise Failure(f"the stream ended after {len(data)} of {size} bytes")
    return data


def ending(s, limit=LIMIT):
    """How a peer's stream ends: (what, seconds until then, bytes before)."""
    began = time.monotonic()
    s.settimeout(limit)
    size, how = 0, "FIN"
    try:
        while part := s.recv(1 << 16):
            size += len(part)
    except ConnectionResetError:
        how = "RST"
    except TimeoutError:
        how = "nothing"
    except OSError as e:
        how = os.strerror(e.errno)
    return how, time.monotonic() - began, size


def reset(s):
    """Closes with a RST."""
    s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
    s.close()


def until(what, holds, limit=LIMIT):
    end = time.monotonic() + limit
    while not holds():
        if time.monotonic() > end:
            raise Failure(f"after {limit:.0f} s still not: {what}")
        time.sleep(0.02)


def cpu_seconds():
    """Of all processes in the proxy's namespace."""
    ticks = 0
    for pid in inside("ip", "netns", "pids", os.environ.get("NETNS", "pep0")).split():
        try:
            with open(f"/proc/{pid}/stat") as f:
                fields = f.read().rpartition(")")[2].split()
        except FileNotFoundError:
            continue
        ticks += int(fields[11]) + int(fields[12])
    return ticks / os.sysconf("SC_CLK_TCK")


class Verdicts:
    """Runs cases and prints a verdict line for each; several at a time if asked to."""

    def __init__(self):
        self.failed = False
        self.lock = threading.Lock()
        self.pool = concurrent.futures.ThreadPoolExecutor(16)
        self.background = []

    def say(self, line):
        with self.lock:
            print(line, flush=True)

    def run(self, name, case, *arguments):
        try:
            detail = case(*arguments)
        except Exception as e:  # whatever it is, it is why the case does not hold
            why = str(e) if isinstance(e, Failure) else f"{type(e).__name__}: {e}"
            self.failed = True
            self.say(f"not ok {name}: {'; '.join(why.splitlines())}")
        else:
            self.say(f"ok {name}" + (f" ({detail})" if detail else ""))

    def both_families(self, name, case, *arguments):
        for family in FAMILIES:
            self.run(f"{name}, IPv{family}", case, family, *arguments)

    def start(self, name, case, *arguments):
        """In the background, for each family."""
        for family in FAMILIES:
            self.background.append(self.pool.submit(
                self.run, f"{name}, IPv{family}", case, family, *arguments))

    def end(self):
        for one in self.background:
            one.result()
        raise SystemExit(1 if self.failed else 0)
