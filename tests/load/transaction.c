/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Opens, drives, judges and closes one transaction. */
#include "tests/load/transaction.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define EVENTS (EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET)

/* Reads of one event, before others have their turn. */
#define READS_MAX 32

uint64_t clock_now(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

static enum transaction_step fail(struct transaction *transaction, enum failure failure,
				  const char *what, int error)
{
	transaction->failure = failure;
	transaction->what = what;
	transaction->error = error;
	return STEP_FAILED;
}

static enum transaction_step fail_errno(struct transaction *transaction, const char *what,
					int error)
{
	return fail(transaction, failure_of(error), what, error);
}

static int socket_error(int fd)
{
	socklen_t len = sizeof(int);
	int error = 0;

	if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &len))
		return errno;
	return error;
}

int transaction_bind(int fd, const struct endpoint *source, bool freebind)
{
	static const int one = 1;

	/* Both options are of SOL_IP for IPv6 sockets as well. */
	if (setsockopt(fd, SOL_IP, IP_BIND_ADDRESS_NO_PORT, &one, sizeof(one)))
		return -1;
	if (freebind && setsockopt(fd, SOL_IP, IP_FREEBIND, &one, sizeof(one)))
		return -1;
	return bind(fd, &source->any, source->len);
}

static enum transaction_step source_take(struct transaction *transaction,
					 const struct load_plan *plan, uint64_t number)
{
	const struct load_target *target = transaction->target;
	struct endpoint source;
	uint64_t index;

	if (!target->sources)
		return STEP_PENDING;
	index = number / plan->targets * target->stride + target->place;
	source_set_at(&plan->sources, target->endpoint.any.sa_family,
		      index % target->sources, &source);
	if (transaction_bind(transaction->fd, &source, plan->freebind))
		return fail(transaction, FAILURE_LOCAL, "bind to a source", errno);
	return STEP_PENDING;
}

enum transaction_step transaction_open(struct transaction *transaction,
				       const struct load_plan *plan, int epoll,
				       uint64_t number)
{
	const struct load_target *target = &plan->target[number % plan->targets];
	struct epoll_event event = { .events = EVENTS, .data.ptr = transaction };
	int fd;

	/* All but response.text, which nobody reads beyond response.kept. */
	memset(transaction, 0, offsetof(struct transaction, response.text));
	transaction->target = target;
	transaction->fd = fd = socket(target->endpoint.any.sa_family,
				      SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return fail(transaction, FAILURE_LOCAL, "open a socket", errno);
	if (source_take(transaction, plan, number) == STEP_FAILED)
		return STEP_FAILED;
	transaction->intended = clock_now();
	if (connect(fd, &target->endpoint.any, target->endpoint.len) &&
	    errno != EINPROGRESS)
		return fail_errno(transaction, "connect", errno);
	if (epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event))
		return fail(transaction, FAILURE_LOCAL, "watch the socket", errno);
	return STEP_PENDING;
}

enum transaction_step transaction_fetch(struct transaction *transaction)
{
	const struct load_target *target = transaction->target;
	ssize_t n;

	transaction->state = TRANSACTION_SENDING;
	n = send(transaction->fd, target->request + transaction->sent,
		 target->request_len - transaction->sent, MSG_NOSIGNAL);
	if (n < 0 && errno != EAGAIN && errno != EINTR)
		return fail_errno(transaction, "send the request", errno);
	if (n > 0)
		transaction->sent += (size_t)n;
	if (transaction->sent == target->request_len)
		transaction->state = TRANSACTION_RECEIVING;
	return STEP_PENDING;
}

static enum transaction_step connected(struct transaction *transaction,
				       const struct load_plan *plan, uint32_t events,
				       uint64_t now)
{
	if (events & (EPOLLERR | EPOLLHUP)) {
		int error = socket_error(transaction->fd);

		if (error)
			return fail_errno(transaction, "connect", error);
	}
	if (!(events & EPOLLOUT))
		return STEP_PENDING;
	transaction->connect = now - transaction->intended;
	if (!plan->hold)
		return transaction_fetch(transaction);
	transaction->state = TRANSACTION_HELD;
	return STEP_HELD;
}

static enum transaction_step held(struct transaction *transaction, uint32_t events)
{
	int error = events & EPOLLERR ? socket_error(transaction->fd) : 0;

	if (error)
		return fail_errno(transaction, "hold the connection", error);
	if (!(events & (EPOLLRDHUP | EPOLLHUP)))
		return STEP_PENDING;
	transaction->closed = true;
	return fail(transaction, FAILURE_SHORT, "closed while held", 0);
}

/* The server saw us as we are, and itself as we address it. */
static bool seen_rightly(const struct transaction *transaction)
{
	const char *text = transaction->response.text;
	size_t len = transaction->response.kept;
	struct endpoint own, client, server;
	const char *blank;

	own.len = sizeof(own.in6);
	if (getsockname(transaction->fd, &own.any, &own.len))
		return false;
	while (len && (text[len - 1] == '\n' || text[len - 1] == '\r'))
		len--;
	blank = memchr(text, ' ', len);
	return blank && !endpoint_read(text, (size_t)(blank - text), &client) &&
	       !endpoint_read(blank + 1, len - (size_t)(blank + 1 - text), &server) &&
	       endpoint_equal(&client, &own) &&
	       endpoint_equal(&server, &transaction->target->endpoint);
}

