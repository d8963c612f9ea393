/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Tests changing steps in service: order, the way back from anywhere, what is told. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "helpers/step.h"

/* a, c and d change in place, b is replaced. */
#define PARTS 4

struct step_context {
	int want[PARTS]; /* 0: not wanted */
};

/* Shared with children that are killed: what they changed stays. */
static struct machine {
	int value[PARTS];
	char happened[512];
	int fail; /* a part whose change, apply and undo fail, or -1 */
} * machine;

static int part_set(char what, int part, int value, struct error *err)
{
	char entry[4] = { what, (char)('a' + part), '\0' };

	strcat(machine->happened, entry);
	if (machine->fail == part)
		return error_say(err, ENODEV, "will not");
	machine->value[part] = value;
	return 0;
}

#define PART(n)                                                                          \
	static bool wanted_##n(const struct step_context *c)                             \
	{                                                                                \
		return c->want[n];                                                       \
	}                                                                                \
	static void describe_##n(const struct step_context *c, struct text *out)         \
	{                                                                                \
		text_line(out, "always");                                                \
		text_line(out, "set %d", c->want[n]);                                    \
	}                                                                                \
	static int probe_##n(const struct step_context *c, enum step_state *state,       \
			     struct text *detail, struct error *err)                     \
	{                                                                                \
		(void)detail;                                                            \
		(void)err;                                                               \
		*state = machine->value[n] == c->want[n] ? STEP_PRESENT : STEP_ABSENT;   \
		return 0;                                                                \
	}                                                                                \
	static int apply_##n(const struct step_context *c, struct error *err)            \
	{                                                                                \
		return part_set('+', n, c->want[n], err);                                \
	}                                                                                \
	static int undo_##n(const json_t *record, struct error *err)                     \
	{                                                                                \
		(void)record;                                                            \
		return part_set('-', n, 0, err);                                         \
	}

#define CHANGE(n)                                                                        \
	static int change_##n(const struct step_context *from,                           \
			      const struct step_context *to, struct error *err)          \
	{                                                                                \
		assert_int_not_equal(from->want[n], to->want[n]);                        \
		return part_set('=', n, to->want[n], err);                               \
	}

PART(0)
PART(1)
PART(2)
PART(3)
CHANGE(0)
CHANGE(2)
CHANGE(3)

static int record_3(const struct step_context *c, json_t **out, struct error *err)
{
	(void)err;
	*out = json_pack("{s:i}", "made", c->want[3]);
	return 0;
}

#define ROW(n)                                                                           \
	.group = "g", .summary = "part", .wanted = wanted_##n, .describe = describe_##n, \
	.probe = probe_##n, .apply = apply_##n, .undo = undo_##n

static const struct step parts[PARTS] = {
	{ .name = "a", ROW(0), .change = change_0 },
	{ .name = "b", ROW(1) },
	{ .name = "c", ROW(2), .change = change_2 },
	{ .name = "d",
	  ROW(3),
	  .change = change_3,
	  .record = record_3,
	  .record_made = true },
};
static const struct step_table table = { parts, PARTS };
static const struct step_context one = { { 1, 1, 1, 1 } }, two = { { 2, 2, 2, 2 } };

struct place {
	char path[64];
	int dirfd;
	struct journal *j;
};

