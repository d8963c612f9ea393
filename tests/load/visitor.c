/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Reads a visitor's request and sends the reply. */
#include "tests/load/visitor.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

void visitor_begin(struct visitor *visitor, int fd, const struct endpoint *client)
{
	visitor->fd = fd;
	visitor->watched = false;
	visitor->replying = false;
	visitor->made = false;
	visitor->served = false;
	visitor->received = 0;
	visitor->head = 0;
	visitor->sent = 0;
	visitor->client = *client;
	visitor->reply.end = REPLY_CLOSE;
}

/* Whether a whole request is there; one that is too long counts, as a faulty one. */
static bool request_whole(struct visitor *visitor)
{
	const char *end = strstr(visitor->request, "\r\n\r\n");

	if (!end && visitor->received < sizeof(visitor->request) - 1)
		return false;
	if (!end)
		visitor->request[0] = '\0';
	visitor->head = end ? (size_t)(end - visitor->request) + 4 : visitor->received;
	return true;
}

static enum visitor_step request_read(struct visitor *visitor)
{
	size_t room = sizeof(visitor->request) - 1 - visitor->received;
	ssize_t n = recv(visitor->fd, visitor->request + visitor->received, room, 0);

	if (n < 0 && errno == EAGAIN)
		return VISITOR_WAITS;
	if (n <= 0)
		return visitor->served && !visitor->received ? VISITOR_GONE
							     : VISITOR_LEFT;
	visitor->received += (size_t)n;
	visitor->request[visitor->received] = '\0';
	visitor->replying = request_whole(visitor);
	return VISITOR_WAITS;
}

/* What came behind the request is the next one, or its beginning. */
static void request_next(struct visitor *visitor)
{
	visitor->served = true;
	visitor->sent = 0;
	visitor->received -= visitor->head;
	memmove(visitor->request, visitor->request + visitor->head, visitor->received);
	visitor->request[visitor->received] = '\0';
	visitor->replying = visitor->received && request_whole(visitor);
	visitor->made = false;
}

static enum visitor_step reply_send(struct visitor *visitor)
{
	struct iovec piece[REPLY_PIECES];
	struct msghdr message = { .msg_iov = piece };

	while ((message.msg_iovlen =
			reply_pieces(&visitor->reply, visitor->sent, piece))) {
		ssize_t n = sendmsg(visitor->fd, &message, MSG_NOSIGNAL);

		if (n < 0 && errno == EAGAIN)
			return VISITOR_WAITS;
		if (n < 0)
			return VISITOR_LEFT;
		visitor->sent += (uint64_t)n;
	}
	if (visitor->reply.end != REPLY_KEEP)
		return visitor->reply.end == REPLY_OPEN ? VISITOR_STAYS : VISITOR_SERVED;
	request_next(visitor);
	return VISITOR_NEXT;
}

static enum visitor_step stranded(struct visitor *visitor)
{
	ssize_t n = recv(visitor->fd, visitor->request, sizeof(visitor->request), 0);

	return n > 0 || (n < 0 && errno == EAGAIN) ? VISITOR_STAYS : VISITOR_LEFT;
}

enum visitor_step visitor_go(struct visitor *visitor, const unsigned char *pattern)
{
	enum visitor_step step;

	while (!visitor->replying) {
		size_t before = visitor->received;

		step = request_read(visitor);
		if (step != VISITOR_WAITS || visitor->received == before)
			return step;
	}
	if (!visitor->made)
		reply_make(&visitor->reply, visitor->request, &visitor->client,
			   visitor->fd, pattern);
	else if (visitor->sent == visitor->reply.head_len + visitor->reply.size)
		return stranded(visitor);
	visitor->made = true;
	return reply_send(visitor);
}

void visitor_end(struct visitor *visitor)
{
	static const struct linger at_once = { .l_onoff = 1, .l_linger = 0 };

	if (visitor->reply.end == REPLY_RESET)
		setsockopt(visitor->fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once));
	close(visitor->fd);
	visitor->fd = -1;
}
