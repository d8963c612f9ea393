#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Bad configurations: exit status 2, every fault with file and line, and no change.
#
# Most cases are edits of one good file, in bad-configs.txt; whole files that no table
# holds well (binary, truncated, huge, no file at all) are made here.
set -u

here=$(dirname "$(realpath "${BASH_SOURCE[0]}")")
# shellcheck source=tests/lib.sh
source "$here/../lib.sh"

# Namespaces of its own: what it compares nobody else changes, nor could hapep harm.
if [[ ! ${CONFIG_BAD_INSIDE:-} ]]; then
	CONFIG_BAD_INSIDE=yes exec unshare --net --mount "$0"
fi
mount -t tmpfs tmpfs /run || exit 1
ip link set lo up
ip link add nic0 type veth peer name nic0-wire || exit 1
scratch=$(mktemp -d)
trap test_cleanup EXIT
table=$here/bad-configs.txt
file=$scratch/bad.conf
cases=0

good=()
while IFS= read -r line; do
	[[ $line =~ ^\;\ +[0-9]+\ (.*) ]] && good+=("${BASH_REMATCH[1]}")
done <"$table"

# What a configuration that is refused must leave alone.
snapshot() {
	ip -j link
	ip -j netns list
	ls -laR --time-style=full-iso /run/hapep 2>&1
}

# refused NAME WANTED [FILE]: WANTED are the faults, each without the file's name.
refused() {
	local name=$1 wanted=$2 path=${3:-$file} found status
	cases=$((cases + 1))
	"$hapep" config --check --config "$path" >"$scratch/out" 2>"$scratch/err" </dev/null
	status=$?
	# The file's name is this test's own: what follows it is what matters.
	found=$(while IFS= read -r line; do
		if [[ $line == "$path:"* ]]; then
			line=${line#"$path:"}
			printf '%s\n' "${line# }"
		else
			printf 'without the file: %s\n' "$line"
		fi
	done <"$scratch/err")
	if ((status != 2)); then
		not_ok "$name" "exit status $status"
	elif [[ -s $scratch/out ]]; then
		not_ok "$name" "stdout says $(head -c 200 "$scratch/out")"
	elif [[ $found != "$wanted" ]]; then
		not_ok "$name" "expected [$wanted], found [$found]"
	else
		ok "$name"
	fi
}

# Writes the good configuration with the edits, each "LINE:TEXT".
edited() { # EDIT...
	local lines=("${good[@]}") edit
	for edit; do
		lines[${edit%%:*} - 1]=${edit#*:}
	done
	printf '%b\n' "${lines[@]}" >"$file"
}

run_table() {
	local line name='' edits=() wanted=''
	while IFS= read -r line || [[ $name ]]; do
		case $line in
		'= '* | '')
			if [[ $name ]]; then
				edited "${edits[@]}"
				refused "$name" "${wanted%$'\n'}"
			fi
			name=${line#= } edits=() wanted=''
			;;
		';'*) ;;
		'> '*) wanted+=${line#> }$'\n' ;;
		*) edits+=("$line") ;;
		esac
	done <"$table"
}

whole_files() {
	local missing="client.nic: expected an interface name as in eth0, found nothing
server.nic: expected an interface name as in eth0, found nothing
client.address: expected an address or address6, found neither
server.address: expected an address or address6, found neither"

	: >"$file"
	refused 'an empty file' "$missing"
	printf '\n\n; nothing\n # at all\n' >"$file"
	refused 'nothing but comments' "$missing"
	printf '[client]\nnic' >"$file"
	refused 'a file cut in a key' "\
2: expected 'key = value' or [section] (a value cannot go on in the next line), got 'nic'
server.nic: expected an interface name as in eth0, found nothing
1: client.address: expected an address or address6, found neither
server.address: expected an address or address6, found neither"
	printf '%s\n' "${good[@]:0:8}" 'address6 = fd' | head -c -1 >"$file"
	refused 'a file cut in an address' "\
9: client.address6: expected an IPv6 address with its prefix length as in \
fd00:1::2/64, or none, got 'fd'
server.nic: expected an interface name as in eth0, found nothing
server.address: expected an address or address6, found neither"
	edited
	printf 'idle = %01995d\n' 1 >>"$file"
	refused 'a line too long' '24: expected at most 2000 bytes in a line, got 2002'
	edited
	printf '; %02000d\n' 1 >>"$file"
	refused 'a comment too long' '24: expected at most 2000 bytes in a line, got 2002'
	edited "19:ports = $(seq -s , 1 2 129)"
	refused 'too many ports' "19: service.ports: expected ports 1..65534 as in 80, \
8080-8090, got '$(seq -s , 1 2 129 | head -c 60)...' (more than 64 ports and ranges)"
	edited "21:binary = /$(printf '%0255d' 0)"
	refused 'a path too long' "21: haproxy.binary: expected an absolute path of letters, \
digits and . _ - + @ /, without '..', got '/$(printf '%059d' 0)...' (longer than 255 bytes)"
	edited "21:cpus = $(seq -s , 100 490)"
	refused 'a CPU list too long' "21: haproxy.cpus: expected a CPU list as in 0-3,8, or \
auto, got '$(seq -s , 100 490 | head -c 60)...' (longer than 1535 bytes)"
}

