# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# shellcheck disable=SC2154,SC2034 # $tests, $hapep, $scratch are lib.sh's
# What the tests of a blade's faults share: a stream of new connections of both families,
# what became of each (tests/live/prober.py), and the blade's own words.

up() { blade "$hapep" up --quiet --config "$conf"; }
down() { blade "$hapep" down --quiet; }
status() { blade "$hapep" status --json | jq -r "$1"; }
now() { date +%s%3N; }
supervisor() { status .supervisor_pid; }
pids() { status '.instances[].pid' | grep -vx 0; }
gate_is() { [[ $(status .gate.state) == "$1" ]]; } # STATE

# told NAME WANTED-STATUS COMMAND...: it ends by itself; what it says is in $scratch/said.
told() {
	local name=$1 wanted=$2 status began
	shift 2
	began=$(now)
	blade timeout -k 1 $((20 * patience)) "$hapep" "$@" >"$scratch/out" 2>"$scratch/said"
	status=$?
	expect "$name: exit $wanted" "$wanted" "$status" || sed 's/^/# /' "$scratch/said"
	echo "# $name: $(($(now) - began)) ms"
}

says() { # NAME REGEXP [FILE]
	check "$1" grep -qE "$2" "${3:-$scratch/said}" || sed 's/^/# /' "${3:-$scratch/said}"
}

ended() { # PID...: none of them is a process any more; a zombie is none
	local pid
	for pid in "$@"; do
		[[ ! -e /proc/$pid ]] || grep -q '^State:.Z' "/proc/$pid/status" || return 1
	done
}

# replaced NAME: up has another in the place of $pid, and its instances $serving end with it.
replaced() {
	mapfile -t instances <<<"$serving"
	told "$1: up" 0 up --config "$conf"
	up_at=$(now)
	says "$1: up says for how long, in which state, and that it kills it" \
		"warning: .*pid $pid\) has not answered for [0-9.]+ s, .*killing it"
	check "$1: it is no more" ended "$pid"
	check "$1: nor are its instances" until_true 5 ended "${instances[@]}"
	check "$1: another is there" test "$(supervisor)" != "$pid" -a "$(supervisor)" != 0
	check "$1: the gate is open" until_true 2 gate_is open
	expect "$1: status is content" 0 "$(blade "$hapep" status >/dev/null; echo $?)"
}

signal_all() { # SIGNAL
	local pid
	for pid in "${instances[@]}"; do kill "-$1" "$pid"; done
}

# Both families' connections, 20 ms apart each, for so long, or until it is enough.
probe() { # SECONDS
	local address tries
	probes=()
	rm -f "$scratch/enough"
	for address in "$server4" "$server6"; do
		client python3 "$tests/live/prober.py" "$address" 80 20 "$1" \
			"$scratch/enough" >"$scratch/$address" &
		probes+=($!)
		for ((tries = 0; tries < 100; tries++)); do
			grep -q started "$scratch/$address" && break
			sleep 0.02
		done
	done
}

