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
	visitor->received = 0;
	visitor->sent = 0;
	visitor->client = *client;
	visitor->reply.end = REPLY_CLOSE;
}

static enum visitor_step request_read(struct visitor *visitor)
{
	size_t room = sizeof(visitor->request) - 1 - visitor->received;
	ssize_t n = recv(visitor->fd, visitor->request + visitor->received, room, 0);

	if (n < 0 && errno == EAGAIN)
		return VISITOR_WAITS;
	if (n <= 0)
		return VISITOR_LEFT;
	visitor->received += (size_t)n;
	visitor->request[visitor->received] = '\0';
	visitor->replying = strstr(visitor->request, "\r\n\r\n");
	if (!visitor->replying && visitor->received == sizeof(visitor->request) - 1) {
		visitor->request[0] = '\0';
		visitor->replying = true;
	}
	return VISITOR_WAITS;
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
	return visitor->reply.end == REPLY_OPEN ? VISITOR_STAYS : VISITOR_SERVED;
}

static enum visitor_step stranded(struct visitor *visitor)
{
	ssize_t n = recv(visitor->fd, visitor->request, sizeof(visitor->request), 0);

	return n > 0 || (n < 0 && errno == EAGAIN) ? VISITOR_STAYS : VISITOR_LEFT;
}

enum visitor_step visitor_go(struct visitor *visitor, const unsigned char *pattern)
{
	size_t before = visitor->received;
	enum visitor_step step;

	if (!visitor->replying) {
		step = request_read(visitor);
		if (step != VISITOR_WAITS || !visitor->replying)
			return step == VISITOR_WAITS && visitor->received > before
				       ? visitor_go(visitor, pattern)
				       : step;
		reply_make(&visitor->reply, visitor->request, &visitor->client,
			   visitor->fd, pattern);
	} else if (visitor->sent == visitor->reply.head_len + visitor->reply.size) {
		return stranded(visitor);
	}
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
