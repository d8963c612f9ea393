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

haproxy=$(PATH=$PATH:/usr/sbin command -v haproxy)
if [[ -z $haproxy ]]; then
	echo "skip haproxy -c: there is no haproxy here"
elif ((EUID)); then
	echo "skip haproxy -c: a transparent socket needs root"
elif ! checked=$("$renderer" --check "$haproxy"); then
	echo "not ok haproxy -c: the renderer failed"
elif [[ -z $checked ]]; then
	echo "skip haproxy -c: nothing is rendered for $("$haproxy" -v | head -1)"
else
	printf '%s\n' "$checked"
fi
