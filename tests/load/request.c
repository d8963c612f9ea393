/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Reads whether a connection stays after a request. */
#include "tests/load/request.h"

#include <stddef.h>
#include <string.h>
#include <strings.h>

static bool word_is(const char *text, size_t len, const char *word)
{
	return len == strlen(word) && !strncasecmp(text, word, len);
}

/* Whether a list such as ": keep-alive, Close" has @word, before its line ends. */
static bool list_has(const char *list, const char *word)
{
	size_t len;

	for (list += strspn(list, ":, \t"); (len = strcspn(list, ", \t\r\n"));
	     list += strspn(list, ", \t")) {
		if (word_is(list, len, word))
			return true;
		list += len;
	}
	return false;
}

static bool field_closes(const char *field)
{
	/* A blank before the colon is a fault, yet what follows may be a body. */
	size_t len = strcspn(field, ": \t\r\n");

	return word_is(field, len, "Content-Length") ||
	       word_is(field, len, "Transfer-Encoding") ||
	       (word_is(field, len, "Connection") && list_has(field + len, "close"));
}

bool request_keeps(const char *request)
{
	size_t len = strcspn(request, "\r\n");
	const char *line = request;

	if (len < 9 || strncmp(request + len - 9, " HTTP/1.1", 9) != 0)
		return false;
	while ((line = strchr(line, '\n')) && strcspn(++line, "\r\n"))
		if (field_closes(line))
			return false;
	return true;
}
