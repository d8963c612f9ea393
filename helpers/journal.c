/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Owns the journal's file and what of it is still in force. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "helpers/cleanup.h"
#include "helpers/journal.h"
#include "helpers/memory.h"

#define JOURNAL_FILE "journal"

struct journal {
	int dirfd;
	int fd;       /* -1: nothing on disk yet */
	json_t *live; /* array of {"do":..., "record":...}, oldest first */
};

static ssize_t journal_index(const struct journal *j, const char *step)
{
	size_t i;
	json_t *entry;

	json_array_foreach(j->live, i, entry)
	{
		if (!strcmp(json_string_value(json_object_get(entry, "do")), step))
			return (ssize_t)i;
	}
	return -1;
}

/* Applies one line to the state in memory. */
static int journal_replay(struct journal *j, json_t *entry)
{
	const char *done = json_string_value(json_object_get(entry, "do"));
	const char *undone = json_string_value(json_object_get(entry, "undone"));
	ssize_t at;

	if (done && json_is_object(json_object_get(entry, "record"))) {
		at = journal_index(j, done);
		if (at >= 0)
			json_array_remove(j->live, (size_t)at);
		json_array_append(j->live, entry);
		return 0;
	}
	if (!undone)
		return -EBADMSG;
	at = journal_index(j, undone);
	if (at >= 0)
		json_array_remove(j->live, (size_t)at);
	return 0;
}

static int journal_read(struct journal *j, struct error *err)
{
	_cleanup_fclose_ FILE *f = NULL;
	_cleanup_free_ char *line = NULL;
	size_t size = 0;
	unsigned int number = 0;
	ssize_t n;
	int fd = openat(j->dirfd, JOURNAL_FILE, O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return error_set(err, errno, "open the journal");
	f = fdopen(fd, "r");
	if (!f)
		abort();
	while ((n = getline(&line, &size, f)) > 0) {
		json_t *entry;
		int r;

		/* Torn: its step never began, however whole the line may look. */
		if (line[n - 1] != '\n')
			break;
		entry = json_loadb(line, (size_t)n, 0, NULL);
		r = entry ? journal_replay(j, entry) : -EBADMSG;
		json_decref(entry);
		number++;
		line[n - 1] = '\0';
		if (r < 0)
			return error_say(
				err, EBADMSG,
				"the journal is damaged in line %u: expected "
				"{\"do\":...} or {\"undone\":...}, found '%.60s'",
				number, line);
	}
	return 0;
}

/* After a torn last line: cut it off, so that the next record starts on its own. */
static int journal_trim(int fd, struct error *err)
{
	off_t end = lseek(fd, 0, SEEK_END);
	char c = '\n';

	while (end > 0 && pread(fd, &c, 1, end - 1) == 1 && c != '\n')
		end--;
	if (ftruncate(fd, end) < 0)
		return error_set(err, errno, "trim the journal");
	return 0;
}

int journal_open(int dirfd, bool create, struct journal **out, struct error *err)
{
	_cleanup_journal_ struct journal *j = memory_new(1, sizeof(*j));
	int flags = O_CLOEXEC | (create ? O_RDWR | O_APPEND | O_CREAT : O_RDONLY);
	int r;

	j->fd = -1;
	j->live = json_array();
	j->dirfd = fcntl(dirfd, F_DUPFD_CLOEXEC, 0);
	if (j->dirfd < 0)
		return error_set(err, errno, "open the journal's directory");
	j->fd = openat(dirfd, JOURNAL_FILE, flags, 0600);
	if (j->fd < 0 && errno == ENOENT && !create) {
		*out = take_ptr(j);
		return 0;
	}
	if (j->fd < 0)
		return error_set(err, errno, "open the journal");
	r = journal_read(j, err);
	/* Only the one that writes may trim: others may see its line half written. */
	if (!r && create)
		r = journal_trim(j->fd, err);
	if (r < 0)
		return r;
	if (!create) {
		close(j->fd);
		j->fd = -1;
	}
	*out = take_ptr(j);
	return 0;
}

void journal_close(struct journal *j)
{
	if (!j)
		return;
	if (j->fd >= 0)
		close(j->fd);
	if (j->dirfd >= 0)
		close(j->dirfd);
	json_decref(j->live);
	free(j);
}

void journal_cleanup(struct journal **j)
{
	journal_close(*j);
}

static int journal_write(struct journal *j, json_t *entry, struct error *err)
{
	_cleanup_free_ char *text = json_dumps(entry, JSON_COMPACT);
	_cleanup_free_ char *line = memory_printf("%s\n", text ? text : "");
	size_t length = strlen(line);
	off_t end;
	ssize_t n;

	if (!text)
		abort();
	if (j->fd < 0)
		return error_say(err, EBADF, "the journal is open for reading only");
	end = lseek(j->fd, 0, SEEK_END);
	n = write(j->fd, line, length);
	if (n != (ssize_t)length) {
		int code = n < 0 ? errno : ENOSPC;

		/* Half a line would spoil the one that comes after it. */
		if (n > 0 && ftruncate(j->fd, end) < 0)
			code = errno;
		return error_set(err, code, "write the journal");
	}
	if (fdatasync(j->fd) < 0)
		return error_set(err, errno, "sync the journal");
	return journal_replay(j, entry);
}

int journal_begin(struct journal *j, const char *step, const json_t *record,
		  struct error *err)
{
	json_t *entry = json_pack("{s:s,s:o}", "do", step, "record",
				  record ? json_deep_copy(record) : json_object());
	int r = journal_write(j, entry, err);

	json_decref(entry);
	return r;
}

int journal_undone(struct journal *j, const char *step, struct error *err)
{
	json_t *entry = json_pack("{s:s}", "undone", step);
	int r = journal_write(j, entry, err);

	/* Undoing again does no harm; not to go on undoing for want of space does. */
	if (r == -ENOSPC || r == -EDQUOT || r == -EIO)
		r = journal_replay(j, entry);

	json_decref(entry);
	return r;
}

json_t *journal_find(const struct journal *j, const char *step)
{
	ssize_t at = journal_index(j, step);

	if (at < 0)
		return NULL;
	return json_object_get(json_array_get(j->live, (size_t)at), "record");
}

size_t journal_count(const struct journal *j)
{
	return json_array_size(j->live);
}

const char *journal_name(const struct journal *j, size_t index)
{
	return json_string_value(json_object_get(json_array_get(j->live, index), "do"));
}

int journal_remove(struct journal *j, struct error *err)
{
	if (unlinkat(j->dirfd, JOURNAL_FILE, 0) < 0 && errno != ENOENT)
		return error_set(err, errno, "remove the journal");
	return 0;
}
