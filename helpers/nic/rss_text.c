/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Owns reading what `ethtool -x` printed, of a NIC that is not here. */
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "helpers/cleanup.h"
#include "helpers/memory.h"
#include "helpers/nic/rss.h"

#define DUMP_MAX 262144 /* bytes: 4096 entries take 30 KB */

/* "    8:      0     1     2" */
static int table_line(const char *line, struct rss *out)
{
	char *end;
	unsigned long at = strtoul(line, &end, 10);

	if (end == line || *end != ':' || at != out->table_n)
		return -EINVAL;
	for (const char *p = end + 1;; p = end) {
		unsigned long queue = strtoul(p, &end, 10);

		if (end == p)
			return p[strspn(p, " \t\r")] ? -EINVAL : 0;
		if (out->table_n == RSS_TABLE_MAX || queue > UINT16_MAX)
			return -EINVAL;
		out->table[out->table_n++] = (uint32_t)queue;
		if (queue >= out->queues)
			out->queues = (unsigned int)queue + 1;
	}
}

static int key_line(const char *line, struct rss *out)
{
	const char *p = line + strspn(line, " \t");
	unsigned int byte;
	int length;

	if (!isxdigit((unsigned char)*p))
		return 0; /* "Operation not supported" */
	while (sscanf(p, "%2x%n", &byte, &length) == 1) {
		if (out->key_n == RSS_KEY_MAX)
			return -EINVAL;
		out->key[out->key_n++] = (unsigned char)byte;
		p += length;
		if (*p != ':')
			break;
		p++;
	}
	return p[strspn(p, " \t\r")] ? -EINVAL : 0;
}

static void word_line(const char *line, struct rss *out)
{
	bool on = strstr(line, ": on") != NULL;

	line += strspn(line, " \t");
	if (!strncmp(line, "toeplitz:", 9))
		out->toeplitz = on;
	else if (!strncmp(line, "symmetric-xor:", 14) && on)
		out->transform |= RSS_TRANSFORM_XOR;
	else if (!strncmp(line, "symmetric-or-xor:", 17) && on)
		out->transform |= RSS_TRANSFORM_OR_XOR;
}

int rss_parse(const char *text, struct rss *out, struct error *err)
{
	enum { NOWHERE, TABLE, KEY, WORDS } where = NOWHERE;
	char line[8192];
	int r = 0;

	memset(out, 0, sizeof(*out));
	for (const char *p = text; *p && !r; p += strcspn(p, "\n"), p += *p == '\n') {
		snprintf(line, sizeof(line), "%.*s", (int)strcspn(p, "\n"), p);
		if (strstr(line, "indirection table"))
			where = TABLE;
		else if (!strncmp(line, "RSS hash key", 12))
			where = KEY;
		else if (!strncmp(line, "RSS ", 4))
			where = WORDS;
		else if (where == TABLE)
			r = table_line(line, out);
		else if (where == KEY)
			r = key_line(line, out);
		else if (where == WORDS)
			word_line(line, out);
	}
	if (r < 0)
		return error_say(err, EINVAL,
				 "expected what `ethtool -x` prints, got '%.60s'", line);
	if (!out->table_n || !out->key_n)
		return error_say(err, EINVAL,
				 "expected what `ethtool -x` prints, found no %s in it",
				 out->table_n ? "key" : "indirection table");
	out->queues_most = out->queues;
	return 0;
}

int rss_read_dump(const char *path, struct rss *out, struct error *err)
{
	_cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	_cleanup_free_ char *text = memory_new(1, DUMP_MAX + 1);
	ssize_t n, length = 0;

	if (fd < 0)
		return error_set(err, errno, "read '%s'", path);
	while ((n = read(fd, text + length, (size_t)(DUMP_MAX - length))) > 0)
		length += n;
	if (n < 0)
		return error_set(err, errno, "read '%s'", path);
	n = rss_parse(text, out, err);
	return n < 0 ? error_wrap(err, "%s", path) : 0;
}
