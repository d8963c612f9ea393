#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# The runner itself: what it refuses, what it returns, and that nothing of it remains.
exec "$(dirname "$(realpath "${BASH_SOURCE[0]}")")/vm-check.sh"
