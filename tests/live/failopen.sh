#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Instances, all or one, and the supervisor killed and stopped under a stream of new
# connections: which way each takes, by the hop limit that the client sees; and a long
# transfer that began while the gate was shut.
set -uo pipefail
# shellcheck source=tests/lib.sh
. "$(dirname "$(realpath "${BASH_SOURCE[0]}")")/../lib.sh"

up() { blade "$hapep" up --quiet --config "$scratch/conf"; }
down() { blade "$hapep" down --quiet; }
status() { blade "$hapep" status --json | jq -r "$1"; }
now() { date +%s%3N; }

supervisor() { status .supervisor_pid; }
pids() { status '.instances[].pid' | grep -vx 0; }

signal_all() { # SIGNAL
	local pid
	for pid in "${instances[@]}"; do kill "-$1" "$pid"; done
}

# Both families' connections, 20 ms apart each, for so long.
probe() { # SECONDS
	local address tries
	probes=()
	for address in "$server4" "$server6"; do
		client python3 "$tests/live/prober.py" "$address" 80 20 "$1" \
			>"$scratch/$address" &
		probes+=($!)
		for ((tries = 0; tries < 100; tries++)); do
			grep -q started "$scratch/$address" && break
			sleep 0.02
		done
	done
}

probed() {
	wait "${probes[@]}"
	sort -n "$scratch/$server4" "$scratch/$server6" | grep -v '^#' >"$scratch/probes"
}

# Of the connections begun between two times, those that awk's CONDITION is true of.
count() { # FROM TO CONDITION
	awk -v from="$1" -v to="$2" \
		"\$1 >= from && \$1 < to && ($3) { n++ } END { print n + 0 }" "$scratch/probes"
}

first() { # FROM CONDITION: milliseconds from then to the first connection's start
	awk -v from="$1" "\$1 >= from && ($2) { print \$1 - from; exit }" "$scratch/probes"
}

# From FROM + 1 s to TO all go WAY, promptly, and none fails; of both families. On a busy
# machine a connection may be begun before TO, and its SYN be sent after it.
all_go() { # NAME WAY FROM TO
	local from=$(($3 + 1000)) to=$(($4 - 300)) n
	n=$(count "$from" "$to" "1")
	((n >= 20)) || not_ok "$1" "only $n connections were tried"
	expect "$1: none fails or takes another way after 1 s ($n tried)" "" \
		"$(awk -v from="$from" -v to="$to" -v way="$2" '$1 >= from && $1 < to &&
			($3 != way || $4 != "ok" || $2 > 900) {
				print $1 - from + 1000, $2, $3, $4 }' "$scratch/probes" |
			head -n 5)"
}

# Says of a whole phase what became of its connections.
tell() { # NAME FROM
	echo "# $1: $(count "$2" 99999999999999 1) connections, failed" \
		"$(count "$2" 99999999999999 '$4 != "ok"'), slowest" \
		"$(awk -v from="$2" '$1 >= from && $2 > m { m = $2 } END { print m + 0 }' \
			"$scratch/probes") ms"
}

gate_is() { # STATE
	[[ $(status .gate.state) == "$1" ]]
}

# ---- all killed, and kept from coming back --------------------------------------------

lab_begin
lab origin start >/dev/null
cp /usr/sbin/haproxy "$scratch/haproxy"
sed "s|^\[haproxy\]|[haproxy]\nbinary = $scratch/haproxy|" "$tests/lab/lab.conf" \
	>"$scratch/conf"
chmod 755 "$scratch"
check "up" up
expect "the gate is open" open "$(status .gate.state)"
expect "and nothing has passed it" 0 "$(status .gate.passed_packets)"

mapfile -t instances < <(pids)
probe 4
mv "$scratch/haproxy" "$scratch/away"
killed=$(now)
signal_all KILL
sleep 2
expect "all killed: the gate is shut" pass "$(status .gate.state)"
check "it says why" grep -q 'killed by signal 9' <<<"$(status .gate.reason)"
expect "and that is degraded" 1 "$(blade "$hapep" status >/dev/null; echo $?)"
back=$(now)
mv "$scratch/away" "$scratch/haproxy"
check "back: the gate opens" until_true 10 gate_is open
opened=$(now)
probed
all_go "all killed: past the proxy" forwarded "$killed" "$back"
tell "all killed" "$killed"
echo "# all killed: first to pass after $(first "$killed" '$3 == "forwarded"') ms"
probe 3
probed
all_go "back: proxied" proxied "$opened" 99999999999999
check "the counter tells of them" test "$(status .gate.passed_connections)" -ge 50
check "the log tells when and why" blade grep -q 'gate: pass: .* killed by signal 9' \
	/run/hapep/pep0/log

# ---- all stopped, and a long transfer meanwhile ---------------------------------------

down
up
mapfile -t instances < <(pids)
probe 5.5
stopped=$(now)
signal_all STOP
sleep 1.2
expect "all stopped: the gate is shut" pass "$(status .gate.state)"
client curl -sf -m 20 --limit-rate 15M -o "$scratch/long4" "$(url 4 /100m)" &
long4=$!
client curl -sf -m 20 --limit-rate 15M -o "$scratch/long6" "$(url 6 /100m)" &
long6=$!
sleep 0.8
continued=$(now)
signal_all CONT
sleep 1
expect "continued: the gate is open" open "$(status .gate.state)"
probed
expect "the transfers have no socket in the namespace" "" \
	"$(blade ip netns exec pep0 ss -Htn state established)"
