#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# The paper's path, end to end, on Debian's stock kernel in the virtual blade: 802.1Q tags
# on a virtio NIC with RSS, flower, vlan and mirred, 20 HAProxy. About two minutes.
here=$(dirname "$(realpath "${BASH_SOURCE[0]}")")
exec "$here/paper-blade" --timeout 900 "$here/paper-path.sh"
