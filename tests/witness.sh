# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# shellcheck disable=SC2154,SC2034 # $tests, $hapep, $scratch are lib.sh's
# What the live tests of a blade in service share: its configuration, commands in its
# namespace, captures of what passes, and the peers.

export NETNS=pep0 PYTHONDONTWRITEBYTECODE=1
declare -A capture_pid=()

# A command in the proxy's own namespace.
inside() {
	blade ip netns exec "$NETNS" "$@"
}

# configure LAB-CONF SECTION.KEY=VALUE...: that file with these values, as $conf.
configure() {
	local from=$tests/lab/$1
	conf=$scratch/blade.conf
	shift
	printf '%s\n' "blade.datapath=${HAPEP_DATAPATH:-auto}" "$@" >"$scratch/values"
	awk '
		NR == FNR {
			dot = index($0, "."); equals = index($0, "=")
			section = substr($0, 1, dot - 1)
			key = substr($0, dot + 1, equals - dot - 1)
			value[section, key] = 1
			lines[section] = lines[section] key " = " substr($0, equals + 1) "\n"
			next
		}
		/^\[/ {
			section = substr($0, 2, index($0, "]") - 2)
			print
			printf "%s", lines[section]
			delete lines[section]
			next
		}
		(section, $1) in value { next }
		{ print }
		END {
			for (section in lines)
				printf "[%s]\n%s", section, lines[section]
		}' "$scratch/values" "$from" >"$conf"
}

# blade_up [hapep up's options]: the blade goes in service as $conf says, or the test ends.
blade_up() {
	local said
	if ! said=$(blade "$hapep" up --quiet --config "$conf" "$@" 2>&1); then
		not_ok "hapep up" "$said"
		exit 1
	fi
	datapath_is
}

blade_down() {
	blade "$hapep" down --quiet
}

# The pids of the HAProxy instances.
instances() {
	local pid
	for pid in $(blade ip netns pids "$NETNS"); do
		[[ $(cat "/proc/$pid/comm" 2>/dev/null) != haproxy ]] || echo "$pid"
	done
}

# start NAME NAMESPACE COMMAND...: in the background, its output in the file NAME of
# $scratch; $started is its own pid.
start() {
	"$tests/lab/lab" --name "$LAB_NAME" exec "${@:2}" >"$scratch/$1" 2>"$scratch/$1.log" &
	started=$!
}

# A peer's verdicts are the test's.
peer() { # NAME [ARGUMENT...]
	python3 "$tests/live/peers/$1.py" "${@:2}" || failed=1
}

# FILTER, of packets with a VLAN tag as well. Captures see a tag on the NIC, and with
# datapath = mirred on the namespace's veths.
any_tag() { # FILTER
	echo "($1) or (vlan and ($1))"
}

# capture NAME NAMESPACE INTERFACE FILTER: from now until captured_end. NAMESPACE is one
# of the lab's or "inside".
capture() {
	local into=("$2")
	[[ $2 != inside ]] || into=(blade ip netns exec "$NETNS")
	start "capture-$1" "${into[@]}" tcpdump --immediate-mode -B 16384 -s 256 -U \
		-Z root -n -i "$3" -w "$scratch/$1.pcap" "$(any_tag "$4")"
	capture_pid[$1]=$started
	until_true 5 grep -qs 'listening on' "$scratch/capture-$1.log" ||
		not_ok "capture on $2's $3" "$(cat "$scratch/capture-$1.log")"
}

# Nothing more has come to the captures for a while: tcpdump may be behind.
capture_settled() {
	local before
	before=$(stat -c %s "$scratch"/*.pcap)
	sleep 0.3
	[[ $(stat -c %s "$scratch"/*.pcap) == "$before" ]]
}

# Ends all captures.
capture_end() {
	local name
	until_true 5 capture_settled
	for name in "${!capture_pid[@]}"; do
		kill "${capture_pid[$name]}"
		wait "${capture_pid[$name]}"
	done
	capture_pid=()
}

# How many packets of a capture FILTER takes; any_tag is the caller's to say.
captured() { # NAME FILTER
	tcpdump -n -r "$scratch/$1.pcap" "$2" 2>/dev/null | wc -l
}