static int setup(void **state)
{
	struct place *p = calloc(1, sizeof(*p));
	struct error err;

	assert_non_null(p);
	strcpy(p->path, "/tmp/test_change.XXXXXX");
	assert_non_null(mkdtemp(p->path));
	p->dirfd = open(p->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	machine = mmap(NULL, sizeof(*machine), PROT_READ | PROT_WRITE,
		       MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	assert_true(p->dirfd >= 0 && machine != MAP_FAILED);
	assert_int_equal(journal_open(p->dirfd, true, &p->j, &err), 0);
	unsetenv("HAPEP_FAULT");
	*state = p;
	return 0;
}

static int teardown(void **state)
{
	struct place *p = *state;

	unsetenv("HAPEP_FAULT");
	munmap(machine, sizeof(*machine));
	journal_close(p->j);
	unlinkat(p->dirfd, "journal", 0);
	close(p->dirfd);
	rmdir(p->path);
	free(p);
	return 0;
}

/* `c` in service, nothing of it told yet. */
static void in_service(struct place *p, const struct step_context *c)
{
	struct error err = { 0 };
	bool incomplete;

	unsetenv("HAPEP_FAULT");
	machine->fail = -1;
	assert_int_equal(steps_down(&table, NULL, p->j, &err), 0);
	assert_int_equal(steps_up(&table, c, NULL, p->j, NULL, &incomplete, &err), 0);
	machine->happened[0] = '\0';
}

static void happened(const char *wanted)
{
	assert_string_equal(machine->happened, wanted);
	machine->happened[0] = '\0';
}

static void serves(const struct place *p, const struct step_context *c)
{
	for (int i = 0; i < PARTS; i++) {
		assert_int_equal(machine->value[i], c->want[i]);
		assert_int_equal(!!journal_find(p->j, parts[i].name), !!c->want[i]);
	}
}

static void test_change(void **state)
{
	struct place *p = *state;
	struct error err = { 0 };

	in_service(p, &one);
	assert_int_equal(steps_change(&table, &one, &two, p->j, &err), 0);
	happened("=a-b+b=c=d");
	serves(p, &two);
	assert_int_equal(
		json_integer_value(json_object_get(journal_find(p->j, "d"), "made")), 2);
	assert_int_equal(steps_change(&table, &two, &two, p->j, &err), 0);
	happened("");
	assert_int_equal(steps_down(&table, NULL, p->j, &err), 0);
	happened("-d-c-b-a");
}

/* What comes stands before what goes is taken away, whatever their places are. */
static void test_make_before_break(void **state)
{
	const struct step_context left = { { 1, 1, 0, 0 } }, right = { { 1, 0, 0, 1 } };
	struct place *p = *state;
	struct error err = { 0 };

	in_service(p, &left);
	assert_int_equal(step_move(&parts[0], &left, &right), STEP_STAYS);
	assert_int_equal(step_move(&parts[1], &left, &right), STEP_GOES);
	assert_int_equal(step_move(&parts[2], &left, &right), STEP_STAYS);
	assert_int_equal(step_move(&parts[3], &left, &right), STEP_COMES);
	assert_int_equal(step_move(&parts[1], &one, &two), STEP_REPLACED);
	assert_int_equal(step_move(&parts[2], &one, &two), STEP_CHANGES);
	assert_int_equal(steps_change(&table, &left, &right, p->j, &err), 0);
	happened("+d-b");
	serves(p, &right);
	assert_int_equal(steps_back(&table, &left, &right, p->j, &err), 0);
	happened("+b-d");
	serves(p, &left);
}

/* The faults that a forward walk from `from` to `to` meets, by their names. */
static const char *const points[] = { "change-a", "change-b", "change-c", "change-d" };

static void test_failures(void **state)
{
	const struct step_context next[] = { two,
					     { { 1, 0, 2, 1 } },
					     { { 2, 2, 0, 0 } } };
	static const char *const ways[] = { "fail", "partial" };
	struct place *p = *state;

	for (int k = 0; k < 3 * PARTS * 2; k++) {
		const struct step_context *to = &next[k / (PARTS * 2)];
		struct error err = { 0 };
		char fault[64];
		int r;

		in_service(p, &one);
		snprintf(fault, sizeof(fault), "%s:%s", ways[k % 2],
			 points[k / 2 % PARTS]);
		setenv("HAPEP_FAULT", fault, 1);
		r = steps_change(&table, &one, to, p->j, &err);
		if (!r) { /* the point does not lie on this way */
			serves(p, to);
			continue;
		}
		assert_int_equal(r, -EIO);
		assert_non_null(strstr(err.msg, "fault injected"));
		assert_int_equal(steps_back(&table, &one, to, p->j, &err), 0);
		serves(p, &one);
	}
}

/* On the way back one that fails does not keep the others from going. */
static void test_back_goes_on(void **state)
{
	struct place *p = *state;
	struct error err = { 0 };

	in_service(p, &one);
	assert_int_equal(steps_change(&table, &one, &two, p->j, &err), 0);
	machine->fail = 2;
	assert_int_equal(steps_back(&table, &one, &two, p->j, &err), -ENODEV);
	assert_string_equal(err.msg, "c: will not");
	assert_int_equal(machine->value[0], 1);
	assert_int_equal(machine->value[3], 1);
	machine->fail = -1;
	assert_int_equal(steps_back(&table, &one, &two, p->j, &err), 0);
	serves(p, &one);
}

/* Killed anywhere on the way: whoever comes next goes back, or takes all away. */
static void test_killed(void **state)
{
	static const char *const ways[] = { "record", "before", "after", "undo" };
	struct place *p = *state;

	for (int k = 0; k < PARTS * 4; k++) {
		struct error err = { 0 };
		char fault[64];
		int status;
		pid_t pid;

		in_service(p, &one);
		snprintf(fault, sizeof(fault), "%s:%s", ways[k % 4], points[k / 4]);
		pid = fork();
		if (!pid) {
			setenv("HAPEP_FAULT", fault, 1);
			steps_change(&table, &one, &two, p->j, &err);
			_exit(0);
		}
		assert_int_equal(waitpid(pid, &status, 0), pid);
		journal_close(p->j);
		assert_int_equal(journal_open(p->dirfd, true, &p->j, &err), 0);
		if (k & 1)
			assert_int_equal(steps_down(&table, NULL, p->j, &err), 0);
		else
			assert_int_equal(steps_back(&table, &one, &two, p->j, &err), 0);
		for (int i = 0; i < PARTS; i++)
			assert_int_equal(machine->value[i], k & 1 ? 0 : 1);
	}
}

static void test_describe(void **state)
{
	const struct step_context to = { { 2, 5, 0, 1 } };
	struct text out = { 0 };

	(void)state;
	steps_change_describe(&table, &one, &to, &out);
	assert_string_equal(out.text, "# a changes in place: part\n- set 1\n+ set 2\n"
				      "# b is undone and applied anew: part\n"
				      "- set 1\n+ set 5\n"
				      "# c goes: part\n- always\n- set 1\n");
	text_free(&out);
	steps_change_describe(&table, &one, &one, &out);
	assert_int_equal(out.length, 0);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest list[] = {
		TEST(test_change),   TEST(test_make_before_break),
		TEST(test_failures), TEST(test_back_goes_on),
		TEST(test_killed),   TEST(test_describe),
	};

	return cmocka_run_group_tests(list, NULL, NULL);
}
