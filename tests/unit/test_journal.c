/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Tests what of a journal is in force after a reader comes to it, whatever it holds. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "helpers/journal.h"

struct place {
	char path[64];
	int dirfd;
};

static int setup(void **state)
{
	struct place *p = calloc(1, sizeof(*p));

	assert_non_null(p);
	strcpy(p->path, "/tmp/test_journal.XXXXXX");
	assert_non_null(mkdtemp(p->path));
	p->dirfd = open(p->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert_true(p->dirfd >= 0);
	*state = p;
	return 0;
}

static int teardown(void **state)
{
	struct place *p = *state;

	unlinkat(p->dirfd, "journal", 0);
	close(p->dirfd);
	rmdir(p->path);
	free(p);
	return 0;
}

static void put(const struct place *p, const char *bytes, size_t length)
{
	int fd = openat(p->dirfd, "journal", O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC,
			0600);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, bytes, length), length);
	close(fd);
}

static void put_text(const struct place *p, const char *text)
{
	put(p, text, strlen(text));
}

static void holds(const struct place *p, const char *wanted)
{
	char found[4096] = "";
	int fd = openat(p->dirfd, "journal", O_RDONLY | O_CLOEXEC);

	assert_true(fd >= 0);
	assert_true(read(fd, found, sizeof(found) - 1) >= 0);
	close(fd);
	assert_string_equal(found, wanted);
}

static struct journal *opened(const struct place *p, bool create)
{
	struct journal *j = NULL;
	struct error err = { 0 };

	if (journal_open(p->dirfd, create, &j, &err) < 0)
		fail_msg("journal_open: %s", err.msg);
	return j;
}

/* The live steps' names, oldest first, with commas between. */
static void lives(const struct journal *j, const char *wanted)
{
	char found[1024] = "";

	for (size_t i = 0; i < journal_count(j); i++) {
		if (i)
			strcat(found, ",");
		strcat(found, journal_name(j, i));
	}
	assert_string_equal(found, wanted);
}

static void begin(struct journal *j, const char *step, int value)
{
	json_t *record = json_pack("{s:i}", "value", value);
	struct error err = { 0 };

	if (journal_begin(j, step, record, &err) < 0)
		fail_msg("journal_begin: %s", err.msg);
	json_decref(record);
}

static void undone(struct journal *j, const char *step)
{
	struct error err = { 0 };

	if (journal_undone(j, step, &err) < 0)
		fail_msg("journal_undone: %s", err.msg);
}

static long long value(const struct journal *j, const char *step)
{
	return json_integer_value(json_object_get(journal_find(j, step), "value"));
}

static void test_missing(void **state)
{
	struct journal *j = opened(*state, false);
	struct error err = { 0 };

	lives(j, "");
	assert_null(journal_find(j, "veth"));
	assert_int_equal(journal_begin(j, "veth", NULL, &err), -EBADF);
	assert_non_null(strstr(err.msg, "reading only"));
	journal_close(j);
}

static void test_written(void **state)
{
	const struct place *p = *state;
	struct journal *j = opened(p, true);
	struct stat st;

	begin(j, "netns", 1);
	begin(j, "veth", 2);
	holds(p, "{\"do\":\"netns\",\"record\":{\"value\":1}}\n"
		 "{\"do\":\"veth\",\"record\":{\"value\":2}}\n");
	undone(j, "veth");
	lives(j, "netns");
	journal_close(j);
	assert_int_equal(fstatat(p->dirfd, "journal", &st, 0), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	j = opened(p, true);
	lives(j, "netns");
	assert_int_equal(value(j, "netns"), 1);
	journal_close(j);
}

static void test_no_record(void **state)
{
	struct journal *j = opened(*state, true);
	struct error err = { 0 };

	assert_int_equal(journal_begin(j, "veth", NULL, &err), 0);
	assert_true(json_is_object(journal_find(j, "veth")));
	assert_int_equal(json_object_size(journal_find(j, "veth")), 0);
	journal_close(j);
}

/* A step begun again is the newest, with its newest record; undone, it is gone whole. */
static void test_order(void **state)
{
	const struct place *p = *state;
	struct journal *j = opened(p, true);

	begin(j, "a", 1);
	begin(j, "b", 2);
	begin(j, "c", 3);
	undone(j, "b");
	begin(j, "a", 4);
	begin(j, "b", 5);
	undone(j, "never");
	lives(j, "c,a,b");
	journal_close(j);
	j = opened(p, false);
	lives(j, "c,a,b");
	assert_int_equal(value(j, "a"), 4);
	assert_int_equal(value(j, "b"), 5);
	assert_int_equal(value(j, "c"), 3);
	assert_null(journal_name(j, 3));
	journal_close(j);
}

/* Cut the journal at every byte: what whole lines say is in force, the rest is not. */
static void test_torn_anywhere(void **state)
{
	static const char text[] = "{\"do\":\"a\",\"record\":{}}\n"
				   "{\"do\":\"b\",\"record\":{\"value\":2}}\n"
				   "{\"undone\":\"a\"}\n"
				   "{\"do\":\"c\",\"record\":{}}\n";
	static const char *const after[] = { "", "a", "a,b", "b", "b,c" };
	const struct place *p = *state;
	char whole[sizeof(text) + 64];

	for (size_t cut = 0; cut < sizeof(text); cut++) {
		size_t lines = 0, end = 0;
		struct journal *j;

		for (size_t i = 0; i < cut; i++) {
			if (text[i] == '\n') {
				lines++;
				end = i + 1;
			}
		}
		put(p, text, cut);
		j = opened(p, true);
		lives(j, after[lines]);
		begin(j, "next", 9);
		journal_close(j);
		snprintf(whole, sizeof(whole),
			 "%.*s{\"do\":\"next\",\"record\":{\"value\":9}}\n", (int)end,
			 text);
		holds(p, whole);
	}
}

/* Who only reads must not cut a line that the writer has not finished. */
static void test_reader_leaves_torn(void **state)
{
	const char *text = "{\"do\":\"a\",\"record\":{}}\n{\"do\":\"b\",\"rec";
	struct journal *j;

	put_text(*state, text);
	j = opened(*state, false);
	lives(j, "a");
	journal_close(j);
	holds(*state, text);
}

static void test_damaged(void **state)
{
	static const char *const bad[] = {
		"garbage",
		"",
		"{}",
		"[]",
		"null",
		"\"do\"",
		"{\"do\":\"a\"}",
		"{\"do\":\"a\",\"record\":[]}",
		"{\"do\":\"a\",\"record\":null}",
		"{\"do\":7,\"record\":{}}",
		"{\"undone\":7}",
		"{\"undone\":null}",
		"{\"do\":\"a\",\"record\":{}} x",
		"{\"do\":\"a\",\"record\":{}",
		"{\"do\":\"a\\u0000b\",\"record\":{}}",
		"{\"do\":\"\xff\",\"record\":{}}",
		"{\"do\":\"a\",\"record\":{\"v\":99999999999999999999}}",
	};
	const struct place *p = *state;

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct journal *j = NULL;
		struct error err = { 0 };
		char text[256];

		snprintf(
			text, sizeof(text),
			"{\"do\":\"x\",\"record\":{}}\n%s\n{\"do\":\"y\",\"record\":{}}\n",
			bad[i]);
		put_text(p, text);
		if (journal_open(p->dirfd, true, &j, &err) != -EBADMSG)
			fail_msg("accepted: %s", bad[i]);
		assert_null(j);
		assert_non_null(strstr(err.msg, "damaged in line 2"));
		assert_null(strchr(err.msg, '\n'));
		holds(p, text);
	}
}

