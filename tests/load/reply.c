/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Makes the origin's replies. */
#include "tests/load/reply.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

#include "tests/load/request.h"

#define HEAD                                                                             \
	"HTTP/1.1 %s\r\nServer: origin\r\nContent-Type: application/octet-stream\r\n"    \
	"Content-Length: %llu\r\n%s\r\n"

/* The object that faults are done to, and where. */
#define FAULT_SIZE 8192
#define FAULT_AT   5000

static void head_set(struct reply *reply, const char *status, uint64_t length)
{
	const char *connection = reply->end == REPLY_KEEP ? "" : "Connection: close\r\n";

	reply->head_len = (size_t)snprintf(reply->head, sizeof(reply->head), HEAD, status,
					   (unsigned long long)length, connection);
}

static void text_set(struct reply *reply, const char *text)
{
	reply->head_len = (size_t)snprintf(reply->head, sizeof(reply->head), "%s", text);
}

static void fault_short(struct reply *reply)
{
	reply->size = FAULT_AT;
}

static void fault_long(struct reply *reply)
{
	reply->size = FAULT_SIZE + 1;
}

static void fault_corrupted(struct reply *reply)
{
	reply->wrong = FAULT_AT;
	reply->wrong_byte = (unsigned char)~reply->pattern[FAULT_AT];
}

static void fault_reset(struct reply *reply)
{
	reply->size = FAULT_AT;
	reply->end = REPLY_RESET;
}

static void fault_late_reset(struct reply *reply)
{
	reply->end = REPLY_RESET;
}

static void fault_empty(struct reply *reply)
{
	reply->head_len = 0;
	reply->size = 0;
}

static void fault_silent(struct reply *reply)
{
	fault_empty(reply);
	reply->end = REPLY_OPEN;
}

static void fault_open(struct reply *reply)
{
	reply->end = REPLY_OPEN;
}

static void fault_status(struct reply *reply)
{
	head_set(reply, "503 Service Unavailable", FAULT_SIZE);
}

static void fault_garbage(struct reply *reply)
{
	text_set(reply, "SSH-2.0-no\r\n");
	reply->size = 0;
}

static void fault_chunked(struct reply *reply)
{
	text_set(reply, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n"
			"Connection: close\r\n\r\n4\r\nfour\r\n0\r\n\r\n");
	reply->size = 0;
}

/* Fails only where the size or bytes expected are known otherwise. */
static void fault_unlengthed(struct reply *reply)
{
	text_set(reply, "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n");
}

static const struct {
	const char *name;
	void (*make)(struct reply *reply);
} faults[] = {
	{ "short", fault_short },           { "long", fault_long },
	{ "corrupted", fault_corrupted },   { "reset", fault_reset },
	{ "late-reset", fault_late_reset }, { "empty", fault_empty },
	{ "silent", fault_silent },         { "open", fault_open },
	{ "status", fault_status },         { "garbage", fault_garbage },
	{ "chunked", fault_chunked },       { "unlengthed", fault_unlengthed },
};

const char *reply_faults(void)
{
	return "  /fault/KIND on an object of 8k, where KIND is:\n"
	       "    short, long        fewer or more bytes than Content-Length\n"
	       "    corrupted          one byte wrong\n"
	       "    reset, late-reset  RST half-way, or after the last byte\n"
	       "    empty, silent      closed at once, or kept open, without a byte\n"
	       "    open               answered, but not closed\n"
	       "    status             503\n"
	       "    garbage, chunked   not HTTP, or not what the load reads\n"
	       "    unlengthed         without Content-Length\n"
	       "    stranger, impostor /who with another port of the client's or the server's\n";
}

static void fault_make(struct reply *reply, const char *name, size_t len)
{
	reply->size = FAULT_SIZE;
	head_set(reply, "200 OK", FAULT_SIZE);
	for (size_t i = 0; i < sizeof(faults) / sizeof(faults[0]); i++)
		if (strlen(faults[i].name) == len &&
		    !strncmp(faults[i].name, name, len)) {
			faults[i].make(reply);
			return;
		}
	reply->size = 0;
	head_set(reply, "404 Not Found", 0);
}

static int starts(const char *text, size_t len, const char *with)
{
	return len >= strlen(with) && !strncmp(text, with, strlen(with));
}

