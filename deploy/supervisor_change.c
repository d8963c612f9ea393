/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Owns a change of generations as those who ask the supervisor for it see it. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "deploy/state.h"
#include "deploy/supervisor.h"
#include "helpers/cleanup.h"
#include "helpers/local.h"
#include "helpers/log.h"
#include "helpers/memory.h"

#define ANSWER_TIMEOUT_S 10 /* the supervisor tells how far it is every second */
#define PROGRESS_S       2

struct supervisor_change {
	int fd;
	time_t told;
};

void supervisor_change_free(struct supervisor_change *c)
{
	if (!c)
		return;
	cleanup_close(&c->fd);
	free(c);
}

static int change_connect(const char *name, struct error *err)
{
	const struct timeval limit = { .tv_sec = ANSWER_TIMEOUT_S };
	_cleanup_close_ int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	_cleanup_free_ char *path =
		memory_printf(STATE_ROOT "/%s/" SUPERVISOR_CHANGE, name);
	struct sockaddr_un to;
	int r;

	if (fd < 0)
		return error_set(err, errno, "open a socket");
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit));
	r = local_address(&to, path, err);
	if (r < 0)
		return r;
	if (connect(fd, (const struct sockaddr *)&to, sizeof(to)) < 0)
		return error_set(err, ENOTCONN, "ask the supervisor of '%s'", name);
	return take_fd(fd);
}

static void change_progress(struct supervisor_change *c, const json_t *answer)
{
	time_t now = time(NULL);

	if (now - c->told < PROGRESS_S)
		return;
	c->told = now;
	log_info("instances that accept: %d of %d",
		 (int)json_integer_value(json_object_get(answer, "running")),
		 (int)json_integer_value(json_object_get(answer, "of")));
}

/*
 * A supervisor that refuses closes at once, and what it then finds unread counts as an
 * error here, before the answer that lies in the queue (and is gone once told).
 */
static ssize_t change_receive(int fd, char *text, size_t size)
{
	ssize_t n = recv(fd, text, size, 0);

	return n < 0 && errno == ECONNRESET ? recv(fd, text, size, 0) : n;
}

/* 1: there is more to come; 0: done; -errno: refused, or no answer. */
static int change_answer(struct supervisor_change *c, struct error *err)
{
	char text[ERROR_SIZE * 2] = "";
	ssize_t n = change_receive(c->fd, text, sizeof(text) - 1);
	json_t *answer = n > 0 ? json_loads(text, 0, NULL) : NULL;
	const char *refusal = json_string_value(json_object_get(answer, "error"));
	int r = 1;

	if (n < 0)
		r = error_set(err, errno, "wait for the supervisor's answer");
	else if (refusal)
		r = error_say(err,
			      (int)json_integer_value(json_object_get(answer, "code")),
			      "%.1500s", refusal);
	else if (!answer)
		r = error_say(err, ECONNRESET, "the supervisor gives no answer");
	else if (json_is_true(json_object_get(answer, "done")))
		r = 0;
	else
		change_progress(c, answer);
	json_decref(answer);
	return r;
}

static int change_ask(struct supervisor_change *c, json_t *message, struct error *err)
{
	_cleanup_free_ char *text = json_dumps(message, JSON_COMPACT);
	size_t n = strlen(text);
	int r = 1;

	json_decref(message);
	if (n >= SUPERVISOR_MESSAGE_MAX)
		return error_say(err, EMSGSIZE, "the configuration is too long");
	/* A supervisor that refuses may be gone already, but has said why. */
	if (send(c->fd, text, n, MSG_NOSIGNAL) < 0 && errno != EPIPE)
		return error_set(err, errno, "ask the supervisor");
	while (r > 0)
		r = change_answer(c, err);
	return r;
}

static int change_do(struct supervisor_change *c, const char *word, struct error *err)
{
	int r = change_ask(c, json_pack("{s:s}", "do", word), err);

	return r < 0 ? error_wrap(err, "%s the next generation", word) : 0;
}

int supervisor_prepare(const struct step_context *next, struct supervisor_change **out,
		       struct error *err)
{
	_cleanup_text_ struct text config = { 0 };
	struct supervisor_change *c;
	int fd = change_connect(next->name, err), r;

	if (fd < 0)
		return fd;
	c = memory_new(1, sizeof(*c));
	*c = (struct supervisor_change){ .fd = fd, .told = time(NULL) };
	config_write(&next->config, false, &config);
	r = change_ask(c, json_pack("{s:s,s:s}", "do", "prepare", "config", config.text),
		       err);
	if (r < 0) {
		supervisor_change_free(c);
		return error_wrap(err, "prepare the next generation");
	}
	*out = c;
	return 0;
}

int supervisor_map(struct supervisor_change *c, struct error *err)
{
	return change_do(c, "map", err);
}

int supervisor_commit(struct supervisor_change *c, struct error *err)
{
	int r = change_do(c, "commit", err);

	supervisor_change_free(c);
	return r;
}

int supervisor_abort(struct supervisor_change *c, struct error *err)
{
	int r = change_do(c, "abort", err);

	supervisor_change_free(c);
	return r;
}