check "and go on" kill -0 "$long4" "$long6"
all_go "all stopped: past the proxy" forwarded "$stopped" "$continued"
all_go "continued: proxied" proxied "$continued" 99999999999999
tell "all stopped for 2 s" "$stopped"
expect "nobody was killed for it" "${instances[*]}" "$(pids | xargs)"
wait "$long4"
expect "a transfer forwarded at first ends well though the gate is open" 0 $?
wait "$long6"
expect "and one of IPv6" 0 $?
object=/run/hapep-lab/$LAB_NAME/origin/objects/100m
check "byte for byte" bash -c "cmp '$scratch/long4' '$object' && cmp '$scratch/long6' '$object'"

# ---- one of two does not answer -------------------------------------------------------

probe 8
stopped=$(now)
kill -STOP "${instances[0]}"
sleep 2
expect "one of two stopped: the gate stays open" open "$(status .gate.state)"
expect "it is named" not-answering "$(status '.instances[0].state')"
expect "it listens no more" 1 \
	"$(blade ip netns exec pep0 ss -Htln 'sport = :80' | wc -l)"
sleep 4
check "it is killed at last, and another serves" until_true 5 bash -c "
	[[ \$('$tests/lab/lab' --name $LAB_NAME exec blade '$hapep' status --json |
		jq -r '.instances[0] | .state + (.pid | tostring)') =~ ^running ]]"
expect "another process" no "$(pids | grep -qx "${instances[0]}" && echo yes || echo no)"
expect "both listen" 2 "$(blade ip netns exec pep0 ss -Htln 'sport = :80' | wc -l)"
probed
all_go "one of two stopped: the other serves" proxied "$stopped" $((stopped + 6000))
tell "one of two stopped" "$stopped"
expect "one of two stopped: none fails at any time" 0 "$(count "$stopped" 99999999999999 '$4 != "ok"')"

# ---- the supervisor -------------------------------------------------------------------

check "up again" until_true 5 gate_is open
pid=$(supervisor)
probe 3
stopped=$(now)
kill -STOP "$pid"
sleep 2
continued=$(now)
kill -CONT "$pid"
probed
all_go "supervisor stopped: past the proxy" forwarded "$stopped" "$continued"
tell "supervisor stopped" "$stopped"
check "it goes on" until_true 2 gate_is open

probe 4
killed=$(now)
kill -KILL "$pid"
sleep 2
expect "supervisor killed: the gate is shut" pass "$(status .gate.state)"
check "status says why" grep -q 'no supervisor' <<<"$(status .gate.reason)"
again=$(now)
check "up starts another" up
probed
all_go "supervisor killed: past the proxy" forwarded "$killed" "$again"
tell "supervisor killed" "$killed"
echo "# supervisor killed: first to pass after $(first "$killed" '$3 == "forwarded"') ms"
expect "and the gate is open again" open "$(status .gate.state)"

# ---- the filter that the gate is in ---------------------------------------------------

blade ip netns exec pep0 tc qdisc del dev client clsact
check "tc/steer gone: up mends it" up
check "the supervisor finds the new gate" until_true 2 gate_is open
probe 3
mended=$(now)
probed
all_go "after that: proxied" proxied "$mended" 99999999999999

# ---- how fast, over and over ----------------------------------------------------------

rounds=${FAILOPEN_ROUNDS:-${HAPEP_TEST_FULL:+20}}
touch "$scratch/past" "$scratch/proxied"
for ((i = 0; i < ${rounds:-3}; i++)); do
	down
	up
	mapfile -t instances < <(pids)
	probe 1.6
	sleep 0.2
	killed=$(now)
	signal_all KILL
	probed
	first "$killed" '$3 == "forwarded" && $4 == "ok"' >>"$scratch/past"
	# The log has local time, to the millisecond, of an instance's first answer.
	accepts=$(blade awk '/gate: pass/ { seen = 1 } seen && / accepts/ { print $1, $2; exit }' \
		/run/hapep/pep0/log)
	first "$(date -d "$accepts" +%s%3N)" '$3 == "proxied" && $4 == "ok"' \
		>>"$scratch/proxied"
done
spread() { # FILE
	sort -n "$1" | awk '{ v[NR] = $1 } END { printf "median %d ms, worst %d ms of %d",
		v[int((NR + 1) / 2)], v[NR], NR }'
}
echo "# kill of all instances to the first connection that passes: $(spread "$scratch/past")"
echo "# an instance's first answer to the first proxied: $(spread "$scratch/proxied")"
expect "each passes within 1 s" "${rounds:-3}" "$(awk '$1 < 1000' "$scratch/past" | wc -l)"
expect "each is proxied again within 1 s" "${rounds:-3}" \
	"$(awk '$1 < 1000' "$scratch/proxied" | wc -l)"

# ---- fail = closed --------------------------------------------------------------------

down
sed -i 's/^ports = 80/&\nfail = closed/' "$scratch/conf"
check "up with fail = closed" up
mapfile -t instances < <(pids)
probe 2
mv "$scratch/haproxy" "$scratch/away"
killed=$(now)
signal_all KILL
sleep 1.5
expect "fail = closed: nothing passes" 0 "$(status .gate.passed_packets)"
mv "$scratch/away" "$scratch/haproxy"
probed
expect "fail = closed: none goes past the proxy" 0 "$(count "$killed" 99999999999999 '$3 == "forwarded"')"
tell "fail = closed, all killed" "$killed"
kill -KILL "$(supervisor)"
sleep 1
probe 0.5
probed
expect "fail = closed, supervisor killed: none is served" 0 \
	"$(count 0 99999999999999 '$4 == "ok" || $3 != "-"')"
test_end
