#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# The origin keeps a connection as HTTP/1.1 has it (RFC 9112, section 9.3).
#
# Runs as root, in a network namespace of its own that ends with it.
set -uo pipefail
# shellcheck source=tests/lib.sh
. "$(dirname "$(realpath "${BASH_SOURCE[0]}")")/../lib.sh"

[[ ${1:-} == --inside ]] || exec unshare --net -- "$0" --inside
ip link set lo up
scratch=$(mktemp -d)
origin=
finish() {
	[[ -z $origin ]] || kill "$origin" 2>/dev/null
	rm -rf "$scratch"
}
trap finish EXIT
trap '' PIPE # a connection that the origin closed is a verdict's affair

origin_start() {
	rm -f "$scratch/err" # the former one's word
	"$BUILD/tests/load/origin" --listen 127.0.0.1:80 --listen '[::1]:80' \
		>"$scratch/out" 2>"$scratch/err" &
	origin=$!
	until_true 5 grep -q ready "$scratch/err"
}

all_left() {
	[[ -z $(ss -Htn state established state close-wait '( sport = :80 )') ]]
}

origin_counted() { # NAME WANTED: once every client has left; the origin ends
	until_true 5 all_left
	kill "$origin"
	wait "$origin"
	origin=
	expect "$1" "$2" "$(<"$scratch/out")"
}

# fetched HOST PATH: curl asks twice in one run.
fetched() {
	expect "curl, $1$2: one connection for two requests" "1 0" \
		"$(curl -s -m $((10 * patience)) -w '%{num_connects}\n' "http://$1$2" \
			"http://$1$2" -o "$scratch/one" -o "$scratch/two" | xargs)"
}

# send OCTETS...: on a new connection, $wire, one after the other.
send() {
	local octets
	exec {wire}<>/dev/tcp/127.0.0.1/80
	for octets; do
		printf '%b' "$octets" >&"$wire"
		sleep 0.1
	done 2>/dev/null
}

# told NAME STATUSES OCTETS...: the status of each answer until the origin closes, which
# the last one's head tells, and no other's.
told() {
	local name=$1 statuses=$2 ended=0
	shift 2
	send "$@"
	timeout $((10 * patience)) cat <&"$wire" >"$scratch/answer" 2>/dev/null || ended=$?
	exec {wire}>&-
	expect "$name: answers" "$statuses" \
		"$(grep -aoP 'HTTP/1.1 \K\d+' "$scratch/answer" | xargs)"
	check "$name: closed" test "$ended" != 124
	expect "$name: the last answer alone says close" "$(wc -w <<<"$statuses")" \
		"$(LC_ALL=C awk '/HTTP\/1.1 / { n++ } /^Connection: close\r$/ { print n }' \
			"$scratch/answer" | xargs)"
}

who='GET /who HTTP/1.1\r\nHost: lab\r\n'
plain="$who\r\n"
last="${who}Connection: close\r\n\r\n"

origin_start
for host in 127.0.0.1 '[::1]'; do
	fetched "$host" /who
	check "curl, $host: /who saw one port twice" cmp "$scratch/one" "$scratch/two"
	check "curl, $host: /who saw somebody" grep -q ":80$" "$scratch/one"
	fetched "$host" /3m
	"$BUILD/tests/load/origin" --print 3m >"$scratch/3m"
	check "curl, $host: the first object" cmp "$scratch/3m" "$scratch/one"
	check "curl, $host: the second" cmp "$scratch/3m" "$scratch/two"
done
origin_counted "who leaves between two requests is not early" "served 8, left early 0"

origin_start
told "pipelined" "200 200 200" "$plain$plain$last"
told "cut in the second's end" "200 200 200" "$plain$who\\r" "\\n$last"
told "cut in the second's beginning" "200 200" "${plain}GE" "${last#GE}"
many=$(printf "${plain//\\/\\\\}%.0s" {1..100})
told "more than a head may have" "$(printf '200 %.0s' {1..100})200" "$many$last"
told "more than the socket holds" "$(printf '200 %.0s' {1..100})200" "${many//who/200k}$last"
told "not found" "404 200" "${plain/who/nothing}$last"
origin_counted "each answer counts" "served 212, left early 0"

origin_start
told "what follows a close" "200" "$last$plain"
told "HTTP/1.0" "200" "${plain/1.1/1.0}$plain"
told "a body" "200 200" "$plain${who}Content-Length: 32\r\n\r\n$plain"
told "a method" "200 400" "$plain${plain/GET/POST}$plain"
told "too long a head" "200 400" "$plain${who}X: $(printf 'x%.0s' {1..3000})"
told "a fault" "200 503" "$plain${plain/who/fault/status}$plain"
send "$plain$who"
exec {wire}>&-
origin_counted "who leaves in a request is early" "served 11, left early 1"
test_end