static enum transaction_step finish(struct transaction *transaction,
				    const struct load_plan *plan)
{
	struct response *response = &transaction->response;
	enum failure verdict = response_end(response, &plan->expectation);

	if (verdict != FAILURE_NONE)
		return fail(transaction, verdict, response->reason, 0);
	if (plan->who && !seen_rightly(transaction))
		return fail(transaction, FAILURE_MISMATCH,
			    "the server saw other addresses or ports", 0);
	return STEP_OK;
}

static void take(struct transaction *transaction, const struct load_plan *plan,
		 const char *data, size_t len, uint64_t now)
{
	if (!transaction->first_byte)
		transaction->first_byte = now;
	transaction->last_byte = now;
	transaction->bytes += len;
	response_feed(&transaction->response, &plan->expectation, data, len);
}

/*
 * Reads until nothing is left. A read that did not fill the buffer has emptied the
 * queue, so that one recv() is enough where the answer and the FIN came together.
 */
static enum transaction_step receive(struct transaction *transaction,
				     const struct load_plan *plan, int epoll,
				     uint32_t events, uint64_t now, char *buffer,
				     size_t size)
{
	struct epoll_event again = { .events = EVENTS, .data.ptr = transaction };

	for (int i = 0; i < READS_MAX; i++) {
		ssize_t n = recv(transaction->fd, buffer, size, 0);

		if (n < 0 && errno == EAGAIN)
			return STEP_PENDING;
		if (n < 0)
			return fail_errno(transaction, "receive", errno);
		if (n > 0)
			take(transaction, plan, buffer, (size_t)n, i ? clock_now() : now);
		transaction->closed = !n;
		if (!n)
			return finish(transaction, plan);
		if ((size_t)n == size || events & EPOLLERR)
			continue;
		if (plan->reset && response_complete(&transaction->response))
			return finish(transaction, plan);
		if (!(events & EPOLLRDHUP))
			return STEP_PENDING;
		if (response_complete(&transaction->response)) {
			transaction->closed = true;
			return finish(transaction, plan);
		}
	}
	if (epoll_ctl(epoll, EPOLL_CTL_MOD, transaction->fd, &again))
		return fail(transaction, FAILURE_LOCAL, "watch the socket", errno);
	return STEP_PENDING;
}

enum transaction_step transaction_event(struct transaction *transaction,
					const struct load_plan *plan, int epoll,
					uint32_t events, uint64_t now, char *buffer,
					size_t size)
{
	enum transaction_step step = STEP_PENDING;

	if (transaction->state == TRANSACTION_CONNECTING)
		step = connected(transaction, plan, events, now);
	else if (transaction->state == TRANSACTION_HELD)
		return held(transaction, events);
	else if (transaction->state == TRANSACTION_SENDING && events & EPOLLOUT)
		step = transaction_fetch(transaction);
	if (step != STEP_PENDING || transaction->state == TRANSACTION_CONNECTING)
		return step;
	if (!(events & (EPOLLIN | EPOLLRDHUP | EPOLLHUP | EPOLLERR)))
		return STEP_PENDING;
	return receive(transaction, plan, epoll, events, now, buffer, size);
}

void transaction_expire(struct transaction *transaction)
{
	const struct response *response = &transaction->response;

	/* What was found wrong already says more than that it then took too long. */
	if (response->verdict != FAILURE_NONE)
		fail(transaction, response->verdict, response->reason, 0);
	else if (transaction->state == TRANSACTION_CONNECTING)
		fail(transaction, FAILURE_TIMEOUT, "no answer to the SYN in time", 0);
	else if (!transaction->first_byte)
		fail(transaction, FAILURE_TIMEOUT, "no byte of the answer in time", 0);
	else if (response_complete(response))
		fail(transaction, FAILURE_TIMEOUT, "answered but not closed in time", 0);
	else
		fail(transaction, FAILURE_TIMEOUT, "answer not finished in time", 0);
}

static void printable(char *text)
{
	for (; *text; text++)
		if (*text < ' ' || *text > '~')
			*text = '.';
}

void transaction_describe(const struct transaction *transaction, char *text, size_t size)
{
	const struct response *response = &transaction->response;
	char own[ENDPOINT_TEXT] = "?", more[224] = "";
	struct endpoint local = { .len = sizeof(local.in6) };

	if (transaction->fd >= 0 && !getsockname(transaction->fd, &local.any, &local.len))
		endpoint_print(&local, own);
	if (transaction->error)
		snprintf(more, sizeof(more), ": %s", strerror(transaction->error));
	else if (transaction->failure == FAILURE_HTTP_STATUS)
		snprintf(more, sizeof(more), ": %d", response->status);
	else if (transaction->failure == FAILURE_MISMATCH)
		snprintf(more, sizeof(more), ": '%.*s'", (int)response->kept,
			 response->text);
	else if (response->state == RESPONSE_BODY)
		snprintf(more, sizeof(more), ", %llu bytes of body received",
			 (unsigned long long)response->received);
	snprintf(text, size, "%s to %s: %s%s", own, transaction->target->name,
		 transaction->what, more);
	printable(text);
}

void transaction_close(struct transaction *transaction)
{
	static const struct linger at_once = { .l_onoff = 1, .l_linger = 0 };

	if (transaction->fd < 0)
		return;
	if (!transaction->closed)
		setsockopt(transaction->fd, SOL_SOCKET, SO_LINGER, &at_once,
			   sizeof(at_once));
	close(transaction->fd);
	transaction->fd = -1;
}
