/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the origin's requests say of their connection: it stays, or it is closed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "tests/load/request.h"

#define GET "GET /8k HTTP/1.1\r\n"

static const char *const keeping[] = {
	GET "\r\n",
	GET "Host: lab\r\nConnection: keep-alive\r\n\r\n",
	GET "Connection:\r\n\r\n",
	GET "Connection: x-close, close-x, closed\r\n\r\n",
	GET "X-Connection: close\r\nX-Content-Length: 5\r\n\r\n",
	GET "Connection: te\r\nX: close\r\n\r\n",
	/* The next request's affair. */
	GET "\r\nGET / HTTP/1.1\r\nConnection: close\r\nContent-Length: 5\r\n\r\n",
};

static const char *const closing[] = {
	"",
	"\r\n\r\n",
	"GET /8k\r\n\r\n",
	"GET /8k HTTP/1.0\r\n\r\n",
	"GET /8k HTTP/1.0\r\nConnection: keep-alive\r\n\r\n",
	"GET /8k\r\nX: HTTP/1.1\r\n\r\n",
	GET "Connection: close\r\n\r\n",
	GET "Host: lab\r\nconnection:CLOSE\r\n\r\n",
	GET "Connection: te,\t Close ,x\r\n\r\n",
	GET "Connection: ,,close\r\n\r\n",
	GET "Connection: keep-alive\r\nHost: lab\r\nConnection: close\r\n\r\n",
	GET "Content-Length: 5\r\n\r\nhello",
	GET "content-length: 0\r\n\r\n",
	GET "Content-Length : 5\r\n\r\nhello",
	GET "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
};

static void test_stays(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(keeping) / sizeof(keeping[0]); i++)
		if (!request_keeps(keeping[i]))
			fail_msg("closes after '%s'", keeping[i]);
}

static void test_closes(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(closing) / sizeof(closing[0]); i++)
		if (request_keeps(closing[i]))
			fail_msg("stays after '%s'", closing[i]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_stays),
		cmocka_unit_test(test_closes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
