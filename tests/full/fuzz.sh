#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Ten minutes of fuzzing under address and undefined sanitizers, both targets.
set -uo pipefail
if output=$("$(dirname "$(realpath "${BASH_SOURCE[0]}")")/../fuzz/run" 600 2>&1); then
	echo "ok ten minutes of fuzzing find nothing"
else
	printf '%s\n' "$output" | tail -n 50
	echo "not ok fuzzing: see above"
	exit 1
fi
