/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The load's reader of answers: every way to cut one up gives the same verdict. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "tests/load/response.h"

#define OK "HTTP/1.1 200 OK\r\n"

static const struct expectation any = { .size = RESPONSE_ANY_SIZE };
static const struct expectation five = { .size = 5 };
static const struct expectation hello = { .size = 5, .bytes = "hello" };

/* What the answer @text, then closed, is judged to be when fed @step bytes at a time. */
static enum failure judged(const char *text, size_t first, size_t step,
			   const struct expectation *expectation)
{
	struct response response = { .state = RESPONSE_STATUS };
	size_t len = strlen(text), at = first < len ? first : len;

	response_feed(&response, expectation, text, at);
	while (at < len) {
		size_t part = len - at < step ? len - at : step;

		response_feed(&response, expectation, text + at, part);
		at += part;
	}
	return response_end(&response, expectation);
}

static void assert_judged(const char *text, const struct expectation *expectation,
			  enum failure wanted)
{
	for (size_t first = 0; first <= strlen(text); first++) {
		enum failure whole = judged(text, first, strlen(text), expectation);
		enum failure bytes = judged(text, first, 1, expectation);

		if (whole != wanted || bytes != wanted)
			fail_msg("'%s' cut at %zu: %s and %s, wanted %s", text, first,
				 failure_name(whole), failure_name(bytes),
				 failure_name(wanted));
	}
}

static void test_good(void **state)
{
	static const char plain[] = OK "Server: x\r\nContent-Length: 5\r\n\r\nhello";

	(void)state;
	assert_judged(plain, &any, FAILURE_NONE);
	assert_judged(plain, &five, FAILURE_NONE);
	assert_judged(plain, &hello, FAILURE_NONE);
	assert_judged("HTTP/1.0 200\r\ncontent-length:5 \r\n\r\nhello", &hello,
		      FAILURE_NONE);
	assert_judged(OK "\r\nhello", &hello, FAILURE_NONE);
	assert_judged("HTTP/1.1 200 OK\nContent-Length: 5\n\nhello", &hello,
		      FAILURE_NONE);
	assert_judged(OK "Content-Length: 0\r\n\r\n", &any, FAILURE_NONE);
	assert_judged(OK "X-Content-Length: 9\r\nContent-Length: 5\r\n\r\nhello", &hello,
		      FAILURE_NONE);
}

static void test_short(void **state)
{
	(void)state;
	assert_judged("", &any, FAILURE_SHORT);
	assert_judged("HTTP/1.1 2", &any, FAILURE_SHORT);
	assert_judged(OK "Content-Length: 5\r\n", &any, FAILURE_SHORT);
	assert_judged(OK "Content-Length: 5\r\n\r\n", &any, FAILURE_SHORT);
	assert_judged(OK "Content-Length: 5\r\n\r\nhell", &hello, FAILURE_SHORT);
	assert_judged(OK "\r\nhell", &five, FAILURE_SHORT);
	assert_judged(OK "Content-Length: 4\r\n\r\nhell", &five, FAILURE_SHORT);
	assert_judged(OK "Content-Length: 4\r\n\r\nhell", &hello, FAILURE_SHORT);
}

static void test_corrupted(void **state)
{
	(void)state;
	assert_judged(OK "Content-Length: 5\r\n\r\nhellO", &hello, FAILURE_CORRUPTED);
	assert_judged(OK "Content-Length: 5\r\n\r\nJello", &hello, FAILURE_CORRUPTED);
	assert_judged(OK "Content-Length: 5\r\n\r\nhello!", &any, FAILURE_CORRUPTED);
	assert_judged(OK "\r\nhello!", &hello, FAILURE_CORRUPTED);
	assert_judged(OK "\r\nhello!", &five, FAILURE_CORRUPTED);
	assert_judged(OK "Content-Length: 6\r\n\r\nhello!", &hello, FAILURE_CORRUPTED);
	/* Whether it is also short does not hide it. */
	assert_judged(OK "Content-Length: 5\r\n\r\nhalo", &hello, FAILURE_CORRUPTED);
}

static void test_not_understood(void **state)
{
	(void)state;
	assert_judged("SSH-2.0-x\r\n\r\n", &any, FAILURE_OTHER);
	assert_judged("HTTP/2 200\r\n\r\n", &any, FAILURE_OTHER);
	assert_judged("HTTP/1.1 20\r\n\r\n", &any, FAILURE_OTHER);
	assert_judged("HTTP/1.1 2000\r\n\r\n", &any, FAILURE_OTHER);
	assert_judged(OK "Content-Length: 5x\r\n\r\nhello", &any, FAILURE_OTHER);
	assert_judged(OK "Content-Length:\r\n\r\nhello", &any, FAILURE_OTHER);
	assert_judged(OK "Content-Length: -5\r\n\r\nhello", &any, FAILURE_OTHER);
	assert_judged(OK "Content-Length: 99999999999999999999\r\n\r\n", &any,
		      FAILURE_OTHER);
	assert_judged(OK "Content-Length: 5\r\nContent-Length: 6\r\n\r\nhello", &any,
		      FAILURE_OTHER);
	assert_judged(OK "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n", &any,
		      FAILURE_OTHER);
}

static void test_status(void **state)
{
	(void)state;
	assert_judged("HTTP/1.1 503 No\r\nContent-Length: 5\r\n\r\nhello", &hello,
		      FAILURE_HTTP_STATUS);
	assert_judged("HTTP/1.1 404\r\nContent-Length: 0\r\n\r\n", &hello,
		      FAILURE_HTTP_STATUS);
	assert_judged("HTTP/1.1 206 Partial\r\nContent-Length: 5\r\n\r\nhello", &hello,
		      FAILURE_HTTP_STATUS);
}

static void test_complete(void **state)
{
	struct response response = { .state = RESPONSE_STATUS };
	static const char head[] = OK "Content-Length: 5\r\n\r\n";

	(void)state;
	response_feed(&response, &hello, head, strlen(head));
	assert_false(response_complete(&response));
	response_feed(&response, &hello, "hell", 4);
	assert_false(response_complete(&response));
	response_feed(&response, &hello, "o", 1);
	assert_true(response_complete(&response));
}

/* A line of 100 kB in the head is read over, and nothing is written beyond the room. */
static void test_long_line(void **state)
{
	struct response response = { .state = RESPONSE_STATUS };
	static const char rest[] = "\r\nContent-Length: 5\r\n\r\nhello";

	(void)state;
	response_feed(&response, &hello, OK "X: ", strlen(OK) + 3);
	for (int i = 0; i < 100000; i++)
		response_feed(&response, &hello, "y", 1);
	response_feed(&response, &hello, rest, strlen(rest));
	assert_int_equal(response_end(&response, &hello), FAILURE_NONE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_good),      cmocka_unit_test(test_short),
		cmocka_unit_test(test_corrupted), cmocka_unit_test(test_not_understood),
		cmocka_unit_test(test_status),    cmocka_unit_test(test_complete),
		cmocka_unit_test(test_long_line),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
