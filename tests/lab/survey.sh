# shellcheck shell=bash disable=SC2154 # variables are lab's
# SPDX-License-Identifier: GPL-2.0-or-later
# Tells of each part of the lab whether it is there.

options() {
	echo "layout=$layout far=$far blackhole=$blackhole clients=$clients"
}

# What the lab was last made with, if it was
read_options() {
	local made option

	made=$(cat "$state/options" 2>/dev/null) || return 0
	for option in $made; do
		case $option in
		layout=*) layout=${option#*=} ;;
		far=*) far=${option#*=} ;;
		blackhole=*) blackhole=${option#*=} ;;
		clients=*) clients=${option#*=} ;;
		esac
	done
}

# The files, of these, that are namespaces: a crash can leave a plain one in their place.
true_namespaces() { # FORMAT FILE...
	find "${@:2}" -maxdepth 0 -fstype nsfs -printf "$1\n" 2>/dev/null || :
}

namespaces() { # PART...: their names, of those that there are
	true_namespaces %f "${@/#//run/netns/$prefix}"
}

blade_mounts() {
	true_namespaces %f "$state/blade.mnt"
}

found() { # WHAT TEXT WANTED: is WANTED in TEXT?
	if [[ $2 == *"$3"* ]]; then
		echo "there    $1"
	else
		echo "missing  $1"
	fi
}

survey_router() { # NAMESPACE ROUTE...
	local routes route

	routes=$(ip -n "$prefix$1" route show table all 2>/dev/null) || :
	for route in "${@:2}"; do
		found "$1: $route" "$routes" "$route "
	done
}

survey_wire() {
	local port program seen

	seen=$(ip -n "${prefix}blade" -br link show up 2>/dev/null) || :
	for port in $(nics); do
		found "blade: $port is up" "$seen" "$port@"
	done
	while read -r port program; do
		seen=$(tc -n "${prefix}wire" filter show dev "$port" ingress 2>/dev/null) || :
		found "wire: $port's program" "$seen" " name $program "
	done < <(ports)
	[[ $blackhole ]] || return 0
	seen=$(tc -n "${prefix}server" filter show dev eth0 egress 2>/dev/null) || :
	found "server: the black hole" "$seen" " name blackhole "
}

# A line for each part: there or missing
survey() {
	local part seen four six

	for part in $(all_namespaces); do
		found "namespace $prefix$part" "$(namespaces "$part")" "$prefix$part"
	done
	found "blade: mounts" "$(blade_mounts)" blade.mnt
	survey_wire
	read -r four six < <(client_prefixes)
	survey_router client "default via 10.1.0.2" "default via fd00:1::2" \
		"local $four" "local $six" "local 10.1.0.1" "local fd00:1::1"
	survey_router server "default via 10.2.0.2" "default via fd00:2::2" \
		"local 10.200.0.0/24" "local fd00:200::/64" "local 10.2.0.1" "local fd00:2::1"
	[[ ! $far ]] || survey_router far "default via 10.210.0.1" \
		"default via fd00:210::1" "local 10.210.0.2" "local fd00:210::2"
	found "options" "$(cat "$state/options" 2>/dev/null)" layout=
}

# Is the whole lab there, as asked for?
standing() {
	[[ $(cat "$state/options" 2>/dev/null) == "$(options)" ]] &&
		! grep -q ^missing <<<"$(survey)"
}

run_status() {
	local parts part

	read_options
	parts=$(survey)
	if ! grep -q ^there <<<"$parts" && [[ ! -e $state ]]; then
		echo "lab '$name' is down"
		exit 3
	fi
	echo "$parts"
	for part in $(all_namespaces); do
		[[ ! $(origin_pid "$part") ]] || echo "there    origin in $part"
	done
	if grep -q ^missing <<<"$parts"; then
		echo "lab '$name' is partly there; 'lab --name $name up' renews it"
		exit 1
	fi
	echo "lab '$name' is up: $(options)"
}
