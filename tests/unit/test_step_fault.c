/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Tests that steps killed or failing at any point leave what down can take back. */
#include <signal.h>
#include <sys/wait.h>

#include "tests/unit/toy_machine.h"

static void ask_fault(const char *where, int part)
{
	char text[32];

	snprintf(text, sizeof(text), "%s:%c", where, 'a' + part);
	setenv("HAPEP_FAULT", text, 1);
}

static void test_fault_fail(void **state)
{
	for (int k = 0; k < PARTS; k++) {
		struct result u;

		reset(*state);
		ask_fault("fail", k);
		u = up(*state, &all, NULL);
		assert_int_equal(u.r, -EIO);
		assert_non_null(strstr(u.err.msg, "HAPEP_FAULT=fail:"));
		assert_int_equal(u.live, 0);
		is_as_before();
		reset(*state);
		ask_fault("partial", k);
		u = up(*state, &all, NULL);
		assert_int_equal(u.r, -EIO);
		assert_int_equal(u.live, 0);
		is_as_before();
	}
	ask_fault("fail", 20);
	reset(*state);
	assert_int_equal(up(*state, &all, NULL).r, 0);
}

/* Runs up or down in a child, which is killed by the fault. */
static void killed(const struct place *p, bool upwards)
{
	int status;
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (!pid) {
		if (upwards)
			up(p, &all, NULL);
		else
			down(p, NULL);
		_exit(0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
	unsetenv("HAPEP_FAULT");
}

static void test_killed_up(void **state)
{
	static const char *const places[] = { "record", "before", "after" };

	for (int k = 0; k < PARTS * 3; k++) {
		const char *where = places[k / PARTS];
		struct result d;

		reset(*state);
		ask_fault(where, k % PARTS);
		killed(*state, true);
		machine->happened[0] = '\0';
		d = down(*state, NULL);
		assert_int_equal(d.r, 0);
		assert_int_equal(d.live, 0);
		is_as_before();
		/* Or up again, which finishes the work, and then down. */
		reset(*state);
		ask_fault(where, k % PARTS);
		killed(*state, true);
		assert_int_equal(up(*state, &all, NULL).r, 0);
		for (int i = 0; i < PARTS; i++)
			assert_int_equal(machine->value[i], 100 + i);
		assert_int_equal(down(*state, NULL).r, 0);
		is_as_before();
	}
}

static void test_killed_down(void **state)
{
	for (int k = 0; k < PARTS; k++) {
		reset(*state);
		assert_int_equal(up(*state, &all, NULL).r, 0);
		ask_fault("undo", k);
		killed(*state, false);
		assert_int_equal(machine->value[k], 100 + k);
		assert_int_equal(down(*state, NULL).r, 0);
		is_as_before();
	}
}

/* Killed while unwinding a failed up. */
static void test_killed_unwinding(void **state)
{
	for (int k = 0; k < PARTS; k++) {
		reset(*state);
		machine->fail_apply = PARTS - 1;
		ask_fault("undo", k);
		killed(*state, true);
		assert_int_equal(down(*state, NULL).r, 0);
		is_as_before();
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		STEP_TEST(test_fault_fail),
		STEP_TEST(test_killed_up),
		STEP_TEST(test_killed_down),
		STEP_TEST(test_killed_unwinding),
	};

	return cmocka_run_group_tests_name("step faults", tests, NULL, NULL);
}
