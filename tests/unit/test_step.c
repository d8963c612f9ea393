/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Tests walking steps up and down: order, convergence, groups, failures, what is told. */
#include "tests/unit/toy_machine.h"

static void happened(const char *wanted)
{
	assert_string_equal(machine->happened, wanted);
	machine->happened[0] = '\0';
}

static void test_up_down(void **state)
{
	struct result u, d;

	reset(*state);
	u = up(*state, &all, NULL);
	assert_int_equal(u.r, 0);
	assert_int_equal(u.applied, PARTS);
	assert_int_equal(u.live, PARTS);
	assert_false(u.incomplete);
	happened("+a+b+c+d");
	u = up(*state, &all, NULL);
	assert_int_equal(u.r, 0);
	assert_int_equal(u.applied, 0);
	happened("");
	d = down(*state, NULL);
	assert_int_equal(d.r, 0);
	assert_int_equal(d.live, 0);
	happened("-d-c-b-a");
	is_as_before();
	assert_int_equal(down(*state, NULL).r, 0);
	happened("");
}

/* What was changed by hand is set right, and goes back to what it was before up. */
static void test_converge(void **state)
{
	struct result u;

	reset(*state);
	assert_int_equal(up(*state, &all, NULL).r, 0);
	happened("+a+b+c+d");
	machine->value[2] = 55;
	u = up(*state, &all, NULL);
	assert_int_equal(u.r, 0);
	assert_int_equal(u.applied, 1);
	happened("+c");
	assert_int_equal(machine->value[2], 102);
	assert_int_equal(down(*state, NULL).r, 0);
	is_as_before();
}

/* There already, but not ours: it is taken over and put back as it was. */
static void test_present_before(void **state)
{
	reset(*state);
	machine->value[1] = 101;
	assert_int_equal(up(*state, &all, NULL).applied, PARTS);
	assert_int_equal(down(*state, NULL).r, 0);
	assert_int_equal(machine->value[1], 101);
}

static void test_wanted_and_groups(void **state)
{
	struct step_context c = { .without = { [3] = true } };

	reset(*state);
	assert_int_equal(up(*state, &c, "second").applied, 1);
	happened("+c");
	assert_int_equal(up(*state, &c, "first").applied, 2);
	happened("+a+b");
	assert_int_equal(down(*state, "second").live, 2);
	happened("-c");
	assert_int_equal(down(*state, "none").live, 2);
	happened("");
	assert_int_equal(down(*state, NULL).live, 0);
	happened("-b-a");
	is_as_before();
	assert_true(step_wanted(&parts[0], &c, NULL));
	assert_true(step_wanted(&parts[0], &c, "first"));
	assert_false(step_wanted(&parts[0], &c, "second"));
	assert_false(step_wanted(&parts[3], &c, NULL));
	assert_ptr_equal(step_find(&table, "c"), &parts[2]);
	assert_null(step_find(&table, "z"));
}

/* Fails at each step in each way: all goes back, newest first, and err says which. */
static void test_failures(void **state)
{
	static const char *const unwound[] = { "", "-a", "-b-a", "-c-b-a" };
	static const char *const reasons[] = { "will not", "no past", "hidden" };

	for (int k = 0; k < PARTS * 3; k++) {
		int part = k % PARTS, way = k / PARTS;
		struct result u;
		char wanted[64] = "", name[4];

		reset(*state);
		machine->fail_apply = way == 0 ? part : -1;
		machine->fail_record = way == 1 ? part : -1;
		machine->fail_probe = way == 2 ? part : -1;
		u = up(*state, &all, NULL);
		assert_true(u.r < 0);
		assert_false(u.incomplete);
		assert_int_equal(u.live, 0);
		for (int i = 0; i < part; i++)
			sprintf(wanted + strlen(wanted), "+%c", 'a' + i);
		if (way == 0) /* it may have done half: it is undone too */
			sprintf(wanted + strlen(wanted), "+%c-%c", 'a' + part,
				'a' + part);
		strcat(wanted, unwound[part]);
		happened(wanted);
		is_as_before();
		sprintf(name, "%c: ", 'a' + part);
		assert_int_equal(strncmp(u.err.msg, name, 3), 0);
		assert_non_null(strstr(u.err.msg, reasons[way]));
	}
}

