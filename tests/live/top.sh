#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# `hapep top`: its numbers against what the load generator, HAProxy and ss count, its
# stream as JSON and as text, and its screen in a real terminal (tmux), which it gives
# back as it was whatever ends it. Accepted connections by core are in tests/vm.
set -uo pipefail
# shellcheck source=tests/lib.sh
. "$(dirname "$(realpath "${BASH_SOURCE[0]}")")/../lib.sh"
# shellcheck source=tests/witness.sh
. "$tests/witness.sh"

top_json() { # OPTION...
	blade "$hapep" top --json "$@"
}

# A sum over all intervals of a stream.
sum_of() { # JQ
	jq -s "map($1) | add" "$scratch/stream"
}

# All are in the stream, whose last line may be under way.
counted() { # TRANSACTIONS STREAM
	[[ $(jq -Rn '[inputs | fromjson? | .total.transactions] | add' "$scratch/$2") == "$1" ]]
}

accepted_by_haproxy() {
	blade "$hapep" status --json | jq '[.instances[].accepted] | add'
}

# ---- numbers ----------------------------------------------------------------------------

stream() {
	local before ended
	before=$(accepted_by_haproxy)
	start stream blade "$hapep" top --json --interval 0.2
	until_true 5 test -s "$scratch/stream"
	client "$load" --target "$server4:80" --source 10.100.0.1-10.100.0.50 --path /1k \
		--connections 8 --count 700 >"$scratch/load"
	expect "the load succeeds" 0 $?
	until_true 5 counted 700 stream
	until_true 5 eval '(($(wc -l <"$scratch/stream") > 2))'
	kill "$started"
	wait "$started"
	ended=$?
	expect "SIGTERM ends a stream" 143 "$ended"
	check "each line is an object" jq -es 'length > 2 and all(.[]; type == "object")' \
		"$scratch/stream"
	expect "700 transactions are 700 in all intervals" 700 "$(sum_of .total.transactions)"
	expect "and 700 over the cores" 700 "$(sum_of '[.cores[].transactions] | add')"
	expect "as HAProxy counts" 700 "$(($(accepted_by_haproxy) - before))"
	check "both instances had some" jq -es \
		'[.[].cores[] | select(.instances == [0]).transactions] | add as $zero
		| $zero > 50 and $zero < 650' "$scratch/stream"
	check "rates are counts over the interval" jq -es 'all(.[];
		(.total.tps - .total.transactions / .interval_s | fabs) <= 1 + .total.tps / 100)' "$scratch/stream"
	check "shares are shares" jq -es 'all(.[].cores[];
		all(.softirq_share, .busy_share; . == null or (. >= 0 and . <= 1)))' \
		"$scratch/stream"
	check "packets were seen while they came" jq -es 'any(.[]; [.cores[].packets_s] | add > 500)' \
		"$scratch/stream"
	check "nothing was lost" jq -es 'all(.[].total; .listen_drops == 0)' "$scratch/stream"
}

established() { # CONNECTIONS
	[[ $(inside ss -tnH state established 'sport = :80' | wc -l) == "$1" ]]
}

connections() { # NUMBER, by top
	[[ $(top_json --count 1 --interval 0.2 | jq .total.connections) == "$1" ]]
}

# On a busy machine an instance may be later than the 100 ms that top gives it.
held() {
	start hold client "$load" --target "$server4:80" --source 10.100.0.1-10.100.0.9 \
		--path /1k --connections 30 --hold 60
	check "30 connections are held" until_true $((5 * patience)) established 30
	check "connections now, as ss counts them" until_true 5 connections 30
	kill "$started"
	wait "$started" 2>/dev/null
}

answering() { # "N of M"; the other may be later than the 100 ms that top gives it
	[[ $(top_json --count 1 --interval 0.2 |
		jq -r '.total | "\(.answering) of \(.instances)"') == "$1" ]]
}

