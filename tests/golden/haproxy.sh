#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# The rendered HAProxy configurations: as in haproxy/*.cfg, and accepted by HAProxy.
set -uo pipefail

cd "$(dirname "$(realpath "${BASH_SOURCE[0]}")")/../.." || exit 1
BUILD=${BUILD:-$PWD/.build}
renderer=$BUILD/tests/unit/test_haproxy_render
golden=tests/golden/haproxy
scratch=$(mktemp -d) || exit 1
trap 'rm -rf "$scratch"' EXIT

"$renderer" --write "$scratch" || exit 1
for file in "$golden"/*.cfg "$scratch"/*.cfg; do
	name=${file##*/}
	[[ -e $scratch/$name.seen ]] && continue
	touch "$scratch/$name.seen"
	if why=$(diff -u "$golden/$name" "$scratch/$name" 2>&1); then
		echo "ok ${name%.cfg} is as expected"
	else
		printf '%s\n' "$why"
		echo "not ok ${name%.cfg}: differs, see above"
	fi
done

strace=$(command -v strace)

# What is opened meanwhile, by strace's word where there is one.
traced() {
	if [[ $strace ]]; then
		"$strace" -f --seccomp-bpf -qq -e trace=open,openat -o "$scratch/opens" "$@"
	else
		"$@"
	fi
}

# An instance needs none of the machine's certificate authorities, 140 files on Debian.
authorities() {
	local name="no certificate authority is read" read
	if [[ ! $strace ]]; then
		echo "skip $name: there is no strace here"
	elif ! grep -q '"/proc/self/fd/3"' "$scratch/opens"; then
		echo "not ok $name: strace saw no HAProxy"
	elif read=$(grep -m 1 '"/[^"]*/certs\(/\|"\)' "$scratch/opens"); then
		echo "not ok $name: $read"
	else
		echo "ok $name"
	fi
}

haproxy=$(PATH=$PATH:/usr/sbin command -v haproxy)
if [[ -z $haproxy ]]; then
	echo "skip haproxy -c: there is no haproxy here"
elif ((EUID)); then
	echo "skip haproxy -c: a transparent socket needs root"
elif ! checked=$(traced "$renderer" --check "$haproxy"); then
	echo "not ok haproxy -c: the renderer failed"
elif [[ -z $checked ]]; then
	echo "skip haproxy -c: nothing is rendered for $("$haproxy" -v | head -1)"
else
	printf '%s\n' "$checked"
	authorities
fi