/* A second up that fails takes back what it did itself, not what the first one did. */
static void test_failure_keeps_earlier(void **state)
{
	struct result u;

	reset(*state);
	assert_int_equal(up(*state, &all, "first").r, 0);
	happened("+a+b");
	machine->fail_apply = 3;
	u = up(*state, &all, NULL);
	assert_int_equal(u.r, -ENODEV);
	assert_int_equal(u.live, 2);
	happened("+c+d-d-c");
	assert_int_equal(machine->value[0], 100);
	assert_int_equal(machine->value[1], 101);
}

/* The undo fails too: both are told, the rest is undone all the same. */
static void test_unwind_fails(void **state)
{
	struct result u;

	reset(*state);
	machine->fail_apply = 3;
	machine->fail_undo = 1;
	u = up(*state, &all, NULL);
	assert_int_equal(u.r, -ENODEV);
	assert_true(u.incomplete);
	assert_int_equal(u.live, 1);
	happened("+a+b+c+d-d-c-b-a");
	assert_string_equal(u.err.msg,
			    "d: part 3 will not; undoing 'b' failed too: part 1 "
			    "is stuck");
	assert_int_equal(machine->value[0], 10);
	assert_int_equal(machine->value[1], 101);
	machine->fail_undo = -1;
	assert_int_equal(down(*state, NULL).live, 0);
	happened("-b");
	is_as_before();
}

static void test_down_fails(void **state)
{
	struct result d;

	reset(*state);
	assert_int_equal(up(*state, &all, NULL).r, 0);
	happened("+a+b+c+d");
	machine->fail_undo = 2;
	d = down(*state, NULL);
	assert_int_equal(d.r, -EBUSY);
	assert_int_equal(d.live, 1);
	happened("-d-c-b-a");
	assert_string_equal(d.err.msg, "not undone: c (part 2 is stuck)");
	machine->fail_undo = -1;
	assert_int_equal(down(*state, NULL).r, 0);
	happened("-c");
	is_as_before();
}

/* A journal that another version wrote: nobody here can undo that. */
static void test_down_unknown(void **state)
{
	struct journal *j;
	struct error err = { 0 };
	struct result d;

	reset(*state);
	assert_int_equal(up(*state, &all, "first").r, 0);
	j = journal(*state);
	assert_int_equal(journal_begin(j, "future", NULL, &err), 0);
	journal_close(j);
	d = down(*state, NULL);
	assert_int_equal(d.r, -ENOSYS);
	assert_int_equal(d.live, 1);
	assert_string_equal(d.err.msg,
			    "not undone: future (this version has no such step)");
	is_as_before();
}

static void test_describe(void **state)
{
	struct step_context c = { .without = { [0] = true } };
	struct text out = { 0 };

	(void)state;
	steps_describe(&table, &c, NULL, &out);
	assert_string_equal(out.text,
			    "# b: make b\nip link add b\n# c: make c\n# d: make d\n");
	text_free(&out);
	steps_describe(&table, &c, "second", &out);
	assert_string_equal(out.text, "# c: make c\n# d: make d\n");
	text_free(&out);
	assert_string_equal(step_state_name(STEP_ABSENT), "absent");
	assert_string_equal(step_state_name(STEP_PRESENT), "present");
	assert_string_equal(step_state_name(STEP_DIFFERS), "differs");
}

/* Steps that leave out every function but apply. */
static void test_bare_step(void **state)
{
	const struct step bare = {
		.name = "bare", .group = "g", .summary = "be bare", .apply = apply_0
	};
	const struct step_table one = { &bare, 1 };
	struct journal *j;
	struct error err = { 0 };
	size_t applied;
	bool incomplete;

	reset(*state);
	j = journal(*state);
	assert_int_equal(steps_up(&one, &all, NULL, j, &applied, &incomplete, &err), 0);
	assert_int_equal(applied, 1);
	assert_int_equal(json_object_size(journal_find(j, "bare")), 0);
	assert_int_equal(steps_up(&one, &all, NULL, j, NULL, &incomplete, &err), 0);
	assert_int_equal(steps_down(&one, NULL, j, &err), 0);
	assert_int_equal(journal_count(j), 0);
	journal_close(j);
	happened("+a+a");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		STEP_TEST(test_up_down),        STEP_TEST(test_converge),
		STEP_TEST(test_present_before), STEP_TEST(test_wanted_and_groups),
		STEP_TEST(test_failures),       STEP_TEST(test_failure_keeps_earlier),
		STEP_TEST(test_unwind_fails),   STEP_TEST(test_down_fails),
		STEP_TEST(test_down_unknown),   STEP_TEST(test_describe),
		STEP_TEST(test_bare_step),
	};

	return cmocka_run_group_tests_name("step", tests, NULL, NULL);
}
