/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Tests what the gate is told, and how often, by a toy clock. */
#include "deploy/gate.h"
#include "helpers/log.h"
#include "tests/unit/toy_clock.h"
#include "tests/unit/toy_root.h"

/* What the linker puts in the place of the functions (Makefile: WRAPPED). */
static struct {
	struct step_context plan;
	unsigned int well, proxy_port;
	/* The gate, as it was last set, and how often it was. */
	enum tc_gate_state state;
	unsigned int told, asked_port, sets;
} toy;

/* Nobody looks into them. */
static const void *const generations = &toy;

int __wrap_tc_gate_find(const struct tc_plan *p, int nsfd, struct tc_gate **out,
			struct error *err);
int __wrap_tc_gate_set(struct tc_gate *g, enum tc_gate_state state, unsigned int hold_ms,
		       struct error *err);
void __wrap_tc_gate_point(struct tc_gate *g, unsigned int proxy_port);
void __wrap_tc_gate_close(struct tc_gate *g);
const struct step_context *__wrap_generations_present(const struct generations *all);
unsigned int __wrap_generations_well(const struct generations *all);
unsigned int __wrap_generations_proxy_port(const struct generations *all);
void __wrap_generations_summary(const struct generations *all, char *text, size_t size);

int __wrap_tc_gate_find(const struct tc_plan *p, int nsfd, struct tc_gate **out,
			struct error *err)
{
	(void)p;
	(void)nsfd;
	(void)err;
	*out = NULL;
	return 0;
}

int __wrap_tc_gate_set(struct tc_gate *g, enum tc_gate_state state, unsigned int hold_ms,
		       struct error *err)
{
	(void)g;
	(void)err;
	assert_int_equal(hold_ms, GATE_HOLD_MS);
	toy.state = state;
	toy.asked_port = toy.told;
	toy.sets++;
	return 0;
}

void __wrap_tc_gate_point(struct tc_gate *g, unsigned int proxy_port)
{
	(void)g;
	toy.told = proxy_port;
}

void __wrap_tc_gate_close(struct tc_gate *g)
{
	(void)g;
}

const struct step_context *__wrap_generations_present(const struct generations *all)
{
	(void)all;
	return &toy.plan;
}

unsigned int __wrap_generations_well(const struct generations *all)
{
	(void)all;
	return toy.well;
}

unsigned int __wrap_generations_proxy_port(const struct generations *all)
{
	(void)all;
	return toy.proxy_port;
}

void __wrap_generations_summary(const struct generations *all, char *text, size_t size)
{
	(void)all;
	snprintf(text, size, "%u serve", toy.well);
}

static struct gate *gate_toy(const struct toy *t)
{
	struct gate *g = NULL;
	struct error err = { 0 };

	memset(&toy, 0, sizeof(toy));
	toy_now_ms = 1000000;
	toy.well = 2;
	assert_int_equal(gate_open(&toy.plan, -1, t->fd, &g, &err), 0);
	gate_tick(g, generations);
	assert_int_equal(toy.state, TC_GATE_OPEN);
	assert_int_equal(toy.sets, 1);
	return g;
}

static void test_beat(void **state)
{
	struct gate *g = gate_toy(*state);

	toy_now_ms += GATE_BEAT_MS - 1;
	gate_tick(g, generations);
	assert_int_equal(toy.sets, 1);
	toy_now_ms++;
	gate_tick(g, generations);
	assert_int_equal(toy.sets, 2);
	toy.well = 0;
	gate_tick(g, generations);
	assert_int_equal(toy.state, TC_GATE_PASS);
	gate_close(g);
}

/* A TPROXY rule may be there 20 ms after the instances that it leads to. */
static void test_port_at_once(void **state)
{
	struct gate *g = gate_toy(*state);

	toy.proxy_port = 1234;
	toy_now_ms += 20;
	gate_tick(g, generations);
	assert_int_equal(toy.asked_port, 1234);
	assert_int_equal(toy.sets, 2);
	toy_now_ms += 20;
	gate_tick(g, generations);
	assert_int_equal(toy.sets, 2);
	toy.proxy_port = 0;
	gate_tick(g, generations);
	assert_int_equal(toy.asked_port, 0);
	assert_int_equal(toy.sets, 3);
	gate_close(g);
}

static void test_drained(void **state)
{
	struct toy *t = *state;
	struct gate *g = gate_toy(t);

	toy_file(t, "", "%s", GATE_DRAINED_FILE);
	gate_tick(g, generations);
	assert_int_equal(toy.state, TC_GATE_DRAINED);
	assert_int_equal(unlinkat(t->fd, GATE_DRAINED_FILE, 0), 0);
	gate_tick(g, generations);
	assert_int_equal(toy.state, TC_GATE_OPEN);
	gate_close(g);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TOY_TEST(test_beat),
		TOY_TEST(test_port_at_once),
		TOY_TEST(test_drained),
	};

	log_set_level(LOG_LEVEL_ERROR);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
