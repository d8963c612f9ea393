# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash disable=SC2154 # lib.sh's variables
# Load in the background while a blade is changed, and the verdict on it: no connection
# failed or was reset, no byte was wrong. Sourced after lib.sh.

declare -A traffic_job=() traffic_began=() traffic_batches=()

# traffic NAME OPTION...: the load generator with these options, from 1,000 addresses of
# either family, in the background.
traffic() {
	local name=$1
	shift
	# shellcheck disable=SC2016 # the inner shell's
	client bash -c 'echo $$ >"$0"; exec "$@"' "$scratch/$name.pid" "$load" --json \
		--source 10.100.1.1-10.100.4.250 --source fd00:100::1-fd00:100::3e8 \
		--freebind "$@" >"$scratch/$name.json" 2>"$scratch/$name.err" &
	traffic_job[$name]=$!
	until_true 5 test -s "$scratch/$name.pid"
}

# traffic_short NAME CONNECTIONS [PORT]: 8 KB a connection, compared, until it is ended.
traffic_short() {
	traffic "$1" --target "$server4:${3:-80}" --target "[$server6]:${3:-80}" --path /8k \
		--expect-file "$traffic_objects/8k" --connections "$2" --duration 7200 \
		--timeout $((5 * patience))
	until_true 10 traffic_open "$1" 1 || not_ok "$1" "no connection is open"
}

# traffic_long NAME COUNT [PORT]: so many transfers of half a minute each (a slow machine's
# patience times that), compared; all are under way.
traffic_long() {
	traffic "$1" --target "$server4:${3:-80}" --target "[$server6]:${3:-80}" \
		--path /slow/1m --expect-file "$traffic_objects/1m" --connections "$2" \
		--count "$2" --timeout $((120 * patience))
	until_true 10 traffic_open "$1" "$2" || not_ok "$1" "not all of $2 transfers are open"
	traffic_began[$1]=$SECONDS
}

# traffic_open NAME COUNT: its generator has so many connections, by the client's kernel.
traffic_open() {
	(($(client ss -Htnp state established |
		grep -c "pid=$(<"$scratch/$1.pid"),") >= $2))
}

# traffic_lasts NAME COUNT: transfers in the first half of their time; where those of that
# name are older, others begin beside them, as NAME.2 and so on.
traffic_lasts() {
	local batch=${traffic_batches[$1]:-0} latest
	latest=$1.$batch
	if ((batch)) && ((SECONDS - ${traffic_began[$latest]} < 15 * patience)); then
		return
	fi
	traffic_batches[$1]=$((batch + 1))
	traffic_long "$1.$((batch + 1))" "$2"
}

# traffic_lasted NAME WHAT COUNT: the verdict on each batch of traffic_lasts.
traffic_lasted() {
	local i
	for ((i = 1; i <= ${traffic_batches[$1]}; i++)); do
		traffic_verdict "$1.$i" "$2, batch $i" "$3"
	done
}

traffic_runs() { # NAME
	kill -0 "$(<"$scratch/$1.pid")" 2>/dev/null
}

traffic_stop() { # NAME
	traffic_runs "$1" && kill -TERM "$(<"$scratch/$1.pid")"
}

# traffic_verdict NAME WHAT LEAST: waits for its end; at least so many must have ended well.
traffic_verdict() {
	local report=$scratch/$1.json ended
	wait "${traffic_job[$1]}"
	if ! jq -e . "$report" >/dev/null 2>&1; then
		not_ok "$2" "no report: $(cat "$scratch/$1.err")"
		return
	fi
	echo "# $2: $(jq -r '"\(.transactions) ended well, \(.tps | floor) a second, " +
		"slowest \((.latency_us.total.max // 0) / 1000 | floor) ms"' "$report")"
	expect "$2: none failed, was reset, cut short or corrupted" \
		"$(jq -c '.failures | map_values(0)' "$report")" \
		"$(jq -c .failures "$report")" || jq -c .first_failures "$report"
	ended=$(jq .transactions "$report")
	if ((ended >= $3)); then
		ok "$2: at least $3 of them"
	else
		not_ok "$2: at least $3 of them" "$ended"
	fi
}

# The client's own kernel: connections that a RST ended.
traffic_resets() {
	client nstat -asz TcpEstabResets | awk '/TcpEstabResets/ { print $2 }'
}

traffic_objects=/run/hapep-lab/$LAB_NAME/origin/objects
