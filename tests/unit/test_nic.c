/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Owns proving that a NIC is read rightly, told what it needs, and given back as it was.
 */
#include <errno.h>
#include <net/if.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "helpers/error.h"
#include "helpers/nic/feature.h"
#include "helpers/nic/nic.h"

static const char *bench_skip;

#define NEEDS_ROOT()                                                                     \
	do {                                                                             \
		if (bench_skip) {                                                        \
			print_message("skip: %s\n", bench_skip);                         \
			skip();                                                          \
		}                                                                        \
	} while (0)

static void sh(const char *line)
{
	if (system(line))
		fail_msg("%s", line);
}

/* What ip and ethtool see. The caller's: free. */
static char *snapshot(const char *dev)
{
	char line[128];
	char *text = calloc(1, 16384);
	FILE *f;

	snprintf(line, sizeof(line),
		 "ip -d link show dev %s; ethtool -k %s 2>/dev/null | grep vlan", dev,
		 dev);
	f = popen(line, "r");
	text[fread(text, 1, 16383, f)] = '\0';
	pclose(f);
	return text;
}

static int device_up(void **state)
{
	(void)state;
	if (bench_skip)
		return 0;
	sh("ip link add t0 mtu 1400 address 02:00:00:00:00:77 type veth peer name t1");
	/* The first time up gives a device its default qdisc, for good. */
	sh("ip link set t0 up && ip link set t0 down");
	return 0;
}

static int device_down(void **state)
{
	(void)state;
	if (!bench_skip)
		sh("ip link del t1");
	return 0;
}

static void test_read(void **state)
{
	const unsigned char mac[6] = { 2, 0, 0, 0, 0, 0x77 };
	struct error err = { 0 };
	struct nic nic;

	(void)state;
	NEEDS_ROOT();
	assert_int_equal(nic_read("t0", &nic, &err), 0);
	assert_string_equal(nic.name, "t0");
	assert_int_equal(nic.ifindex, if_nametoindex("t0"));
	assert_memory_equal(nic.mac, mac, sizeof(mac));
	assert_int_equal(nic.mtu, 1400);
	assert_false(nic.flags & IFF_UP);
	assert_string_equal(nic.driver, "veth");
}

static void test_read_missing(void **state)
{
	struct error err = { 0 };
	struct nic nic;

	(void)state;
	NEEDS_ROOT();
	assert_int_equal(nic_read("eth9", &nic, &err), -ENODEV);
	assert_non_null(strstr(err.msg, "'eth9'"));
	assert_non_null(strstr(err.msg, "t0"));
	assert_null(strstr(err.msg, "lo"));
}

static void test_read_no_ethernet(void **state)
{
	struct error err = { 0 };
	struct nic nic;

	(void)state;
	NEEDS_ROOT();
	assert_int_equal(nic_read("lo", &nic, &err), -EPROTONOSUPPORT);
	assert_non_null(strstr(err.msg, "no Ethernet"));
}

static void assert_flags(const char *dev, enum step_state wanted)
{
	_cleanup_text_ struct text detail = { 0 };
	enum step_state state = STEP_DIFFERS;
	struct error err = { 0 };

	assert_int_equal(nic_flags_probe(dev, &state, &detail, &err), 0);
	assert_int_equal(state, wanted);
	assert_int_equal(state == STEP_PRESENT, !detail.length);
}

/* From every mixture of flags to what is needed and back to the same. */
static void test_flags(void **state)
{
	static const char *const before[] = {
		"ip link set t0 down allmulticast off promisc off",
		"ip link set t0 up",
		"ip link set t0 down allmulticast on",
		"ip link set t0 up promisc on allmulticast off",
		"ip link set t0 up promisc on allmulticast on",
	};

	(void)state;
	NEEDS_ROOT();
	for (size_t i = 0; i < sizeof(before) / sizeof(before[0]); i++) {
		struct error err = { 0 };
		json_t *record = NULL;
		char *old, *new;

		sh(before[i]);
		old = snapshot("t0");
		assert_int_equal(nic_flags_record("t0", &record, &err), 0);
		assert_int_equal(nic_flags_apply("t0", &err), 0);
		assert_flags("t0", STEP_PRESENT);
		sh("ip link show t0 | grep -q ALLMULTI");
		sh("ip link show t0 | grep -q '[<,]UP[,>]'");
		for (int twice = 0; twice < 2; twice++) {
			assert_int_equal(nic_flags_undo(record, &err), 0);
			new = snapshot("t0");
			assert_string_equal(new, old);
			free(new);
		}
		json_decref(record);
		free(old);
	}
}

static void test_flags_states(void **state)
{
	(void)state;
	NEEDS_ROOT();
	assert_flags("t0", STEP_ABSENT);
	sh("ip link set t0 up");
	assert_flags("t0", STEP_DIFFERS);
	sh("ip link set t0 allmulticast on");
	assert_flags("t0", STEP_PRESENT);
	assert_flags("eth9", STEP_ABSENT);
}