/* As nginx's "$remote_addr:$remote_port" writes it: no brackets. */
static int bare_print(const struct endpoint *endpoint, char *text, size_t size)
{
	char address[INET6_ADDRSTRLEN];
	const void *bytes = &endpoint->in.sin_addr;
	in_port_t port = endpoint->in.sin_port;

	if (endpoint->any.sa_family == AF_INET6) {
		bytes = &endpoint->in6.sin6_addr;
		port = endpoint->in6.sin6_port;
	}
	inet_ntop(endpoint->any.sa_family, bytes, address, sizeof(address));
	return snprintf(text, size, "%s:%u", address, ntohs(port));
}

/* @fault is "stranger", "impostor" or neither. */
static void who_make(struct reply *reply, const struct endpoint *client, int fd,
		     const char *fault)
{
	struct endpoint seen = *client, server = { .len = sizeof(server.in6) };
	char text[128];
	int len;

	if (getsockname(fd, &server.any, &server.len)) {
		head_set(reply, "500 Internal Server Error", 0);
		return;
	}
	/* The port is at the same place in both families. */
	if (!strncmp(fault, "stranger", 8))
		seen.in.sin_port ^= htons(1);
	if (!strncmp(fault, "impostor", 8))
		server.in.sin_port ^= htons(1);
	len = bare_print(&seen, text, sizeof(text));
	text[len++] = ' ';
	len += bare_print(&server, text + len, sizeof(text) - (size_t)len);
	text[len++] = '\n';
	head_set(reply, "200 OK", (uint64_t)len);
	memcpy(reply->head + reply->head_len, text, (size_t)len);
	reply->head_len += (size_t)len;
}

void reply_make(struct reply *reply, const char *request, const struct endpoint *client,
		int fd, const unsigned char *pattern)
{
	const char *path = request + 4;
	size_t len;

	*reply = (struct reply){ .pattern = pattern, .wrong = REPLY_NO_BYTE };
	if (request_keeps(request) && !starts(path, strlen(path), "/fault/"))
		reply->end = REPLY_KEEP;
	if (strncmp(request, "GET /", 5)) {
		reply->end = REPLY_CLOSE;
		head_set(reply, "400 Bad Request", 0);
		return;
	}
	len = strcspn(path, " \r\n");
	if (len == 4 && starts(path, len, "/who"))
		who_make(reply, client, fd, "");
	else if (len == 15 && (starts(path, len, "/fault/stranger") ||
			       starts(path, len, "/fault/impostor")))
		who_make(reply, client, fd, path + 7);
	else if (starts(path, len, "/fault/"))
		fault_make(reply, path + 7, len - 7);
	else if (!object_size_parse(path + 1, len - 1, &reply->size) ||
		 (starts(path, len, "/size/") &&
		  !object_size_parse(path + 6, len - 6, &reply->size)))
		head_set(reply, "200 OK", reply->size);
	else
		head_set(reply, "404 Not Found", 0);
}

/* As much of the object from @at as lies in one stretch. */
static struct iovec object_piece(const struct reply *reply, uint64_t at)
{
	uint64_t end = at - at % OBJECT_PERIOD + OBJECT_PERIOD;
	const unsigned char *from = reply->pattern + at % OBJECT_PERIOD;

	if (end > reply->size)
		end = reply->size;
	if (at == reply->wrong) {
		from = &reply->wrong_byte;
		end = at + 1;
	} else if (at < reply->wrong && end > reply->wrong) {
		end = reply->wrong;
	}
	return (struct iovec){ (void *)(uintptr_t)from, end - at };
}

size_t reply_pieces(const struct reply *reply, uint64_t sent,
		    struct iovec piece[REPLY_PIECES])
{
	uint64_t at = sent > reply->head_len ? sent - reply->head_len : 0;
	size_t n = 0;

	if (sent < reply->head_len) {
		piece[n].iov_base = (void *)(uintptr_t)(reply->head + sent);
		piece[n++].iov_len = reply->head_len - sent;
	}
	while (n < REPLY_PIECES && at < reply->size) {
		piece[n] = object_piece(reply, at);
		at += piece[n++].iov_len;
	}
	return n;
}
