#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# The share of connections whose two directions, sockets and instance are on one core, of
# 1,000 each: by the plan, with a random key, and without the program that picks the
# instance by CPU (accept = hash); the NIC on either node, one after the other. In the
# virtual blade, an hour or more. LOCALITY_NODES=1: on that node alone.
here=$(dirname "$(realpath "${BASH_SOURCE[0]}")")
export LOCALITY_COUNT=${LOCALITY_COUNT:-1000} LOCALITY_CHANCE=${LOCALITY_CHANCE:-1000}
export LOCALITY_HASH=${LOCALITY_HASH:-1000}
export LOCALITY_NODES=${LOCALITY_NODES:-1 0}
HAPEP_TEST_FULL='' exec "$here/../vm/test-locality.sh"
