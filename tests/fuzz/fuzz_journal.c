/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Fuzzes the journal's reader: whatever the file holds, the next record is kept whole. */
#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "helpers/cleanup.h"
#include "helpers/journal.h"
#include "helpers/text.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static char place[] = "/dev/shm/fuzz_journal.XXXXXX";
static int dirfd = -1;

static void demand(bool holds)
{
	if (!holds)
		abort();
}

static void leave(void)
{
	unlinkat(dirfd, "journal", 0);
	close(dirfd);
	rmdir(place);
}

static void arrive(void)
{
	demand(mkdtemp(place) != NULL);
	dirfd = open(place, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	demand(dirfd >= 0);
	atexit(leave);
}

static void put(const uint8_t *data, size_t size)
{
	_cleanup_close_ int fd =
		openat(dirfd, "journal", O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	demand(fd >= 0 && write(fd, data, size) == (ssize_t)size);
}

/* The live steps, each with its record. */
static void survey(const struct journal *j, struct text *out)
{
	for (size_t i = 0; i < journal_count(j); i++) {
		const char *name = journal_name(j, i);
		_cleanup_free_ char *record = NULL;

		demand(name && json_is_object(journal_find(j, name)));
		record = json_dumps(journal_find(j, name), JSON_SORT_KEYS);
		demand(record != NULL);
		text_line(out, "%s %s", name, record);
	}
	demand(!journal_name(j, journal_count(j)));
}

/* Opens the journal and adds what is live in it; the error's line where it is damaged. */
static int look(bool create, struct journal **j, struct text *out)
{
	struct error err = { 0 };
	int r = journal_open(dirfd, create, j, &err);

	demand(r == 0 || r == -EBADMSG);
	if (r < 0) {
		demand(!*j && strstr(err.msg, "damaged in line"));
		text_line(out, "%s", err.msg);
		return r;
	}
	survey(*j, out);
	return 0;
}

/* A record written after whatever was there, and undone, reads back. */
static void carry_on(struct journal *j, const char *before)
{
	_cleanup_journal_ struct journal *again = NULL;
	_cleanup_text_ struct text after = { 0 };
	struct error err = { 0 };

	text_add(&after, "%s", "");
	demand(journal_begin(j, "fuzz/step", NULL, &err) == 0);
	demand(look(true, &again, &after) == 0);
	demand(journal_find(again, "fuzz/step") != NULL);
	demand(!strcmp(journal_name(again, journal_count(again) - 1), "fuzz/step"));
	demand(journal_undone(again, "fuzz/step", &err) == 0);
	text_free(&after);
	text_add(&after, "%s", "");
	survey(again, &after);
	/* Unless the file had that very step. */
	if (!strstr(before, "fuzz/step "))
		demand(!strcmp(before, after.text));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	_cleanup_journal_ struct journal *reader = NULL, *writer = NULL;
	_cleanup_text_ struct text read = { 0 }, written = { 0 };
	int r;

	if (dirfd < 0)
		arrive();
	put(data, size);
	text_add(&read, "%s", "");
	text_add(&written, "%s", "");
	r = look(false, &reader, &read);
	demand(look(true, &writer, &written) == r);
	demand(!strcmp(read.text, written.text));
	if (!r)
		carry_on(writer, written.text);
	return 0;
}
