#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""locality.py NIC COUNT FIRST-PORT: makes COUNT connections, one after the other, from the
namespace client through the blade, and tells of each by which receive queue its packets
came, which CPUs the queues interrupted, and which instance accepted it. The witnesses are
the NIC's own counters (ETHTOOL_GSTATS), /proc/interrupts, and each instance's count of
sessions. Prints one JSON object. Half the connections are IPv6.
"""

import array
import ctypes
import fcntl
import json
import os
import re
import socket
import struct
import subprocess
import sys
import time

SIOCETHTOOL = 0x8946
GSSET_INFO, GSTRINGS, GSTATS = 0x37, 0x1B, 0x1D
SS_STATS = 1
CLONE_NEWNET = 0x40000000
SERVERS = {socket.AF_INET: "10.200.0.1", socket.AF_INET6: "fd00:200::1"}


def source(i):
    """The address and family of client number i."""
    host = (i // 250, i % 250 + 1)
    if i % 2:
        return socket.AF_INET6, "fd00:100::%x:%x" % host
    return socket.AF_INET, "10.100.%d.%d" % host


class Client:
    """A process in the namespace client that makes one connection when told to."""

    def __init__(self):
        mine, its = socket.socketpair()
        self.end = mine
        self.pid = os.fork()
        if self.pid:
            its.close()
            return
        mine.close()
        try:
            self.serve(its)
        finally:
            os._exit(1)

    def serve(self, end):
        fd = os.open("/run/netns/client", os.O_RDONLY)
        if ctypes.CDLL(None, use_errno=True).setns(fd, CLONE_NEWNET):
            raise OSError(ctypes.get_errno(), "setns")
        while request := end.recv(64):
            i, port = struct.unpack("II", request)
            try:
                end.send(b"%d" % self.fetch(i, port))
            except OSError as e:
                end.send(str(e).encode())

    @staticmethod
    def fetch(i, port):
        family, address = source(i)
        with socket.socket(family) as s:
            s.settimeout(30)
            s.bind((address, port))
            s.connect((SERVERS[family], 80))
            s.send(b"GET /8k HTTP/1.0\r\n\r\n")
            got = 0
            while part := s.recv(65536):
                got += len(part)
            return got

    def connect(self, i, port):
        self.end.send(struct.pack("II", i, port))
        said = self.end.recv(256).decode()
        if not said.isdigit() or int(said) < 8192:
            sys.exit(f"connection {i}: {said}")


class Nic:
    """Packets received by each queue, by the driver's own counters."""

    def __init__(self, name):
        self.name = name.encode()
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        info = array.array("B", struct.pack("IIQI", GSSET_INFO, 0, 1 << SS_STATS, 0))
        self.ask(info)
        self.n = struct.unpack_from("I", info, 16)[0]
        names = array.array("B", struct.pack("III", GSTRINGS, SS_STATS, self.n))
        names.extend(bytes(32 * self.n))
        self.ask(names)
        self.queue = {}
        for i in range(self.n):
            name = bytes(names[12 + 32 * i : 44 + 32 * i]).split(b"\0")[0].decode()
            if m := re.fullmatch(r"rx_queue_(\d+)_packets", name):
                self.queue[int(m[1])] = i

    def ask(self, buffer):
        fcntl.ioctl(
            self.socket,
            SIOCETHTOOL,
            struct.pack("16sP", self.name, buffer.buffer_info()[0]) + bytes(16),
        )

    def packets(self):
        stats = array.array("B", struct.pack("II", GSTATS, self.n) + bytes(8 * self.n))
        self.ask(stats)
        values = struct.unpack_from(f"{self.n}Q", stats, 8)
        return {q: values[i] for q, i in self.queue.items()}


class Interrupts:
    """How often each queue's receive vector interrupted which CPU."""

    def __init__(self, nic):
        path = f"/sys/class/net/{nic}/device/../msi_irqs"
        self.queue = {}
        for irq in os.listdir(path):
            with open(f"/sys/kernel/irq/{irq}/actions", encoding="ascii") as f:
                if m := re.search(r"input\.(\d+)$", f.read().strip()):
                    self.queue[irq] = int(m[1])

    def counts(self):
        counts = {}
        with open("/proc/interrupts", encoding="ascii") as f:
            cpus = [int(word[3:]) for word in f.readline().split()]
            for line in f:
                irq, _, rest = line.strip().partition(":")
                if irq not in self.queue:
                    continue
                for cpu, n in zip(cpus, rest.split()):
                    counts[self.queue[irq], cpu] = int(n)
        return counts


