/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Tests what is written down of a NIC's queues, and that it comes back, on toy files. */
#include "tests/unit/toy_root.h"

#include "helpers/budget.h"
#include "helpers/error.h"
#include "helpers/nic/prior.h"
#include "helpers/nic/queues.h"

#define QUEUES 2

/* A NIC with a vector and two masks for each queue, its vectors numbered from first. */
static void nic(const struct toy *t, unsigned int first)
{
	char line[32];

	toy_file(t, "2", "sys/class/net/eth0/ifindex");
	for (unsigned int q = 0; q < QUEUES; q++) {
		snprintf(line, sizeof(line), "eth0-TxRx-%u", q);
		toy_file(t, "msix", "sys/class/net/eth0/device/msi_irqs/%u", first + q);
		toy_file(t, line, "sys/kernel/irq/%u/actions", first + q);
		toy_file(t, q ? "f0" : "0f", "proc/irq/%u/smp_affinity", first + q);
		toy_file(t, q ? "c" : "3", "sys/class/net/eth0/queues/tx-%u/xps_cpus", q);
		toy_file(t, "0", "sys/class/net/eth0/queues/tx-%u/tx_timeout", q);
		toy_file(t, "00", "sys/class/net/eth0/queues/rx-%u/rps_cpus", q);
	}
}

static void test_irq(void **state)
{
	const struct toy *t = *state;
	struct error err = { 0 };
	json_t *prior = NULL;
	bool moved = false;

	nic(t, 40);
	assert_int_equal(irq_prior(t->fd, "eth0", &prior, &err), 0);
	assert_int_equal(json_array_size(prior), QUEUES);
	toy_file(t, "1", "proc/irq/40/smp_affinity");
	toy_file(t, "2", "proc/irq/41/smp_affinity");
	for (int twice = 0; twice < 2; twice++) {
		assert_int_equal(irq_restore(t->fd, "eth0", prior, &moved, &err), 0);
		toy_says(t, "proc/irq/40/smp_affinity", "0f");
		toy_says(t, "proc/irq/41/smp_affinity", "f0");
	}
	json_decref(prior);
}

/* The driver got other vectors for its channels, and somebody else has the old ones. */
static void test_irq_renumbered(void **state)
{
	const struct toy *t = *state;
	struct error err = { 0 };
	json_t *prior = NULL;
	bool moved = false;

	nic(t, 40);
	assert_int_equal(irq_prior(t->fd, "eth0", &prior, &err), 0);
	toy_file(t, "nvme0q1", "sys/kernel/irq/40/actions");
	toy_file(t, "nvme0q2", "sys/kernel/irq/41/actions");
	toy_file(t, "8", "proc/irq/40/smp_affinity");
	unlinkat(t->fd, "sys/class/net/eth0/device/msi_irqs/40", 0);
	unlinkat(t->fd, "sys/class/net/eth0/device/msi_irqs/41", 0);
	nic(t, 60);
	toy_file(t, "1", "proc/irq/60/smp_affinity");
	toy_file(t, "2", "proc/irq/61/smp_affinity");
	assert_int_equal(irq_restore(t->fd, "eth0", prior, &moved, &err), 0);
	toy_says(t, "proc/irq/60/smp_affinity", "0f");
	toy_says(t, "proc/irq/61/smp_affinity", "f0");
	toy_says(t, "proc/irq/40/smp_affinity", "8");
	json_decref(prior);
}

static void test_masks(void **state)
{
	const struct toy *t = *state;
	json_t *xps = NULL, *rps = NULL;
	struct error err = { 0 };
	bool moved = false;

	nic(t, 40);
	assert_int_equal(queues_count(t->fd, "eth0", "rx"), QUEUES);
	assert_int_equal(queues_count(t->fd, "eth0", "tx"), QUEUES);
	assert_int_equal(xps_prior(t->fd, "eth0", &xps, &err), 0);
	assert_int_equal(rps_prior(t->fd, "eth0", &rps, &err), 0);
	toy_file(t, "1", "sys/class/net/eth0/queues/tx-0/xps_cpus");
	toy_file(t, "f", "sys/class/net/eth0/queues/rx-1/rps_cpus");
	/* A queue that went with a change of channels needs nothing put back. */
	unlinkat(t->fd, "sys/class/net/eth0/queues/rx-0/rps_cpus", 0);
	assert_int_equal(xps_restore(t->fd, "eth0", xps, &moved, &err), 0);
	assert_int_equal(rps_restore(t->fd, "eth0", rps, &moved, &err), 0);
	toy_says(t, "sys/class/net/eth0/queues/tx-0/xps_cpus", "3");
	toy_says(t, "sys/class/net/eth0/queues/tx-1/xps_cpus", "c");
	toy_says(t, "sys/class/net/eth0/queues/rx-1/rps_cpus", "00");
	json_decref(xps);
	json_decref(rps);
}

/* One transmit queue has the file, and no answer in it. */
static void test_no_xps(void **state)
{
	const struct toy *t = *state;
	struct error err = { 0 };
	json_t *xps = NULL;
	bool moved = false;

	toy_file(t, "0", "sys/class/net/eth1/queues/tx-0/tx_timeout");
	assert_int_equal(xps_prior(t->fd, "eth1", &xps, &err), 0);
	assert_int_equal(json_array_size(xps), 0);
	assert_int_equal(xps_restore(t->fd, "eth1", xps, &moved, &err), 0);
	json_decref(xps);
}

#define BUDGET "proc/sys/net/core/netdev_budget_usecs"

static void test_budget(void **state)
{
	const struct toy *t = *state;
	enum step_state step = STEP_PRESENT;
	struct text detail = { 0 };
	struct error err = { 0 };
	json_t *record = NULL;

	assert_false(budget_wanted(t->fd)); /* another namespace, or an old kernel */
	toy_file(t, "8000", BUDGET);
	assert_false(budget_wanted(t->fd)); /* 250 Hz */
	toy_file(t, "2000", BUDGET);
	assert_true(budget_wanted(t->fd));
	assert_int_equal(budget_record(t->fd, &record, &err), 0);
	assert_int_equal(budget_probe(t->fd, &step, &detail, &err), 0);
	assert_int_equal(step, STEP_ABSENT);
	assert_int_equal(budget_apply(t->fd, &err), 0);
	toy_says(t, BUDGET, "4000");
	assert_true(budget_wanted(t->fd));
	assert_int_equal(budget_undo(t->fd, record, &err), 0);
	toy_says(t, BUDGET, "2000");
	/* What somebody else has set since is theirs. */
	toy_file(t, "9000", BUDGET);
	assert_int_equal(budget_undo(t->fd, record, &err), 0);
	toy_says(t, BUDGET, "9000");
	text_free(&detail);
	json_decref(record);
}

/* A record that is none is said to be damaged; of a NIC that is gone nothing is asked. */
static void test_undo_refuses(void **state)
{
	json_t *damaged = json_pack("{s:s}", "name", "eth0");
	json_t *gone = json_pack("{s:s, s:i, s:{s:[]}}", "name", "eth0", "ifindex",
				 0x7fffffff, "prior", "irq");
	struct error err = { 0 };

	(void)state;
	assert_int_equal(nic_queues_undo(damaged, &err), -EBADMSG);
	assert_int_equal(nic_queues_undo(gone, &err), 0);
	json_decref(damaged);
	json_decref(gone);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TOY_TEST(test_irq),    TOY_TEST(test_irq_renumbered),
		TOY_TEST(test_masks),  TOY_TEST(test_no_xps),
		TOY_TEST(test_budget), TOY_TEST(test_undo_refuses),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