/* The record holds by the index, not the name; a NIC that is gone is success. */
static void test_flags_renamed_and_gone(void **state)
{
	struct error err = { 0 };
	json_t *record = NULL;

	(void)state;
	NEEDS_ROOT();
	assert_int_equal(nic_flags_record("t0", &record, &err), 0);
	assert_int_equal(nic_flags_apply("t0", &err), 0);
	sh("ip link set t0 down && ip link set t0 name t9 && ip link set t9 up");
	assert_int_equal(nic_flags_undo(record, &err), 0);
	sh("! ip link show t9 | grep -q ALLMULTI");
	sh("! ip link show t9 | grep -q '[<,]UP[,>]'");
	sh("ip link del t9");
	assert_int_equal(nic_flags_undo(record, &err), 0);
	json_decref(record);
	sh("ip link add t1 type veth peer name t0");
}

/* A NIC's filter off, on, or fixed: promiscuous only where it is on and fixed. */
static void vlan_round(const char *dev, bool fixed_on)
{
	struct error err = { 0 };
	json_t *flags = NULL, *vlan = NULL;
	enum step_state step = STEP_ABSENT;
	struct text detail = { 0 };
	struct feature f;
	struct nic nic;
	char *old = snapshot(dev), *new;

	assert_int_equal(nic_flags_record(dev, &flags, &err), 0);
	assert_int_equal(nic_vlan_record(dev, &vlan, &err), 0);
	assert_int_equal(nic_flags_apply(dev, &err), 0);
	assert_int_equal(nic_vlan_apply(dev, &err), 0);
	assert_int_equal(nic_vlan_probe(dev, &step, &detail, &err), 0);
	assert_int_equal(step, STEP_PRESENT);
	assert_int_equal(feature_read(dev, "rx-vlan-filter", &f, &err), 0);
	assert_true(f.known);
	assert_int_equal(f.active, fixed_on);
	assert_int_equal(nic_read(dev, &nic, &err), 0);
	assert_int_equal(!!(nic.flags & IFF_PROMISC), fixed_on);
	assert_int_equal(nic_vlan_undo(vlan, &err), 0);
	assert_int_equal(nic_flags_undo(flags, &err), 0);
	new = snapshot(dev);
	assert_string_equal(new, old);
	text_free(&detail);
	json_decref(flags);
	json_decref(vlan);
	free(old);
	free(new);
}

static void test_vlan_filter_off(void **state)
{
	(void)state;
	NEEDS_ROOT();
	vlan_round("t0", false);
}

/* A bond's filter is on and can be turned off, as that of most hardware. */
static void test_vlan_filter_on(void **state)
{
	(void)state;
	NEEDS_ROOT();
	if (system("ip link add tbond type bond 2>/dev/null && ip link set t0 master tbond")) {
		print_message("skip: this kernel has no bonding\n");
		skip();
	}
	sh("ip link set tbond up && ip link set tbond down");
	sh("ethtool -k tbond | grep -q 'rx-vlan-filter: on$'");
	vlan_round("tbond", false);
	sh("ip link del tbond");
}

/* TEST_NIC names one whose filter is on and fixed (the virtual blade's virtio NIC). */
static void test_vlan_filter_fixed(void **state)
{
	const char *dev = getenv("TEST_NIC");

	(void)state;
	NEEDS_ROOT();
	if (!dev) {
		print_message("skip: TEST_NIC names no NIC whose filter is fixed\n");
		skip();
	}
	vlan_round(dev, true);
}

static int bench_setup(void **state)
{
	(void)state;
	/* A NIC to be tested cannot follow into a namespace of our own. */
	if (geteuid() || (!getenv("TEST_NIC") && unshare(CLONE_NEWNET) < 0))
		bench_skip = "needs root: makes network devices";
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_read, device_up, device_down),
		cmocka_unit_test_setup_teardown(test_read_missing, device_up,
						device_down),
		cmocka_unit_test_setup_teardown(test_read_no_ethernet, device_up,
						device_down),
		cmocka_unit_test_setup_teardown(test_flags, device_up, device_down),
		cmocka_unit_test_setup_teardown(test_flags_states, device_up,
						device_down),
		cmocka_unit_test_setup_teardown(test_flags_renamed_and_gone, device_up,
						device_down),
		cmocka_unit_test_setup_teardown(test_vlan_filter_off, device_up,
						device_down),
		cmocka_unit_test_setup_teardown(test_vlan_filter_on, device_up,
						device_down),
		cmocka_unit_test_setup_teardown(test_vlan_filter_fixed, device_up,
						device_down),
	};

	return cmocka_run_group_tests(tests, bench_setup, NULL);
}
