#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# systemd.sh: the blade as a service of a real systemd, in the guest: start, reload, the
# supervisor killed and hung, an instance killed, stop, and faults of the configuration.
# Usage: systemd.sh ROOT, where `make install DESTDIR=ROOT PREFIX=/usr` was done.
# shellcheck source-path=SCRIPTDIR
set -uo pipefail

here=$(dirname "$(realpath "${BASH_SOURCE[0]}")")
# shellcheck source=../lib.sh
. "$here/../lib.sh"
# shellcheck source=paper-lab.sh
. "$here/paper-lab.sh"
# shellcheck source=snapshot.sh
. "$here/snapshot.sh"

unit=hapep@pep0 conf=/etc/hapep/pep0.conf
hapep=/usr/sbin/hapep
patience=10

configure() { # LINE of the client's side
	sed -e 's/^datapath = .*/datapath = auto/' -e 's/^processes = .*/processes = 2/' \
		-e "s/^\[client\]/&\n$1/" "$here/paper.conf" >"$conf"
}

property() { systemctl show "$unit" -p "$1" --value; }
supervisor() { cat /run/hapep/pep0/supervisor.pid; }
dump() { snapshot_take "$1" eth0; }

fetches() { # an object of each family, the client's address kept
	lab_fetch 10.100.3.7 "http://$server4/who" | grep -qF 10.100.3.7: &&
		lab_fetch fd00:100::3:7 "http://[$server6]/who" | grep -qF fd00:100::3:7
}

in_service() {
	systemctl is-active -q "$unit" && [[ $(property MainPID) == "$(supervisor)" &&
		$(property StatusText) == "new connections are proxied"* ]]
}

said() { # what to tell of a failure
	systemctl status --no-pager --lines 30 "$unit"
	cat /run/hapep/pep0/log
}

started() {
	check "systemctl start" systemctl start "$unit" || said
	check "in service: the main process is the supervisor, the status says what is so" \
		until_true 10 in_service || said
	expect "hapep up itself has gone" "$(property MainPID)" "$(pgrep -f "^$hapep up")"
	check "objects of both families" fetches
	expect "its descriptor limit" 1048576 \
		"$(awk '/^Max open files/ { print $5 }' "/proc/$(property MainPID)/limits")"
}

reloaded() {
	local before
	before=$(property MainPID)
	configure 'initcwnd = 20'
	check "systemctl reload with a changed file" systemctl reload "$unit" || said
	check "in service after it" until_true 10 in_service || said
	expect "the same supervisor" "$before" "$(property MainPID)"
	check "the change is in effect" grep -q 'default.* initcwnd 20' <<<"$(ip -n pep0 route)"
	check "objects of both families" fetches
	echo 'nonsense = 1' >>"$conf"
	systemctl reload "$unit" 2>/dev/null
	expect "a reload that the configuration forbids fails" 1 $?
	check "and the blade serves on" eval 'in_service && fetches'
	configure 'initcwnd = 10'
	check "systemctl reload, back" systemctl reload "$unit" || said
}

# Connections all the while; what the kill cost is what of them failed.
killed() {
	local before report
	before=$(property MainPID)
	lab_client "$load" --target "$server4:80" --path /8k --expect-size 8192 --json \
		--source 10.100.7.1-10.100.7.250 --freebind --connections 2 --duration 60 \
		--timeout 20 >"$scratch/report" 2>"$scratch/why" &
	sleep 10
	kill -KILL "$before"
	check "the supervisor killed: systemd starts another" until_true 20 restarted "$before" || said
	check "objects of both families" fetches
	wait $!
	report=$(jq -c '{transactions, failures}' "$scratch/report")
	echo "# of the connections during it: $report"
	expect "restarts, by systemd" 1 "$(property NRestarts)"
	check "connections went on after it" \
		jq -e '.transactions > 20 and .failures.total < .transactions / 2' "$scratch/report"
}

restarted() { # FORMER
	# In this order: the former is in service until it is ended, between two questions.
	[[ $(property MainPID) != "$1" ]] && in_service
}

hung() {
	local before start=$SECONDS
	before=$(property MainPID)
	kill -STOP "$before"
	check "the supervisor hangs: the gate lets connections straight through" \
		until_true 2 gate_passes || said
	check "the watchdog ends it and systemd starts another" until_true 20 restarted "$before" || said
	echo "# after $((SECONDS - start)) s, WatchdogSec is $(property WatchdogUSec)"
	expect "by the watchdog" 1 "$(journalctl -u "$unit" | grep -c 'Watchdog timeout')"
	check "objects of both families" fetches
}

gate_passes() {
	[[ $("$hapep" status --json | jq -r .gate.state) == pass ]]
}

instance_killed() {
	local before pid
	before=$(property MainPID)
	pid=$("$hapep" status --json | jq '.instances[0].pid')
	kill -KILL "$pid"
	check "an instance killed: the supervisor replaces it" until_true 10 replaced "$pid"
	expect "and systemd lets it" "$before" "$(property MainPID)" || said
}

replaced() { # FORMER
	in_service && [[ $("$hapep" status --json | jq '.instances[0].pid') != "$1" ]]
}

stopped() {
	local kind
	check "systemctl stop" systemctl stop "$unit" || said
	expect "it is inactive" inactive "$(systemctl is-active "$unit")"
	dump "$scratch/after"
	for kind in link address route rule qdisc filter nic sysctl; do
		check "stopped: the $kind dump is as before" \
			snapshot_same "$scratch/before" "$scratch/after" "$kind"
	done
	# systemd has programs of its own.
	expect "stopped: no BPF program" "" "$(bpftool prog list | grep -E 'name (hapep|netns)_')"
	expect "stopped: no state" "" "$(find /run/hapep /run/netns/pep0 2>/dev/null)"
}

# SIGTERM to the supervisor is a down, and systemd does not start it again.
terminated() {
	check "started again" systemctl start "$unit"
	kill -TERM "$(property MainPID)"
	check "SIGTERM to the supervisor: down, and so it stays" until_true 10 gone
}

gone() {
	[[ $(systemctl is-active "$unit") == inactive && ! -e /run/hapep/pep0 ]]
}

faulty() {
	echo 'nonsense = 1' >>"$conf"
	check "a start that the configuration forbids fails" eval '! systemctl start "$unit" 2>/dev/null'
	sleep 1
	expect "once, not again and again" "failed 2" "$(systemctl is-active "$unit") $(property ExecMainStatus)"
	systemctl reset-failed "$unit"
}

scratch=$(mktemp -d)
cp -a "$1/." /
mkdir -p /etc/hapep
systemctl daemon-reload
modprobe -qa veth cls_bpf sch_ingress 8021q
lab_up
configure 'initcwnd = 10'
dump "$scratch/before"
check "systemd-analyze verify" systemd-analyze verify "/usr/lib/systemd/system/hapep@.service"
check "systemctl enable" systemctl enable -q "$unit"
started
reloaded
killed
hung
instance_killed
stopped
terminated
faulty
test_end
