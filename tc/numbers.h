/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The numbers by which hapep's filters are told from everybody else's. */
#ifndef TC_NUMBERS_H
#define TC_NUMBERS_H

/*
 * Prefs: the lower is asked first. tc numbers filters that name none from 49152 down, so
 * ours come before those; a pref below 40 stays free for whoever must come before us.
 * A pref holds one kind and one protocol, hence one for each.
 */
#define NUMBERS_PREF_RESIDENCE 39 /* NIC, both ways: tc/residence, while it measures */
#define NUMBERS_PREF_BPF       40 /* NIC and host end: tc/redirect */
#define NUMBERS_PREF_VLAN      41 /* flower by VLAN; matchall on host and inner ends */
#define NUMBERS_PREF_IPV4      42 /* untagged sides, by protocol */
#define NUMBERS_PREF_IPV6      43
#define NUMBERS_PREF_ARP       44
#define NUMBERS_PREF_STEER     50 /* inner ends: tc/steer */
/* tc/reset sees untagged frames: its prefs are before the push and after the pop. */
#define NUMBERS_PREF_RESET_OUT 40 /* the client's inner end, egress */
#define NUMBERS_PREF_RESET_IN  45 /* the server's inner end, ingress */

/* "HP" in the upper half of a handle; the VLAN, or 0, in the lower. */
#define NUMBERS_HANDLE 0x48500000U

#endif