# Waits for them; enough ends them before.
enough() {
	touch "$scratch/enough"
	probed
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
# machine a connection may be begun before TO, and its SYN be sent after it. Where the whole
# machine stood still meanwhile (stalls_watch), what it did to them is told apart.
all_go() { # NAME WAY FROM TO
	local from=$(($3 + 1000)) to=$(($4 - 300)) n odd stall
	local name="$1: none fails or takes another way after 1 s"
	n=$(count "$from" "$to" "1")
	odd=$(awk -v from="$from" -v to="$to" -v way="$2" \
		-v most=$((900 * ${HAPEP_PATIENCE:-1})) '$1 >= from && $1 < to &&
		($3 != way || $4 != "ok" || $2 > most) {
			print $1 - from + 1000, $2, $3, $4 }' "$scratch/probes" | head -n 5)
	if ((n >= 20)) && [[ ! $odd ]]; then
		ok "$name ($n tried)"
	elif stall=$(stalled "$3" "$4"); then
		skip "$name" "the machine stood still for $stall ms; of $n: ${odd//$'\n'/; }"
	else
		not_ok "$name ($n tried)" "$odd"
	fi
}

# None begun since FROM fails or goes past the proxy. What did while the whole machine stood
# still (stalls_watch) is told apart.
all_proxied() { # NAME FROM
	local odd stall
	odd=$(awk -v from="$2" '$1 >= from && ($4 != "ok" || $3 != "proxied") {
		print "begun after " $1 - from " ms: " $2 " ms, " $3 ", " $4 }' "$scratch/probes" |
		head -n 5)
	if [[ ! $odd ]]; then
		ok "$1"
		return
	elif stall=$(stalled "$2" "$(now)"); then
		skip "$1" "the machine stood still for $stall ms; ${odd//$'\n'/; }"
	else
		not_ok "$1" "$odd"
	fi
	gate_told
}

# Says of a whole phase what became of its connections.
tell() { # NAME FROM
	echo "# $1: $(count "$2" 99999999999999 1) connections, failed" \
		"$(count "$2" 99999999999999 '$4 != "ok"'), slowest" \
		"$(awk -v from="$2" '$1 >= from && $2 > m { m = $2 } END { print m + 0 }' \
			"$scratch/probes") ms"
	awk -v from="$2" '$1 >= from && $4 != "ok" {
		kind = $3 " " $4; if (!(kind in n)) at[kind] = $1 - from
		last[kind] = $1 - from; n[kind]++ }
		END { for (kind in n)
			printf "# of these %d %s, begun %d to %d ms after\n", n[kind],
				kind, at[kind], last[kind] }' "$scratch/probes"
}

# The lab's configuration with a HAProxy of the test's own, that it can take away, in a
# scenario: LINE is one more of the section [service].
configure() { # SCENARIO [ENGINE [LINE]]
	conf=$scratch/conf
	[[ -e $scratch/haproxy ]] || cp /usr/sbin/haproxy "$scratch/haproxy"
	chmod 755 "$scratch"
	sed -e "s/^\[blade\]/&\nscenario = $1\nengine = ${2:-nft}/" \
		-e "s/^ports = 80/&\n${3:-}/" \
		-e "s|^\[haproxy\]|&\nbinary = $scratch/haproxy|" "$lab_conf" >"$conf"
}

# Whether this machine can serve it; else a skip that says why.
possible() { # SCENARIO ENGINE
	local row name=$1
	[[ $1 == NF-IPT ]] && name="$1 ($2)"
	row=$(blade "$hapep" scenario --json | jq -r --arg name "$name" \
		'.here[] | select(.scenario == $name) | "\(.possible) \(.needs)"')
	[[ $row == true* ]] || { skip "$1 ${2:-}" "not here: ${row#false }"; return 1; }
}

# A long transfer of each family, under way and then stopped at the client: transfers_end
# lets both go on, and says what they come to.
transfers_begin() {
	local family
	long=() transfer_pids=()
	for family in 4 6; do
		# shellcheck disable=SC2016 # the inner shell's own
		client bash -c 'echo $$ >"$1"; exec curl -sf -m "$2" --limit-rate 25M -o "$3" "$4"' \
			- "$scratch/long.$family.pid" $((60 * patience)) "$scratch/long.$family" \
			"$(url "$family" /100m)" &
		long+=($!)
		until_true 10 test -s "$scratch/long.$family" ||
			not_ok "a transfer of IPv$family" "it does not begin"
		transfer_pids+=("$(cat "$scratch/long.$family.pid")")
		kill -STOP "${transfer_pids[-1]}"
	done
}

transfers_end() { # NAME
	local i
	kill -CONT "${transfer_pids[@]}" 2>/dev/null # where it is over already, wait tells how
	for i in 0 1; do
		wait "${long[i]}"
		expect "$1: the transfer of IPv$((4 + 2 * i)) ends well" 0 $?
		check "$1: byte for byte" cmp "$scratch/long.$((4 + 2 * i))" \
			"/run/hapep-lab/$LAB_NAME/origin/objects/100m"
		rm -f "$scratch/long.$((4 + 2 * i))"
	done
}

# The same, where the blade has dropped them.
transfers_drop() {
	kill -CONT "${transfer_pids[@]}" 2>/dev/null
	wait "${long[@]}"
	rm -f "$scratch"/long.?
}