static void test_nul_bytes(void **state)
{
	static const char text[] = "{\"do\":\"a\",\"record\":{}}\n\0\0\0\0\n";
	const struct place *p = *state;
	struct journal *j = NULL;
	struct error err = { 0 };

	put(p, text, sizeof(text) - 1);
	assert_int_equal(journal_open(p->dirfd, true, &j, &err), -EBADMSG);
	/* Without a line end they are what a file system may leave of a torn write. */
	put(p, text, sizeof(text) - 2);
	j = opened(p, true);
	lives(j, "a");
	journal_close(j);
	holds(p, "{\"do\":\"a\",\"record\":{}}\n");
}

static void test_removed(void **state)
{
	const struct place *p = *state;
	struct journal *j = opened(p, true);
	struct error err = { 0 };

	begin(j, "a", 1);
	assert_int_equal(journal_remove(j, &err), 0);
	assert_int_equal(journal_remove(j, &err), 0);
	journal_close(j);
	assert_int_equal(faccessat(p->dirfd, "journal", F_OK, 0), -1);
	j = opened(p, true);
	lives(j, "");
	journal_close(j);
}

static void test_not_a_file(void **state)
{
	const struct place *p = *state;
	struct journal *j = NULL;
	struct error err = { 0 };

	assert_int_equal(mkdirat(p->dirfd, "journal", 0700), 0);
	assert_int_equal(journal_open(p->dirfd, true, &j, &err), -EISDIR);
	assert_null(j);
	assert_int_equal(unlinkat(p->dirfd, "journal", AT_REMOVEDIR), 0);
	assert_int_equal(journal_open(-1, true, &j, &err), -EBADF);
}

/* No room for a line: nothing of it stays, and what is written next is whole. */
static void test_no_room(void **state)
{
	const struct place *p = *state;
	struct journal *j = opened(p, true);
	struct rlimit limit, small;
	struct error err = { 0 };
	void (*old)(int) = signal(SIGXFSZ, SIG_IGN);

	begin(j, "a", 1);
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &limit), 0);
	small = limit;
	small.rlim_cur = 45;
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
	assert_int_equal(journal_begin(j, "b", NULL, &err), -ENOSPC);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
	signal(SIGXFSZ, old);
	assert_non_null(strstr(err.msg, "write the journal"));
	lives(j, "a");
	begin(j, "c", 3);
	journal_close(j);
	holds(p, "{\"do\":\"a\",\"record\":{\"value\":1}}\n"
		 "{\"do\":\"c\",\"record\":{\"value\":3}}\n");
}

#define JOURNAL_TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		JOURNAL_TEST(test_missing),       JOURNAL_TEST(test_written),
		JOURNAL_TEST(test_no_record),     JOURNAL_TEST(test_order),
		JOURNAL_TEST(test_torn_anywhere), JOURNAL_TEST(test_reader_leaves_torn),
		JOURNAL_TEST(test_damaged),       JOURNAL_TEST(test_nul_bytes),
		JOURNAL_TEST(test_removed),       JOURNAL_TEST(test_not_a_file),
		JOURNAL_TEST(test_no_room),
	};

	return cmocka_run_group_tests_name("journal", tests, NULL, NULL);
}
