#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# A client's port used again while its former connection, which was proxied, is in
# TIME_WAIT on the blade: with the instances stopped it goes past the proxy, whole, and
# with them back through it. Early demultiplexing, which is on, knows of no gate.
set -uo pipefail
# shellcheck source=tests/lib.sh
. "$(dirname "$(realpath "${BASH_SOURCE[0]}")")/../lib.sh"
# shellcheck source=tests/probes.sh
. "$tests/probes.sh"

# The client reads to the server's FIN before it sends its own: TIME_WAIT is not the
# client's. Prints the status and the body's bytes, or why not.
fetch() { # FAMILY PORT PATH
	local address=$server4
	[[ $1 == 4 ]] || address=$server6
	client python3 - "$address" "$2" "$3" "$((4 * patience))" <<'PYTHON'
import socket
import sys

address, port, path = sys.argv[1], int(sys.argv[2]), sys.argv[3]
s = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET)
s.settimeout(int(sys.argv[4])) # instances that are silent are killed after 5 s
s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
try:
    s.bind(("", port))
    s.connect((address, 80))
    s.sendall(f"GET {path} HTTP/1.0\r\n\r\n".encode())
    answer = b""
    while part := s.recv(65536):
        answer += part
    head, _, body = answer.partition(b"\r\n\r\n")
    print(head.split()[1].decode(), len(body))
except OSError as why:
    print(why)
PYTHON
}

waiting() { # FAMILY PORT: the blade's time-wait sockets of that client port
	blade ip netns exec pep0 ss -Htn "state" time-wait "dport = :$2" | wc -l
}

neighbours_forget() {
	blade ip netns exec pep0 ip neigh flush all
}

lab_begin
lab origin start >/dev/null
configure auto
check "up" up
mapfile -t instances < <(pids)
expect "early demultiplexing is on" 1 \
	"$(blade ip netns exec pep0 cat /proc/sys/net/ipv4/tcp_early_demux)"
for family in 4 6; do
	port=4100$family
	expect "IPv$family: proxied" "200 8192" "$(fetch "$family" "$port" /8k)"
	check "IPv$family: a TIME_WAIT socket is left" until_true 5 \
		test "$(waiting "$family" "$port")" -ge 1
done
expect "nothing went past the proxy" 0 "$(status .gate.passed_connections)"

# The origin's own TIME_WAIT sockets are not what this is about.
server ss -K -Htn state time-wait >/dev/null 2>&1
signal_all STOP
check "stopped: the gate is shut" until_true 5 gate_is pass
for family in 4 6; do
	port=4100$family
	check "IPv$family: the TIME_WAIT socket is still there" \
		test "$(waiting "$family" "$port")" -ge 1
	neighbours_forget
	expect "IPv$family: the port again, past the proxy" "200 1048576" \
		"$(fetch "$family" "$port" /1m)"
done
passed=$(status .gate.passed_connections)
check "both went past the proxy" test "$passed" -ge 2
expect "hop by hop" 63 "$(client ping -c 1 -W 5 "$server4" | grep -o 'ttl=[0-9]*' | cut -d= -f2)"

server ss -K -Htn state time-wait >/dev/null 2>&1
signal_all CONT
check "continued: the gate is open" until_true 10 gate_is open
for family in 4 6; do
	expect "IPv$family: the port once more, proxied" "200 8192" \
		"$(fetch "$family" "4100$family" /8k)"
done
expect "and no other went past the proxy" "$passed" "$(status .gate.passed_connections)"
test_end
