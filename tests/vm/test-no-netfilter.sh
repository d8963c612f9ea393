#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# NO-NF (strict) on a kernel without netfilter, in the virtual blade. make check-full
# builds that kernel; make check takes it where the cache has it.
here=$(dirname "$(realpath "${BASH_SOURCE[0]}")")
if [[ ${HAPEP_TEST_FULL-} ]]; then
	kernel=$("$here/guest-kernel" no-netfilter) || { echo "not ok no-netfilter: no kernel"; exit 1; }
elif ! kernel=$("$here/guest-kernel" --cached no-netfilter 2>&1); then
	echo "skip no-netfilter: ${kernel#guest-kernel: }"
	exit 0
fi
"$here/vm" --kernel "$kernel" --topology 1x2x1 --memory 2048 --timeout 1800 \
	"$here/no-netfilter.sh"
status=$?
((status <= 1)) || echo "not ok no-netfilter: the virtual blade ended with status $status"
exit $status
