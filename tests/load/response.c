/* SPDX-License-Identifier: GPL-2.0-or-later */
/* An incremental reader of HTTP answers, as much of HTTP as the load needs. */
#include "tests/load/response.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

static void judge(struct response *response, enum failure verdict, const char *reason)
{
	if (response->verdict != FAILURE_NONE)
		return;
	response->verdict = verdict;
	response->reason = reason;
}

/* "HTTP/1.1 200 OK" */
static void status_line(struct response *response, const char *line, size_t len)
{
	response->state = RESPONSE_FIELDS;
	if (len < 12 || strncmp(line, "HTTP/1.", 7) || line[8] != ' ' ||
	    !isdigit((unsigned char)line[9]) || !isdigit((unsigned char)line[10]) ||
	    !isdigit((unsigned char)line[11]) || (len > 12 && line[12] != ' ')) {
		judge(response, FAILURE_OTHER, "the answer is not HTTP");
		return;
	}
	response->status =
		(line[9] - '0') * 100 + (line[10] - '0') * 10 + (line[11] - '0');
	if (response->status != 200)
		judge(response, FAILURE_HTTP_STATUS, "the status is not 200");
}

static void length_field(struct response *response, const char *value, size_t len)
{
	uint64_t length = 0;

	while (len && (*value == ' ' || *value == '\t'))
		value++, len--;
	while (len && (value[len - 1] == ' ' || value[len - 1] == '\t'))
		len--;
	for (size_t i = 0; i < len; i++) {
		if (!isdigit((unsigned char)value[i]) || length > UINT64_MAX / 10 - 10) {
			len = 0;
			break;
		}
		length = length * 10 + (uint64_t)(value[i] - '0');
	}
	if (!len || (response->has_length && response->length != length)) {
		judge(response, FAILURE_OTHER, "Content-Length makes no sense");
		return;
	}
	response->has_length = true;
	response->length = length;
}

static bool field_is(const char *line, size_t len, const char *name, size_t name_len)
{
	return len > name_len && line[name_len] == ':' &&
	       !strncasecmp(line, name, name_len);
}

static void field_line(struct response *response, const char *line, size_t len)
{
	if (field_is(line, len, "Content-Length", 14))
		length_field(response, line + 15, len - 15);
	else if (field_is(line, len, "Transfer-Encoding", 17))
		judge(response, FAILURE_OTHER, "Transfer-Encoding is not understood");
}

static void head_line(struct response *response, const char *line, size_t len)
{
	if (len && line[len - 1] == '\r')
		len--;
	if (response->state == RESPONSE_STATUS)
		status_line(response, line, len);
	else if (len)
		field_line(response, line, len);
	else
		response->state = RESPONSE_BODY;
}

/* What does not fit is of a line that nothing here reads. */
static void text_keep(struct response *response, const char *data, size_t len)
{
	size_t room = sizeof(response->text) - response->kept;

	if (len > room)
		len = room;
	memcpy(response->text + response->kept, data, len);
	response->kept += (unsigned int)len;
}

/* Returns the bytes that belonged to the head. */
static size_t head_feed(struct response *response, const char *data, size_t len)
{
	size_t used = 0;

	while (response->state != RESPONSE_BODY && used < len) {
		const char *line = data + used;
		const char *end = memchr(line, '\n', len - used);

		if (!end) {
			text_keep(response, line, len - used);
			return len;
		}
		used = (size_t)(end - data) + 1;
		if (!response->kept) {
			head_line(response, line, (size_t)(end - line));
			continue;
		}
		text_keep(response, line, (size_t)(end - line));
		head_line(response, response->text, response->kept);
		response->kept = 0;
	}
	return used;
}

static void body_feed(struct response *response, const struct expectation *expectation,
		      const char *data, size_t len)
{
	uint64_t at = response->received;

	response->received += len;
	if (response->has_length && response->received > response->length)
		judge(response, FAILURE_CORRUPTED, "more bytes than Content-Length");
	if (!expectation->bytes) {
		text_keep(response, data, len);
		return;
	}
	if (len > expectation->size || at > expectation->size - len)
		judge(response, FAILURE_CORRUPTED, "more bytes than expected");
	else if (memcmp(expectation->bytes + at, data, len))
		judge(response, FAILURE_CORRUPTED,
		      "a byte differs from the expected one");
}

void response_feed(struct response *response, const struct expectation *expectation,
		   const char *data, size_t len)
{
	size_t used = 0;

	if (response->state != RESPONSE_BODY)
		used = head_feed(response, data, len);
	if (used < len)
		body_feed(response, expectation, data + used, len - used);
}

bool response_complete(const struct response *response)
{
	return response->state == RESPONSE_BODY && response->has_length &&
	       response->received >= response->length;
}

enum failure response_end(struct response *response,
			  const struct expectation *expectation)
{
	if (response->state == RESPONSE_STATUS && !response->kept)
		judge(response, FAILURE_SHORT, "closed before any answer");
	else if (response->state != RESPONSE_BODY)
		judge(response, FAILURE_SHORT, "closed within the answer's head");
	else if (response->has_length && response->received < response->length)
		judge(response, FAILURE_SHORT, "fewer bytes than Content-Length");
	else if (expectation->size == RESPONSE_ANY_SIZE)
		return response->verdict;
	else if (response->received < expectation->size)
		judge(response, FAILURE_SHORT, "fewer bytes than expected");
	else if (response->received > expectation->size)
		judge(response, FAILURE_CORRUPTED, "more bytes than expected");
	return response->verdict;
}
