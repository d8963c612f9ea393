#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# A next generation of instances beside the present one, under a stream of new connections
# and with long transfers: committed, aborted, left undone by who asked for it; with the
# same sockets, more, fewer and other ones. No connection fails at any time.
set -uo pipefail
# shellcheck source=tests/lib.sh
. "$(dirname "$(realpath "${BASH_SOURCE[0]}")")/../lib.sh"
# shellcheck source=tests/probes.sh
. "$tests/probes.sh"

inside() { blade ip netns exec pep0 "$@"; }
listening() { inside ss -Htln "sport = :$1" | wc -l; } # PORT
generation() { status .generation; }

# The HAProxy processes of the namespace.
running() {
	local pid n=0
	for pid in $(blade ip netns pids pep0); do
		[[ $(cat "/proc/$pid/comm" 2>/dev/null) != haproxy ]] || n=$((n + 1))
	done
	echo "$n"
}

nothing_retires() { [[ $(status '.retiring // [] | length') == 0 ]]; }

# The change's own process: "step WORDS" is its next step and prints its answer.
change_begin() {
	coproc CHANGE { lab exec blade "$BUILD/tests/driver/change" pep0; }
}

step() {
	local answer
	echo "$*" >&"${CHANGE[1]}"
	read -r -t $((20 * patience)) answer <&"${CHANGE[0]}" || answer='no answer'
	[[ $answer == ok ]] || { echo "$answer"; return 1; }
}

change_end() {
	local in=${CHANGE[1]} pid=$CHANGE_PID
	eval "exec $in>&-"
	wait "$pid" 2>/dev/null
}

# next KEY=VALUE...: the present configuration with these keys of [haproxy] or [blade].
next() {
	local pair
	cp "$conf" "$scratch/next"
	for pair in "$@"; do
		sed -i "/^${pair%%=*} *=/d" "$scratch/next"
		case $pair in
		scenario=* | engine=*) sed -i "s/^\[blade\]/&\n$pair/" "$scratch/next" ;;
		ports=* | proxy_port=*) sed -i "s/^\[service\]/&\n$pair/" "$scratch/next" ;;
		idle=*) printf '[timeouts]\n%s\n' "$pair" >>"$scratch/next" ;;
		*) sed -i "s|^\[haproxy\]|&\n$pair|" "$scratch/next" ;;
		esac
	done
}

# None of the connections of the last probe failed, or went past the proxy.
flawless() { # NAME
	enough
	tell "$1" 0
	expect "$1: none fails, all are proxied" "proxied ok" \
		"$(cut -d' ' -f3,4 "$scratch/probes" | sort -u)" || gate_told
}

commit() { # NAME KEY=VALUE...
	local name=$1 was
	shift
	was=$(generation)
	next "$@"
	change_begin
	check "$name: prepare" step prepare "$scratch/next"
	check "$name: map" step map
	check "$name: commit" step commit
	change_end
	check "$name: another generation" test "$(generation)" -gt "$was"
}

# The same, of which only what fails is told.
commit_quietly() {
	commit "$@" >"$scratch/said"
	grep -v '^ok' "$scratch/said"
	return 0
}

lab_begin
lab origin start >/dev/null
configure NO-NF
check "up" up
datapath_is
expect "the first generation" 1 "$(generation)"

# ---- the same sockets -----------------------------------------------------------------

mapfile -t instances < <(pids)
probe 60
transfers_begin
sockets=$(inside ss -Htlne 'sport = :80' 2>/dev/null | grep -o 'ino:[0-9]*' | sort)
commit "idle time" idle=2h
expect "the sockets are the same" "$sockets" \
	"$(inside ss -Htlne 'sport = :80' 2>/dev/null | grep -o 'ino:[0-9]*' | sort)"
expect "the former finish" finishing "$(status '.retiring[].state')"
expect "and have the transfers" 2 "$(status '[.retiring[].instances[].connections] | add')"
expect "which is not degraded" 0 "$(blade "$hapep" status >/dev/null; echo $?)"
check "the configuration is the new one" grep -q 'timeout client 7200000' \
	<(blade cat /run/hapep/pep0/haproxy.0.cfg)
transfers_end "idle time"
flawless "idle time"
check "then the former are gone" until_true 5 nothing_retires
expect "none of their processes is left" 0 "$(ps -o pid= -p "$(IFS=,; echo "${instances[*]}")" | wc -l)"
expect "nor of their files" "haproxy.0.cfg haproxy.1.cfg probe.0 probe.1 stats.0 stats.1" \
	"$(blade bash -c 'cd /run/hapep/pep0 && echo haproxy.* probe.* stats.*')"

# ---- aborted, and left undone ---------------------------------------------------------

probe 60
transfers_begin
mapfile -t instances < <(pids)
next processes=3
change_begin
check "abort: prepare" step prepare "$scratch/next"
expect "abort: three more serve" 3 "$(status '.next[0].instances | length')"
expect "abort: their sockets too" 3 "$(listening 80)"
check "abort: somebody else's change is refused" bash -c "
	echo prepare '$scratch/next' | '$tests/lab/lab' --name $LAB_NAME exec blade \
		'$BUILD/tests/driver/change' pep0 | grep -q 'another change is under way'"
sleep 0.5
check "abort: abort" step abort
change_end
check "abort: the next are gone" until_true 10 eval '[[ $(running) == 2 ]]'
expect "abort: and their sockets" 2 "$(listening 80)"
expect "abort: the present ones are who they were" "${instances[*]}" "$(pids | xargs)"

