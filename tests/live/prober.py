#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Opens a connection every few milliseconds and says of each what became of it.

prober.py ADDRESS PORT INTERVAL_MS SECONDS [FILE]: a line for each connection,
START_MS TOOK_MS WAY RESULT, until the time is over or there is a FILE. WAY is proxied or forwarded, by the hop limit of the SYN-ACK
as it arrives on eth0: the blade's own is 64, a server's has lost one in the blade.
"""
import ctypes
import os
import socket
import struct
import sys
import threading
import time

address, port, interval, seconds = (
    sys.argv[1], int(sys.argv[2]), float(sys.argv[3]) / 1000, float(sys.argv[4]))
enough = (sys.argv + [""])[5]
family = socket.AF_INET6 if ":" in address else socket.AF_INET
ways = {}
lines = []


def instruction(code, jump_true, jump_false, k):
    return struct.pack("HBBI", code, jump_true, jump_false, k)


# SYN-ACKs alone, of packets without options: a long transfer would flood the tap.
SYN_ACKS = b"".join(instruction(*i) for i in (
    (0x28, 0, 0, 12), (0x15, 0, 2, 0x0800), (0x30, 0, 0, 47), (0x05, 0, 0, 2),
    (0x15, 0, 4, 0x86DD), (0x30, 0, 0, 67), (0x54, 0, 0, 0x12), (0x15, 0, 1, 0x12),
    (0x06, 0, 0, 0xFFFF), (0x06, 0, 0, 0)))


def watch(tap):
    while True:
        frame = tap.recv(256)
        kind = struct.unpack("!H", frame[12:14])[0]
        if kind == 0x0800 and frame[23] == 6:
            hops, tcp = frame[22], 14 + (frame[14] & 15) * 4
        elif kind == 0x86DD and frame[20] == 6:
            hops, tcp = frame[21], 54
        else:
            continue
        source, destination = struct.unpack("!HH", frame[tcp:tcp + 4])
        if source == port and frame[tcp + 13] & 0x12 == 0x12:
            ways[destination] = "proxied" if hops == 64 else "forwarded"


def transact(start):
    local, result, s = 0, "ok", socket.socket(family, socket.SOCK_STREAM)
    s.settimeout(8)
    try:
        s.bind(("::" if family == socket.AF_INET6 else "0.0.0.0", 0))
        local = s.getsockname()[1]
        ways.pop(local, None)
        s.connect((address, port))
        s.sendall(b"GET /1k HTTP/1.0\r\n\r\n")
        got = b""
        while True:
            part = s.recv(65536)
            if not part:
                break
            got += part
        if len(got.partition(b"\r\n\r\n")[2]) != 1024:
            result = "short"
    except socket.timeout:
        result = "timeout"
    except OSError as e:
        result = type(e).__name__
    s.close()
    took = time.time() - start
    for _ in range(50):  # the tap's thread may be behind
        if result != "ok" or local in ways:
            break
        time.sleep(0.01)
    lines.append("%d %d %s %s" % (start * 1000, took * 1000,
                                  ways.get(local, "-"), result))


tap = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3))
program = ctypes.create_string_buffer(SYN_ACKS)
tap.setsockopt(socket.SOL_SOCKET, 26, struct.pack(  # SO_ATTACH_FILTER
    "HP", len(SYN_ACKS) // 8, ctypes.addressof(program)))
tap.bind(("eth0", 0))
threading.Thread(target=watch, args=(tap,), daemon=True).start()
end, threads = time.time() + seconds, []
print("# started", flush=True)
while time.time() < end and not os.path.exists(enough):
    start = time.time()
    threads.append(threading.Thread(target=transact, args=(start,)))
    threads[-1].start()
    time.sleep(max(0, start + interval - time.time()))
for thread in threads:
    thread.join()
print("\n".join(sorted(lines)))
