/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A toy machine of four parts with a step for each, for the tests of helpers/step.h. */
#ifndef TESTS_UNIT_TOY_MACHINE_H
#define TESTS_UNIT_TOY_MACHINE_H

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

#include "helpers/step.h"

#define PARTS 4

/* Shared with children that are killed: what they changed stays. */
struct machine {
	int value[PARTS]; /* of each part; 10 + part from the start, 100 + part when up */
	char happened[512]; /* "+a", "-a": applied, undone, in order */
	int fail_apply, fail_undo, fail_probe, fail_record; /* a part, or -1 */
};

struct step_context {
	bool without[PARTS]; /* parts that this context does not want */
};

static struct machine *machine;

static void happen(char what, int part)
{
	char entry[4] = { what, (char)('a' + part), '\0' };

	assert_true(strlen(machine->happened) + 3 < sizeof(machine->happened));
	strcat(machine->happened, entry);
}

static int part_apply(int part, struct error *err)
{
	happen('+', part);
	if (machine->fail_apply == part)
		return error_say(err, ENODEV, "part %d will not", part);
	machine->value[part] = 100 + part;
	return 0;
}

static int part_probe(int part, enum step_state *state, struct error *err)
{
	if (machine->fail_probe == part)
		return error_say(err, EPERM, "part %d is hidden", part);
	*state = machine->value[part] == 100 + part  ? STEP_PRESENT
		 : machine->value[part] == 10 + part ? STEP_ABSENT
						     : STEP_DIFFERS;
	return 0;
}

static int part_record(int part, json_t **out, struct error *err)
{
	if (machine->fail_record == part)
		return error_say(err, ENOENT, "part %d has no past", part);
	*out = json_pack("{s:i,s:i}", "part", part, "was", machine->value[part]);
	return 0;
}

static int part_undo(const json_t *record, struct error *err)
{
	int part = (int)json_integer_value(json_object_get(record, "part"));

	happen('-', part);
	if (machine->fail_undo == part)
		return error_say(err, EBUSY, "part %d is stuck", part);
	machine->value[part] = (int)json_integer_value(json_object_get(record, "was"));
	return 0;
}

#define PART(n)                                                                          \
	static bool wanted_##n(const struct step_context *c)                             \
	{                                                                                \
		return !c->without[n];                                                   \
	}                                                                                \
	static int apply_##n(const struct step_context *c, struct error *err)            \
	{                                                                                \
		(void)c;                                                                 \
		return part_apply(n, err);                                               \
	}                                                                                \
	static int record_##n(const struct step_context *c, json_t **out,                \
			      struct error *err)                                         \
	{                                                                                \
		(void)c;                                                                 \
		return part_record(n, out, err);                                         \
	}                                                                                \
	static int probe_##n(const struct step_context *c, enum step_state *state,       \
			     struct text *detail, struct error *err)                     \
	{                                                                                \
		(void)c;                                                                 \
		text_add(detail, "value %d", machine->value[n]);                         \
		return part_probe(n, state, err);                                        \
	}

PART(0)
PART(1)
PART(2)
PART(3)

static void describe_1(const struct step_context *c, struct text *out)
{
	(void)c;
	text_line(out, "ip link add b");
}

#define ROW(n)                                                                           \
	.wanted = wanted_##n, .probe = probe_##n, .record = record_##n,                  \
	.apply = apply_##n, .undo = part_undo

static const struct step parts[PARTS] = {
	{ .name = "a", .group = "first", .summary = "make a", ROW(0) },
	{ .name = "b",
	  .group = "first",
	  .summary = "make b",
	  .describe = describe_1,
	  ROW(1) },
	{ .name = "c", .group = "second", .summary = "make c", ROW(2) },
	{ .name = "d", .group = "second", .summary = "make d", ROW(3) },
};
static const struct step_table table = { parts, PARTS };
static const struct step_context all = { { false } };

struct place {
	char path[64];
	int dirfd;
};

static int setup(void **state)
{
	struct place *p = calloc(1, sizeof(*p));

	assert_non_null(p);
	strcpy(p->path, "/tmp/test_step.XXXXXX");
	assert_non_null(mkdtemp(p->path));
	p->dirfd = open(p->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	machine = mmap(NULL, sizeof(*machine), PROT_READ | PROT_WRITE,
		       MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	assert_true(p->dirfd >= 0 && machine != MAP_FAILED);
	*state = p;
	unsetenv("HAPEP_FAULT");
	return 0;
}

static int teardown(void **state)
{
	struct place *p = *state;

	unsetenv("HAPEP_FAULT");
	munmap(machine, sizeof(*machine));
	unlinkat(p->dirfd, "journal", 0);
	close(p->dirfd);
	rmdir(p->path);
	free(p);
	return 0;
}

static void reset(const struct place *p)
{
	unlinkat(p->dirfd, "journal", 0);
	*machine = (struct machine){
		.fail_apply = -1, .fail_undo = -1, .fail_probe = -1, .fail_record = -1
	};
	for (int i = 0; i < PARTS; i++)
		machine->value[i] = 10 + i;
}

static void is_as_before(void)
{
	for (int i = 0; i < PARTS; i++)
		assert_int_equal(machine->value[i], 10 + i);
}

static struct journal *journal(const struct place *p)
{
	struct journal *j = NULL;
	struct error err = { 0 };

	if (journal_open(p->dirfd, true, &j, &err) < 0)
		fail_msg("%s", err.msg);
	return j;
}

struct result {
	int r;
	size_t applied, live;
	bool incomplete;
	struct error err;
};

static struct result up(const struct place *p, const struct step_context *c,
			const char *group)
{
	struct result u = { 0 };
	struct journal *j = journal(p);

	u.r = steps_up(&table, c, group, j, &u.applied, &u.incomplete, &u.err);
	u.live = journal_count(j);
	journal_close(j);
	return u;
}

static struct result down(const struct place *p, const char *group)
{
	struct result d = { 0 };
	struct journal *j = journal(p);

	d.r = steps_down(&table, group, j, &d.err);
	d.live = journal_count(j);
	journal_close(j);
	return d;
}

#define STEP_TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

#endif
