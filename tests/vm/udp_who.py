#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""udp_who.py: a UDP service that tells whom it saw, and its client.

  udp_who.py serve ADDRESS PORT          answer every datagram by its sender's address
  udp_who.py ask SOURCE ADDRESS PORT     send one, print the answer's sender and its text
"""
import socket
import sys


def udp(address):
    family = socket.AF_INET6 if ":" in address[0] else socket.AF_INET
    s = socket.socket(family, socket.SOCK_DGRAM)
    s.bind(address)
    return s


def tell(address):
    return f"{address[0]}:{address[1]}"


def serve(address, port):
    with udp((address, port)) as s:
        while True:
            _, sender = s.recvfrom(2048)
            s.sendto(tell(sender).encode(), sender)


def ask(source, address, port):
    with udp((source, port)) as s:
        s.settimeout(5)
        s.sendto(b"who am I?", (address, port))
        text, sender = s.recvfrom(2048)
        print(tell(sender), text.decode())


if sys.argv[1] == "serve":
    serve(sys.argv[2], int(sys.argv[3]))
else:
    ask(sys.argv[2], sys.argv[3], int(sys.argv[4]))
