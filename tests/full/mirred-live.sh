#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# The live tests on the mirred datapath, in the virtual blade: about half an hour.
tests=$(dirname "$(dirname "$(realpath "${BASH_SOURCE[0]}")")")
"$tests/vm/vm" --topology 1x2x1 --memory 3072 --timeout 3600 "$tests/vm/live.sh" mirred \
	"$tests"/live/{transparency,ineligible,looping,pmtu,protocol}.sh
status=$?
((status <= 1)) || echo "not ok mirred: the virtual blade ended with status $status"
exit $status