class Instances:
    """Sessions that each instance has had, by its own stats socket."""

    def __init__(self, hapep):
        said = subprocess.run(
            [hapep, "status", "--json"], capture_output=True, check=False
        ).stdout
        self.all = []
        for one in json.loads(said)["instances"]:
            allowed = os.sched_getaffinity(one["pid"])
            path = f"/run/hapep/pep0/{one['stats']}"
            self.all.append((path, sorted(allowed)))

    def sessions(self):
        counts = []
        for path, _ in self.all:
            with socket.socket(socket.AF_UNIX) as s:
                s.connect(path)
                s.send(b"show stat -1 1 -1\n")
                text = b""
                while part := s.recv(65536):
                    text += part
            rows = text.decode().splitlines()
            at = rows[0].split(",").index("stot")
            # The supervisor's probes, another listening section's, do not count.
            mine = [row for row in rows[1:] if row.startswith("client_side,")]
            counts.append(sum(int(row.split(",")[at]) for row in mine))
        return counts


class Sockets:
    """Whether a TCP connection is alive in any of the three namespaces: nobody sends any
    more, not even again, once none is."""

    def __init__(self, client):
        self.pids = [client]
        for space in ("server", "pep0"):
            said = subprocess.run(
                ["ip", "netns", "pids", space], capture_output=True, check=True
            ).stdout
            self.pids.append(int(said.split()[0]))

    def alive(self):
        for pid in self.pids:
            for name in ("tcp", "tcp6"):
                with open(f"/proc/{pid}/net/{name}", encoding="ascii") as f:
                    next(f)
                    if any(line.split(None, 4)[3] not in ("06", "0A") for line in f):
                        return True
        return False


def siblings(cpu):
    path = f"/sys/devices/system/cpu/cpu{cpu}/topology/thread_siblings_list"
    with open(path, encoding="ascii") as f:
        return f.read()


def grown(before, after):
    return {key for key in after if after[key] != before.get(key, 0)}


class Witness:
    def __init__(self, nic):
        self.client = Client()
        self.nic = Nic(nic)
        self.interrupts = Interrupts(nic)
        self.instances = Instances(os.environ["HAPEP"])
        self.sockets = Sockets(self.client.pid)

    def settled(self):
        """The packets of each queue, once no more come."""
        while self.sockets.alive():
            time.sleep(0.005)
        now = self.nic.packets()
        while True:
            time.sleep(0.01)
            before, now = now, self.nic.packets()
            if now == before:
                return now

    def connection(self, i, port):
        packets = self.settled()
        counts = self.interrupts.counts()
        sessions = self.instances.sessions()
        self.client.connect(i, port)
        queues = grown(packets, self.settled())
        cpus = {cpu for _, cpu in grown(counts, self.interrupts.counts())}
        after = self.instances.sessions()
        took = [k for k, n in enumerate(after) if n != sessions[k]]
        return queues, cpus, took

    def warm(self, first):
        """Each queue interrupts once where it did before it was moved, then no more."""
        seen, i = {q: 0 for q in self.nic.queue}, 0
        active = int(os.environ.get("QUEUES", len(seen)))
        while any(seen[q] < 2 for q in range(active)) and i < 100 * active:
            before = self.nic.packets()
            self.client.connect(10000 + i, first + i)
            for q in grown(before, self.nic.packets()):
                seen[q] += 1
            i += 1
        return i


def main():
    nic, count, first = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    w = Witness(nic)
    w.warm(first)
    out = {
        "connections": count,
        "one_queue": 0,
        "one_cpu": 0,
        "one_core": 0,
        "queues": {},
        "astray": [],
    }
    for i in range(count):
        queues, cpus, took = w.connection(i, first + 5000 + i)
        for q in queues:
            out["queues"][q] = out["queues"].get(q, 0) + 1
        pinned = w.instances.all[took[0]][1] if len(took) == 1 else []
        core = {siblings(cpu) for cpu in list(cpus) + list(pinned)}
        local = len(queues) == 1 and len(cpus) == 1
        out["one_queue"] += len(queues) == 1
        out["one_cpu"] += local
        if local and len(pinned) == 1 and len(core) == 1:
            out["one_core"] += 1
        elif len(out["astray"]) < 5:
            out["astray"].append([i, sorted(queues), sorted(cpus), took, pinned])
    print(json.dumps(out))


main()
