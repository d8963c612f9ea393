#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# The live tests on the mirred datapath, in the virtual blade, and among them changes of a
# blade in service through all scenarios (NO-NF wants a kernel without other hooks). About
# an hour.
tests=$(dirname "$(dirname "$(realpath "${BASH_SOURCE[0]}")")")
failed=0
for group in "transparency ineligible looping pmtu protocol again" "switch" "reload" "generations"; do
	read -ra names <<<"$group"
	names=("${names[@]/#/$tests/live/}")
	"$tests/vm/vm" --topology 1x2x1 --memory 3072 --timeout 3600 \
		--append lsm=landlock,lockdown,yama,integrity \
		"$tests/vm/live.sh" mirred "${names[@]/%/.sh}"
	status=$?
	((status == 0)) || failed=1
	((status <= 1)) || echo "not ok mirred: the virtual blade ended with status $status"
done
exit $failed