instances_that_stop() {
	local victim
	victim=$(instances | head -n 1)
	kill -STOP "$victim"
	check "a stopped instance does not answer" until_true 5 answering "1 of 2"
	kill -CONT "$victim"
	start again blade "$hapep" top --json --interval 0.2
	until_true 5 test -s "$scratch/again"
	kill -9 "$victim"
	until_true 5 bash -c "! kill -0 $victim 2>/dev/null"
	sleep 1
	kill "$started"
	wait "$started" 2>/dev/null
	expect "counters that start anew are no transactions" 0 \
		"$(jq -s 'map(.total.transactions) | add' "$scratch/again")"
}

none_retires() {
	[[ $(blade "$hapep" status --json | jq '.retiring // [] | length') == 0 ]]
}

# A blade that gets another instance while it is watched.
changed() {
	start change blade "$hapep" top --json --interval 0.2
	until_true 5 test -s "$scratch/change"
	configure lab.conf haproxy.processes=3
	if ! blade "$hapep" up --quiet --config "$conf" 2>"$scratch/error"; then
		kill "$started"
		skip "an instance more, in place" "$(cat "$scratch/error")"
		return
	fi
	# The former ones take their share until they leave, and top tells of the others.
	until_true 10 none_retires || not_ok "the former instances leave" "they do not"
	until_true 5 bash -c "tail -n 1 '$scratch/change' | jq -e '.total.instances == 3'" \
		>/dev/null || not_ok "top sees three instances" "$(tail -n 1 "$scratch/change")"
	sleep 0.5
	client "$load" --target "$server4:80" --source 10.100.0.1-10.100.0.50 --path /1k \
		--connections 4 --count 90 >/dev/null
	until_true 5 counted 90 change
	kill "$started"
	wait "$started" 2>/dev/null
	expect "an instance more is followed" "2 3" \
		"$(jq -s -r '"\(.[0].total.instances) \(.[-1].total.instances)"' "$scratch/change")"
	expect "and what it serves is counted" 90 \
		"$(jq -s 'map(.total.transactions) | add' "$scratch/change")"
	configure lab.conf
	blade "$hapep" up --quiet --config "$conf"
}

leaving() { # CONNECTIONS: those that leave, of one generation
	[[ $(top_json --count 1 --interval 0.1 |
		jq -c '.total | [.leaving_generations, .leaving_connections]') == "$1" ]]
}

# Connections that a change leaves to the former instances, until they end.
left_behind() {
	check "nothing leaves" until_true 10 leaving "[0,0]"
	start left client "$load" --target "$server4:80" --source 10.100.0.1-10.100.0.9 \
		--path /1k --connections 7 --hold 60
	check "7 connections are held" until_true $((5 * patience)) established 7
	configure lab.conf timeouts.idle=2h
	blade "$hapep" up --quiet --config "$conf"
	check "they leave with their generation" until_true 5 leaving "[1,7]"
	check "and are none of the present one's" connections 0
	check "as text, too" grep -qx 'leaving: 7 connections of 1 former generation' \
		<(blade "$hapep" top --count 1 --interval 0.1)
	check "as ss counts them" established 7
	kill "$started"
	wait "$started" 2>/dev/null
	check "ended, nothing leaves any more" until_true 10 leaving "[0,0]"
	configure lab.conf
	blade "$hapep" up --quiet --config "$conf"
	until_true 10 none_retires
}

# It is asked once, for a second, and not at each interval.
supervisor_that_stops() {
	local pid
	pid=$(blade "$hapep" status --json | jq .supervisor_pid)
	kill -STOP "$pid"
	expect "a stopped supervisor holds top up once: what leaves is not known" "20 null" \
		"$(blade timeout $((12 * patience)) "$hapep" top --json --count 20 --interval 0.2 |
			jq -sr '"\(length) \(.[-1].total.leaving_connections)"')"
	kill -CONT "$pid"
}

# ---- residence --------------------------------------------------------------------------

# Probes that the kernel has, anybody's, by number: one that no link and no filter holds
# is gone.
probe_ids() {
	bpftool -j prog show | jq -r '.[] | select(.name == "residence_in").id' | sort
}

