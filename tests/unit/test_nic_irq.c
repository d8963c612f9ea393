/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Tests finding the vectors of a NIC, and which queue each of them serves. */
#include "tests/unit/toy_root.h"

#include "helpers/error.h"
#include "helpers/nic/irq.h"

/* A NIC whose vectors have these names, "" ends; they are numbered from first. */
static void nic(const struct toy *t, const char *name, bool virtio, unsigned int first,
		const char *const *actions)
{
	char path[128], target[128];

	toy_file(t, "2", "sys/class/net/%s/ifindex", name);
	snprintf(path, sizeof(path), "sys/class/net/%s/device", name);
	snprintf(target, sizeof(target), "../../../devices/%s%s", name,
		 virtio ? "/virtio3" : "");
	toy_file(t, "0x1", "sys/devices/%s%s/vendor", name, virtio ? "/virtio3" : "");
	toy_link(t, target, path);
	for (; *actions; actions++, first++) {
		toy_file(t, "msix", "sys/devices/%s/msi_irqs/%u", name, first);
		toy_file(t, *actions, "sys/kernel/irq/%u/actions", first);
	}
}

/* "irq=queue" of each vector, with t where it is the transmit side's alone. */
static void told(const struct toy *t, const char *name, const char *wanted)
{
	struct nic_vector *v = NULL;
	struct error err = { 0 };
	char text[512] = "";
	size_t n = 0;

	assert_int_equal(nic_vectors(t->fd, name, &v, &n, &err), 0);
	for (size_t i = 0; i < n; i++) {
		size_t used = strlen(text);

		snprintf(text + used, sizeof(text) - used, "%s%u=%d%s", i ? " " : "",
			 v[i].irq, v[i].queue,
			 v[i].queue >= 0 && !v[i].receives ? "t" : "");
	}
	assert_string_equal(text, wanted);
	free(v);
}

static void test_virtio(void **state)
{
	static const char *const actions[] = { "virtio3-config",   "virtio3-input.0",
					       "virtio3-output.0", "virtio3-input.1",
					       "virtio3-output.1", NULL };

	nic(*state, "eth0", true, 98, actions);
	told(*state, "eth0", "98=-1 99=0 100=0t 101=1 102=1t");
}

/* The vector of link events has the interface's own name, which ends in a digit. */
static void test_e1000e(void **state)
{
	static const char *const actions[] = { "eth3-rx-0", "eth3-tx-0", "eth3", NULL };

	nic(*state, "eth3", false, 32, actions);
	told(*state, "eth3", "32=0 33=0t 34=-1");
}

static void test_drivers(void **state)
{
	static const char *const i40e[] = { "i40e-0000:3b:00.0:misc", "i40e-ens1-TxRx-0",
					    "i40e-ens1-TxRx-1", "i40e-ens1-TxRx-2",
					    NULL };
	static const char *const mlx5[] = { "mlx5_async0@pci:0000:3b:00.0",
					    "mlx5_comp0@pci:0000:3b:00.0",
					    "mlx5_comp1@pci:0000:3b:00.0", NULL };
	static const char *const tg3[] = { "eno1-tx-0", "eno1-rx-1", "eno1-rx-2", NULL };
	static const char *const ena[] = { "ena-mgmnt@pci:0000:00:05.0", "eth9-Tx-Rx-0",
					   "eth9-Tx-Rx-1", NULL };
	static const char *const unused[] = { "ice-0000:17:00.0:misc", "ice-p0-TxRx-0",
					      "", NULL };

	nic(*state, "ens1", false, 10, i40e);
	told(*state, "ens1", "10=-1 11=0 12=1 13=2");
	nic(*state, "ens2", false, 20, mlx5);
	told(*state, "ens2", "20=-1 21=0 22=1");
	nic(*state, "eno1", false, 30, tg3);
	told(*state, "eno1", "30=0t 31=0 32=1");
	nic(*state, "eth9", false, 40, ena);
	told(*state, "eth9", "40=-1 41=0 42=1");
	nic(*state, "p0", false, 50, unused);
	told(*state, "p0", "50=-1 51=0 52=-1");
}

/* One interrupt for all: MSI, or a line that has no msi_irqs. */
static void test_single(void **state)
{
	static const char *const actions[] = { "eth5", NULL };
	const struct toy *t = *state;

	nic(t, "eth5", false, 60, actions);
	told(t, "eth5", "60=0");
	toy_file(t, "3", "sys/class/net/eth6/ifindex");
	toy_file(t, "11", "sys/class/net/eth6/device/irq");
	toy_file(t, "eth6", "sys/kernel/irq/11/actions");
	told(t, "eth6", "11=0");
}

static void test_none(void **state)
{
	const struct toy *t = *state;
	struct nic_vector *v = NULL;
	struct error err = { 0 };
	size_t n = 0;

	toy_file(t, "4", "sys/class/net/veth0/ifindex");
	told(t, "veth0", "");
	assert_int_equal(nic_vectors(t->fd, "eth9", &v, &n, &err), -ENODEV);
	assert_non_null(strstr(err.msg, "'eth9'"));
}

static void test_irqbalance(void **state)
{
	const struct toy *t = *state;

	toy_file(t, "bash", "proc/12/comm");
	assert_false(nic_irqs_balanced(t->fd));
	toy_file(t, "irqbalance", "proc/345/comm");
	assert_true(nic_irqs_balanced(t->fd));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TOY_TEST(test_virtio), TOY_TEST(test_e1000e), TOY_TEST(test_drivers),
		TOY_TEST(test_single), TOY_TEST(test_none),   TOY_TEST(test_irqbalance),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