next processes=3
change_begin
check "undone: prepare" step prepare "$scratch/next"
check "undone: map" step map
change_end
expect "undone: it is known" gone "$(status .change.client)"
expect "undone: all serve" 5 "$(running)"
expect "undone: that is degraded" 1 "$(blade "$hapep" status >/dev/null; echo $?)"
transfers_end "undone"
check "undone: the log says so" blade grep -q 'gone before its end: both generations serve' \
	/run/hapep/pep0/log
check "undone: up decides" up
expect "undone: two serve" 2 "$(status '.instances | length')"
flawless "aborted, undone"
check "undone: and that is all" until_true 10 eval '[[ $(running) == 2 ]]'
expect "undone: not degraded any more" 0 "$(blade "$hapep" status >/dev/null; echo $?)"

# ---- more instances, fewer, by hash and by CPU ------------------------------------------

probe 60
transfers_begin
commit "three instances" processes=3
check "three listen" eval '[[ $(listening 80) == 3 ]]'
sleep 0.5
commit "one instance" processes=1
check "the long transfers have survived two generations" until_true 3 eval \
	'[[ $(status "[.retiring[]?.instances[].connections] | add") == 2 ]]'
check "one listens" until_true 10 eval '[[ $(listening 80) == 1 ]]'
commit "two, by CPU" processes=2 accept=cpu
check "two listen" until_true 10 eval '[[ $(listening 80) == 2 ]]'
commit "two, by hash" processes=2
commit "two threads" processes=2 model=threads
flawless "other numbers"
transfers_end "other numbers"
check "nothing is left of five generations" until_true 10 nothing_retires
expect "but one process" 1 "$(running)"

# ---- other sockets: SK-LOOKUP and back --------------------------------------------------

probe 60
transfers_begin
commit "SK-LOOKUP" scenario=SK-LOOKUP
check "SK-LOOKUP: only its own listen at last" until_true 10 eval \
	'[[ $(listening 80) == 0 && $(listening 1234) == 2 ]]'
commit "SK-LOOKUP, three" scenario=SK-LOOKUP processes=3
commit "back" scenario=NO-NF
check "back: only its own listen at last" until_true 10 eval \
	'[[ $(listening 80) == 2 && $(listening 1234) == 0 ]]'
flawless "SK-LOOKUP and back"
transfers_end "SK-LOOKUP and back"

# ---- handshakes that a listener has begun -----------------------------------------------

half_open() { inside ss -Htn state syn-recv | wc -l; }
slow=()
client nft -f - <<'NFT'
table inet late {
	chain in {
		type filter hook input priority 0; policy accept;
		tcp sport 80 tcp flags & (syn | ack) == syn | ack drop
	}
}
NFT
for family in 4 6; do
	client curl -sf -m $((20 * patience)) -o /dev/null "$(url "$family" /1k)" &
	slow+=($!)
done
check "handshakes are under way" until_true 5 eval '[[ $(half_open) == 2 ]]'
commit "under handshakes" scenario=SK-LOOKUP
sleep 1
expect "their listeners stay for them" 2 "$(listening 80)"
expect "and so does the former generation" retiring "$(status '.retiring[].state')"
client nft delete table inet late
wait "${slow[0]}"
expect "the connection comes about, IPv4" 0 $?
wait "${slow[1]}"
expect "and IPv6" 0 $?
check "then they close" until_true 10 eval '[[ $(listening 80) == 0 ]]'
commit "and back" scenario=NO-NF

# ---- a next generation that does not come up --------------------------------------------

mapfile -t instances < <(pids)
probe 60
# As HAProxy until it is to serve.
printf '#!/bin/sh\ncase $1 in -vv) exec /usr/sbin/haproxy -vv ;; esac\nexit 3\n' \
	>"$scratch/broken"
chmod 755 "$scratch/broken"
next binary="$scratch/broken"
change_begin
check "broken: prepare says why" grep -q 'exited with status 3' <<<"$(step prepare "$scratch/next")"
change_end
expect "broken: nothing is left of it" 2 "$(running)"
expect "broken: the present ones are who they were" "${instances[*]}" "$(pids | xargs)"
expect "broken: no change is open" null "$(status .change)"
flawless "broken"

# ---- descriptors and memory, over and over ----------------------------------------------

descriptors() { find "/proc/$(supervisor)/fd" -type l | wc -l; }
as_before() { [[ $(descriptors) -le $((before + 2)) ]]; } # a question may be under way
memory() { awk '/^VmRSS/ { print $2 }' "/proc/$(supervisor)/status"; }
for ((i = 0; i < 3; i++)); do commit_quietly "round $i" idle=$((60 + i))s; done
until_true 5 nothing_retires
before=$(descriptors) resident=$(memory)
for ((i = 0; i < 6; i++)); do
	commit_quietly "round $i" idle=$((70 + i))s processes=$((2 + i % 2))
done
until_true 10 nothing_retires
commit_quietly "the last" processes=2
until_true 10 nothing_retires
check "six more leave no descriptor" until_true 3 as_before
grown=$(($(memory) - resident))
if ((grown < 1024)); then
	ok "nor memory ($grown KB)"
else
	not_ok "memory" "the supervisor has grown by $grown KB"
fi

probe 60
transfers_begin
commit_quietly "before down" idle=3h
enough
left=$(blade ip netns pids pep0 | paste -sd,)
check "down ends all generations" down
expect "no HAProxy is left" "" "$(ps -o pid= -p "$left")"
transfers_drop
test_end
