#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# tests/live/switch.sh through all ordered pairs, with 500 transfers.
SWITCH_ALL=1 exec "$(dirname "$(realpath "${BASH_SOURCE[0]}")")/../live/switch.sh"