ours() { # which came after $before
	comm -13 "$scratch/before" <(probe_ids)
}

none_of() { # ID...
	! probe_ids | grep -qFx "$(printf '%s\n' "$@")"
}

probe_filters() {
	blade tc filter show dev nic0 ingress | grep -o 'residence_[a-z]*'
}

# The stream has 300 requests; its last line may be under way.
all_timed() {
	(($(jq -Rn '[inputs | fromjson? | .residence.to_server.matched] | add' "$scratch/stay") >= 300))
}

residence() {
	local id
	probe_ids >"$scratch/before"
	start stay blade "$hapep" top --json --latency --interval 0.2
	until_true 5 test -s "$scratch/stay"
	id=$(ours | head -n 1)
	check "the probe is in the kernel" test -n "$id"
	client "$load" --target "$server4:80" --target "[$server6]:80" --json \
		--source 10.100.0.1-10.100.0.50 --source fd00:100::1-fd00:100::50 --freebind \
		--path /1k --connections 4 --count 300 >"$scratch/load"
	until_true 5 all_timed
	kill -9 "$started"
	wait "$started" 2>/dev/null
	check "killed: nothing of it is left" until_true 5 none_of "$id"
	expect "nor on the NIC" "" "$(probe_filters)"
	# A request is one segment, in and out; retransmissions on a busy machine are more.
	expect "each request was timed" true "$(jq -s '[.[].residence.to_server] |
		(map(.matched) | add) as $n | (map(.segments_out) | add) as $out |
		$n >= 300 and $n <= 330 and $out - $n <= 15' "$scratch/stay")"
	expect "percentiles are in order, and less than the client's wait" true \
		"$(jq -s --slurpfile load "$scratch/load" '[.[].residence.to_server |
			select(.p50_us)] | length > 0 and all(.[]; .p50_us > 0 and
			.p50_us <= .p90_us and .p90_us <= .p99_us and
			.p50_us < $load[0].latency_us.total.max)' "$scratch/stay")"
	expect "without --latency there is none" null \
		"$(top_json --count 1 --interval 0.1 | jq .residence)"
	check "as text, too" grep -q '^residence to the client: ' \
		<(blade "$hapep" top --latency --count 1 --interval 0.1)
	expect "and ended, nothing is left" "" "$(probe_filters)"
}

# A probe without tcx whose process and guard were killed: down takes it away.
lost_probe() {
	blade tc filter add dev nic0 ingress protocol all pref 39 handle 0x48500000 bpf da \
		object-file "$BUILD/tc/residence.bpf.o" section tc 2>"$scratch/why" || {
		skip "a lost probe" "tc cannot load one: $(tail -n 1 "$scratch/why")"
		return
	}
	check "a lost probe is there" test -n "$(probe_filters)"
	blade "$hapep" down --quiet
	expect "down takes a lost probe, and its own qdisc, away" "" \
		"$(probe_filters; blade tc qdisc show dev nic0 | grep clsact)"
	blade "$hapep" up --quiet --config "$conf"
}

# ---- quiet places ------------------------------------------------------------------------

quiet() {
	blade "$hapep" top --count 2 --interval 0.2 >"$scratch/text" 2>"$scratch/error"
	expect "a file: exit 0 after the count" 0 $?
	expect "a file: nothing on stderr" "" "$(cat "$scratch/error")"
	expect "a file: two blocks" 2 "$(grep -c '^pep0 ' "$scratch/text")"
	expect "a file: no escape" 0 "$(grep -c $'\033' "$scratch/text")"
	blade "$hapep" top --json --interval 0.1 2>"$scratch/error" | head -n 2 >"$scratch/head"
	expect "a pipe that closes: ended by SIGPIPE" 141 "${PIPESTATUS[0]}"
	expect "a pipe that closes: quietly" "" "$(cat "$scratch/error")"
	(trap '' PIPE; blade "$hapep" top --interval 0.1 2>"$scratch/error" | head -n 1 >/dev/null)
	expect "SIGPIPE ignored by the caller: quiet all the same" "" "$(cat "$scratch/error")"
	blade "$hapep" top --count 1 --interval 0.1 >/dev/full 2>/dev/null
	expect "a full disk: exit 1" 1 $?
	TERM=dumb script -qec "$tests/lab/lab exec blade $hapep top -c 1 -i 0.2" /dev/null \
		</dev/null >"$scratch/dumb"
	expect "a dumb terminal: no escape" 0 "$(grep -c $'\033' "$scratch/dumb")"
	check "a dumb terminal: the block" grep -q '^pep0 ' "$scratch/dumb"
	blade "$hapep" top elsewhere >/dev/null 2>"$scratch/error"
	expect "a blade that is not up: exit 1" 1 $?
	check "and why" grep -q "'elsewhere' is not up" "$scratch/error"
	blade "$hapep" top --interval 0.05 >/dev/null 2>&1
	expect "an interval too short: exit 2" 2 $?
}