strange_files() {
	local n

	head -c 10485760 /dev/zero >"$file"
	refused '10 MB' 'expected at most 1048576 bytes, got 10485760'
	edited
	yes '; padding' | head -c 1048576 >>"$file"
	n=$(stat -c %s "$file")
	refused 'a good start, then too much' "expected at most 1048576 bytes, got $n"
	rm -f "$file"
	refused 'no such file' 'cannot read the configuration: No such file or directory'
	refused 'a folder' 'cannot read the configuration: Is a directory' "$scratch"
	mkfifo "$scratch/fifo"
	refused 'a FIFO' 'expected a configuration in a regular file' "$scratch/fifo"
	refused 'an endless device' 'expected a configuration in a regular file' /dev/zero
	ln -s loop "$scratch/loop"
	refused 'a symbolic link to itself' \
		'cannot read the configuration: Too many levels of symbolic links' "$scratch/loop"
	refused 'a path through a file' \
		'cannot read the configuration: Not a directory' /etc/passwd/x
}

# Files whose faults are many: all are counted, not all are shown.
many_faults() {
	local name status lines

	edited
	seq -f 'key%.0f = 1' 1 70 >>"$file"
	"$hapep" config --check --config "$file" 2>"$scratch/err"
	expect 'many faults: status' 2 $?
	expect 'many faults: 50 are shown, and how many more' "51 $file: and 20 more faults" \
		"$(wc -l <"$scratch/err") $(tail -n 1 "$scratch/err")"
	cp "$hapep" "$file"
	truncate -s 200000 "$file"
	for name in 'an ELF file' 'random bytes'; do
		cases=$((cases + 1))
		timeout 10 "$hapep" config --check --config "$file" 2>"$scratch/err"
		status=$?
		lines=$(wc -l <"$scratch/err")
		if ((status == 2 && lines > 1 && lines <= 51)) &&
			! grep -qv "^$file" "$scratch/err" && iconv -f utf-8 "$scratch/err" >/dev/null; then
			ok "$name"
		else
			not_ok "$name" "exit status $status, $lines lines"
		fi
		head -c 65536 /dev/urandom >"$file"
	done
}

# Other commands that read a configuration refuse it the same way.
other_commands() {
	local command

	edited '6:vlan = 5000'
	for command in 'up' 'up --dry-run' 'render' 'netns --config FILE up' \
		'tc --config FILE up'; do
		[[ $command == *FILE* ]] || command+=' --config FILE'
		# shellcheck disable=SC2086
		"$hapep" ${command/FILE/"$file"} >"$scratch/out" 2>"$scratch/err" </dev/null
		expect "$command: status" 2 $?
		expect "$command: the fault" \
			"$file:6: client.vlan: expected 1..4094 or none, got '5000'" \
			"$(<"$scratch/err")"
	done
}

before=$(snapshot)
edited
check 'the good configuration is good' "$hapep" config --check --config "$file"
run_table
whole_files
strange_files
many_faults
other_commands
expect 'nothing was changed' "$before" "$(snapshot)"
if ((cases >= 100)); then
	ok "$cases bad configurations"
else
	not_ok 'at least 100 bad configurations' "$cases"
fi
test_end
