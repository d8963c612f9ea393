#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# tests/live/change-faults.sh with every fault at every point.
CHANGE_FAULTS_ALL=1 exec "$(dirname "$(realpath "${BASH_SOURCE[0]}")")/../live/change-faults.sh"
