/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Owns what a client that changes the generations asks, and what it is told. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "deploy/instance.h"
#include "deploy/succession.h"
#include "deploy/supervisor.h"
#include "helpers/cleanup.h"
#include "helpers/local.h"
#include "helpers/log.h"
#include "helpers/memory.h"

#define TELL_MS 1000 /* a client gives up one that is silent for longer */

struct succession {
	const char *name;
	struct generations *all;
	int listen_fd, fd;
	bool starting; /* an answer to prepare is due */
	unsigned int told;
	long long told_ms;
};

int succession_open(const char *name, int dirfd, struct generations *all,
		    struct succession **out, struct error *err)
{
	struct succession *s;
	int fd = local_listen(dirfd, SUPERVISOR_CHANGE, SOCK_SEQPACKET | SOCK_NONBLOCK,
			      "change", err);

	if (fd < 0)
		return fd;
	s = memory_new(1, sizeof(*s));
	*s = (struct succession){ .name = name, .all = all, .listen_fd = fd, .fd = -1 };
	*out = s;
	return 0;
}

void succession_close(struct succession *s)
{
	if (!s)
		return;
	cleanup_close(&s->listen_fd);
	cleanup_close(&s->fd);
	free(s);
}

struct succession_fds succession_fds(const struct succession *s)
{
	return (struct succession_fds){ s->listen_fd, s->fd };
}

static void succession_send(int fd, json_t *message)
{
	_cleanup_free_ char *text = json_dumps(message, JSON_COMPACT);

	if (send(fd, text, strlen(text), MSG_NOSIGNAL | MSG_DONTWAIT) < 0)
		log_warning("answer a change: %s", strerror(errno));
	json_decref(message);
}

static void succession_answer(const struct succession *s, int r, const struct error *err)
{
	if (r < 0)
		succession_send(s->fd, json_pack("{s:s,s:i}", "error", err->msg, "code",
						 err->code ? err->code : -r));
	else
		succession_send(s->fd, json_pack("{s:b}", "done", 1));
}

/* The connection is the change: without it nobody will decide any more. */
static void succession_end(struct succession *s)
{
	struct error err = { 0 };

	cleanup_close(&s->fd);
	s->fd = -1;
	if (s->starting) {
		log_warning("who asked for a next generation is gone: it is not needed");
		if (generations_abort(s->all, &err) < 0)
			log_error("%s", err.msg);
	} else if (generations_open_change(s->all)) {
		log_warning("who began a change is gone before its end: both generations "
			    "serve until `hapep up` or `hapep scenario` decides");
	}
	s->starting = false;
}

static int succession_plan(const struct succession *s, const char *text,
			   struct step_context *out, struct error *err)
{
	_cleanup_text_ struct text faults = { 0 };
	struct config config;
	int r = config_parse("the next configuration", text, strlen(text), &config,
			     &faults);

	if (r < 0)
		return error_say(err, EINVAL, "%s", faults.text);
	return plan_render(s->name, &config, out, err);
}

static void succession_prepare(struct succession *s, const char *text)
{
	struct step_context *next = memory_new(1, sizeof(*next));
	struct error err = { 0 };
	int r = succession_plan(s, text, next, &err);

	if (!r)
		r = generations_prepare(s->all, next, &err);
	free(next);
	if (r < 0) {
		succession_answer(s, r, &err);
		return;
	}
	s->starting = true;
	s->told = 0;
	s->told_ms = instance_clock_ms();
}

static void succession_obey(struct succession *s, const char *word, const char *text)
{
	struct error err = { 0 };
	int r;

	if (!strcmp(word, "prepare") && text) {
		succession_prepare(s, text);
		return;
	}
	if (!strcmp(word, "map"))
		r = generations_map(s->all, &err);
	else if (!strcmp(word, "commit"))
		r = generations_commit(s->all, &err);
	else if (!strcmp(word, "abort"))
		r = generations_abort(s->all, &err);
	else
		r = error_say(&err, EPROTO, "a change has no step '%.20s'", word);
	log_info("change: %s: %s", word, r < 0 ? err.msg : "done");
	succession_answer(s, r, &err);
}

static void succession_hear(struct succession *s)
{
	_cleanup_free_ char *message = memory_new(1, SUPERVISOR_MESSAGE_MAX);
	ssize_t n = recv(s->fd, message, SUPERVISOR_MESSAGE_MAX - 1, MSG_DONTWAIT);
	const char *word;
	json_t *tree;

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n <= 0) {
		succession_end(s);
		return;
	}
	tree = json_loads(message, 0, NULL);
	word = json_string_value(json_object_get(tree, "do"));
	succession_obey(s, word ? word : "",
			json_string_value(json_object_get(tree, "config")));
	json_decref(tree);
}

static void succession_accept(struct succession *s)
{
	int fd = accept4(s->listen_fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

	if (fd < 0)
		return;
	if (s->fd < 0) {
		s->fd = fd;
		return;
	}
	succession_send(fd, json_pack("{s:s,s:i}", "error", "another change is under way",
				      "code", EBUSY));
	close(fd);
}

static void succession_await(struct succession *s)
{
	unsigned int running, n;
	struct error err = { 0 };
	int r = generations_ready(s->all, &running, &n, &err);
	long long now = instance_clock_ms();

	if (!r) {
		if (running == s->told && now - s->told_ms < TELL_MS)
			return;
		succession_send(s->fd, json_pack("{s:i,s:i}", "running", (int)running,
						 "of", (int)n));
		s->told = running;
		s->told_ms = now;
		return;
	}
	s->starting = false;
	if (r < 0 && generations_abort(s->all, &(struct error){ 0 }) < 0)
		log_error("the failed next generation's sockets stay for now");
	succession_answer(s, r, &err);
}

void succession_tick(struct succession *s)
{
	succession_accept(s);
	if (s->fd >= 0)
		succession_hear(s);
	if (s->starting)
		succession_await(s);
}

json_t *succession_describe(const struct succession *s)
{
	if (!generations_open_change(s->all))
		return NULL;
	return json_pack("{s:s}", "client", s->fd >= 0 ? "waits" : "gone");
}