# ---- the screen --------------------------------------------------------------------------

terminal() {
	tmux -f /dev/null -S "$scratch/tmux" "$@"
}

# What is on the terminal, its rows joined.
shown() {
	terminal capture-pane -p -t top
}

showing() { # TEXT
	[[ $(shown) == *"$1"* ]]
}

alternate() {
	[[ $(terminal display-message -p -t top '#{alternate_on} #{cursor_flag}') == "$1" ]]
}

type_in() { # KEY...
	terminal send-keys -t top "$@"
}

settings() {
	local tty
	tty=$(terminal display-message -p -t top '#{pane_tty}')
	stty -a -F "$tty" | grep -v '^speed'
}

# Once the shell reads its next line.
as_before() {
	[[ $(settings) == "$before" ]]
}

screen_starts() {
	type_in "$tests/lab/lab exec blade $hapep top -i 0.3; echo status=\$?." Enter
	until_true $((10 * patience)) alternate "1 0" && until_true 5 showing "inst"
}

# ended HOW STATUS: the terminal is as it was.
ended() {
	check "$1: the screen is given back" until_true 5 alternate "0 1"
	check "$1: exit $2" until_true 5 showing "status=$2."
	check "$1: the terminal's settings are as before" until_true 5 as_before
	type_in clear Enter
	until_true 5 bash -c "! tmux -S '$scratch/tmux' capture-pane -p -t top | grep -q status="
}

screen() {
	local before rows
	terminal new-session -d -s top -x 110 -y 20 'env PS1="$ " bash --norc --noprofile'
	until_true 5 showing '$ '
	before=$(settings)
	check "the screen starts" screen_starts
	check "its first line" showing "pep0  "
	rows=$(shown | grep -c '^  [01] ')
	expect "a row for each of two cores" 2 "$rows"
	terminal resize-window -t top -x 40 -y 5
	check "a small window: cut, and said" until_true 5 showing "more lines)"
	terminal resize-window -t top -x 110 -y 20
	check "and grown again" until_true 5 bash -c \
		"tmux -S '$scratch/tmux' capture-pane -p -t top | grep -c '^  [01] ' | grep -qx 2"
	expect "nothing of the message is left" 0 "$(shown | grep -c 'more lines')"
	type_in q
	ended "q" 0
	check "the screen again" screen_starts
	type_in C-c
	ended "control-C" 0
	check "and again" screen_starts
	type_in C-z
	check "control-Z: the screen is given back" until_true 5 alternate "0 1"
	type_in fg Enter
	check "fg: it comes back" until_true 5 alternate "1 0"
	check "and goes on" until_true 5 showing "inst"
	type_in q
	check "and ends" until_true 5 alternate "0 1"
	check "the terminal's settings are as before" until_true 5 as_before
	terminal kill-server
}

if ! command -v tmux >/dev/null; then
	skip "top" "tmux is missing: 'make deps' installs it"
	exit 0
fi
lab_begin
lab origin start >/dev/null
configure lab.conf
blade_up
stream
held
instances_that_stop
changed
left_behind
supervisor_that_stops
residence
lost_probe
quiet
screen
blade_down
test_end
