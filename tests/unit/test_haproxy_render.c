/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Tests the rendered configurations against tests/golden/haproxy; also writes them
 * (--write DIRECTORY) and passes them through the real haproxy -c (--check BINARY). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "haproxy/haproxy.h"

#define GOLDEN "tests/golden/haproxy"

struct sample {
	char name[96];
	struct haproxy_plan plan;
	struct haproxy_version version;
};

struct branch {
	const char *name;
	int major, minor;
	unsigned int max_threads, max_groups;
};

static const struct branch branches[] = {
	{ "2.4", 2, 4, 64, 1 },   { "2.6", 2, 6, 64, 1 },    { "2.8", 2, 8, 256, 16 },
	{ "3.0", 3, 0, 256, 16 }, { "3.2", 3, 2, 1024, 32 },
};

#define BRANCHES (sizeof(branches) / sizeof(branches[0]))
/* model x mode x splice x source x ports, and the specials */
#define PRODUCT  (2 * 2 * 3 * 2 * 2)
#define SPECIALS 9

static const char *const models[] = { "processes", "threads" };
static const char *const modes[] = { "tcp", "http" };
static const char *const splices[] = { "auto", "on", "off" };
static const char *const sources[] = { "client", "clientip" };

static struct haproxy_version version_of(const struct branch *b)
{
	struct haproxy_version v = { .major = b->major,
				     .minor = b->minor,
				     .transparent = true,
				     .splice = true,
				     .threads = true,
				     .tls = true,
				     .max_threads = b->max_threads,
				     .max_groups = b->max_groups };

	snprintf(v.text, sizeof(v.text), "%s", b->name);
	return v;
}

static struct haproxy_plan plan_default(void)
{
	struct haproxy_plan p = {
		.binary = "/usr/sbin/haproxy",
		.user = "haproxy",
		.processes = 4,
		.ports = { .range = { { 80, 80 } }, .n = 1 },
		.ipv4 = true,
		.ipv6 = true,
		.server_side = "server",
		.maxconn = 5000,
		.backlog = 4096,
		.timeout_connect_ms = 5000,
		.timeout_idle_ms = 3600000,
		.timeout_fin_ms = 30000,
	};

	for (unsigned int i = 0; i < HAPROXY_INSTANCES_MAX; i++)
		p.cpu[i] = i;
	p.fd_limit = haproxy_fds_of(&p);
	return p;
}

/* The i-th of the product; newer branches than 2.6 differ in the model's lines only. */
static bool sample_product(const struct branch *b, unsigned int i, struct sample *s)
{
	struct haproxy_plan p = plan_default();
	unsigned int ports = i / 24 % 2;

	p.model = (enum haproxy_model)(i % 2);
	p.mode = (enum haproxy_mode)(i / 2 % 2);
	p.splice = (enum haproxy_splice)(i / 4 % 3);
	p.source = (enum haproxy_source)(i / 12 % 2);
	if (ports)
		p.ports =
			(struct ports){ .range = { { 80, 80 }, { 8080, 8081 } }, .n = 2 };
	if (b->minor != 6 && (p.splice || p.source || ports))
		return false;
	snprintf(s->name, sizeof(s->name), "%s-%s-%s-splice-%s-%s%s", b->name,
		 models[p.model], modes[p.mode], splices[p.splice], sources[p.source],
		 ports ? "-ports" : "");
	p.fd_limit = haproxy_fds_of(&p);
	s->plan = p;
	s->version = version_of(b);
	return true;
}

static bool sample_special(const struct branch *b, unsigned int which, struct sample *s)
{
	static const char *const names[SPECIALS] = {
		"one",    "chroot", "nodevice", "unspliced",  "groups",
		"no-tls", "reuse",  "mixed",    "mixed-reuse"
	};
	struct haproxy_plan p = plan_default();
	struct haproxy_version v = version_of(b);

	if (which == 0)
		p.processes = 1;
	if (which == 1)
		snprintf(p.chroot, sizeof(p.chroot), "/var/lib/haproxy");
	if (which == 2)
		p.server_side[0] = '\0';
	if (which == 3)
		v.splice = false;
	if (which == 4) {
		p.model = HAPROXY_MODEL_THREADS;
		p.processes = 150;
	}
	if (which == 5)
		v.tls = false;
	if (which == 7 || which == 8)
		p.http_ports =
			(struct ports){ .range = { { 80, 80 }, { 8000, 8010 } }, .n = 2 };
	if (which == 7)
		p.mode = HAPROXY_MODE_HTTP;
	if (which == 6 || which == 8) {
		p.mode = HAPROXY_MODE_HTTP;
		p.source = HAPROXY_SOURCE_CLIENTIP;
		p.reuse = true;
	}
	if (which == 4 ? b->max_groups == 1 : b->minor != 6)
		return false;
	snprintf(s->name, sizeof(s->name), "%s-%s", b->name, names[which]);
	p.fd_limit = haproxy_fds_of(&p);
	s->plan = p;
	s->version = v;
	return true;
}

/* Calls fn for every sample; returns how many there are. */
static unsigned int samples(void (*fn)(const struct sample *s, const char *arg),
			    const char *arg)
{
	unsigned int n = 0;

	for (size_t b = 0; b < BRANCHES; b++) {
		for (unsigned int i = 0; i < PRODUCT + SPECIALS; i++) {
			struct sample s;

			if (i < PRODUCT ? !sample_product(&branches[b], i, &s)
					: !sample_special(&branches[b], i - PRODUCT, &s))
				continue;
			fn(&s, arg);
			n++;
		}
	}
	return n;
}

/* Instance 1 where there is one: its CPU shows that the right one is rendered. */
static void render(const struct sample *s, struct text *out)
{
	haproxy_render(&s->plan, &s->version, haproxy_instances(&s->plan) > 1, out);
}

static void sample_path(const struct sample *s, const char *directory, char *path,
			size_t size)
{
	snprintf(path, size, "%s/%s.cfg", directory, s->name);
}

static void write_one(const struct sample *s, const char *directory)
{
	struct text t = { 0 };
	char path[512];
	FILE *f;

	sample_path(s, directory, path, sizeof(path));
	f = fopen(path, "w");
	render(s, &t);
	if (!f || fwrite(t.text, 1, t.length, f) != t.length || fclose(f)) {
		perror(path);
		exit(1);
	}
	text_free(&t);
}

static void compare_one(const struct sample *s, const char *directory)
{
	struct text t = { 0 };
	char path[512], golden[32768];
	size_t n;
	FILE *f;

	sample_path(s, directory, path, sizeof(path));
	f = fopen(path, "r");
	if (!f)
		fail_msg(
			"%s is missing: run this from the repository's root, or write it "
			"with --write " GOLDEN,
			path);
	n = fread(golden, 1, sizeof(golden) - 1, f);
	golden[n] = '\0';
	fclose(f);
	render(s, &t);
	if (strcmp(t.text, golden) != 0)
		fail_msg("%s differs: compare with --write", path);
	text_free(&t);
}

/* Whatever the version, these must never be in it. */
static void forbidden_one(const struct sample *s, const char *unused)
{
	static const char *const words[] = { "option transparent", "\n\ttransparent",
					     "namespace",          "nbproc",
					     "nolinger",           "\n\tuser ",
					     "\n\tdaemon",         "forwardfor",
					     "httpclose" };
	struct text t = { 0 };

	(void)unused;
	render(s, &t);
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		if (strstr(t.text, words[i]))
			fail_msg("%s has '%s'", s->name, words[i]);
	}
	text_free(&t);
}

static void test_golden(void **state)
{
	(void)state;
	assert_int_equal(samples(compare_one, GOLDEN), 75);
}

static void test_forbidden(void **state)
{
	(void)state;
	samples(forbidden_one, NULL);
}

static unsigned int occurrences(const char *text, const char *word)
{
	unsigned int n = 0;

	for (const char *at = text; (at = strstr(at, word)); at++)
		n++;
	return n;
}

/* Every descriptor of every thread is bound once, and the pipes fit the descriptors. */
static void bound_one(const struct sample *s, const char *unused)
{
	const struct haproxy_plan *p = &s->plan;
	unsigned int threads = p->model == HAPROXY_MODEL_THREADS ? p->processes : 1;
	unsigned int sockets = threads * ports_count(&p->ports);
	struct text t = { 0 };
	char word[64];

	(void)unused;
	render(s, &t);
	assert_int_equal(occurrences(t.text, "\n\tbind fd@"), sockets + 1);
	assert_int_equal(occurrences(t.text, "\n\tbind fd@5 "), 1);
	for (unsigned int i = 0; i < sockets; i++) {
		snprintf(word, sizeof(word), "\n\tbind fd@%u transparent ",
			 HAPROXY_FD_LISTEN + i);
		assert_int_equal(occurrences(t.text, word), 1);
	}
	assert_int_equal(occurrences(t.text, "\n\tcpu-map "), threads);
	assert_int_equal(occurrences(t.text, "\n\tstats socket fd@4 "), 1);
	text_free(&t);
}

static void test_bound(void **state)
{
	(void)state;
	samples(bound_one, NULL);
}

/* The real HAProxy, with unbound sockets where an instance has listening ones. */
static void check_one(const struct sample *s, const char *binary)
{
	struct haproxy_listeners *l = NULL;
	struct haproxy_plan p = s->plan;
	struct haproxy_version v;
	struct error err = { 0 };
	int r = haproxy_version_read(binary, &v, &err);

	if (!r && (v.major != s->version.major || v.minor != s->version.minor ||
		   v.tls != s->version.tls))
		return;
	snprintf(p.binary, sizeof(p.binary), "%s", binary);
	p.user[0] = '\0';
	if (!r)
		r = haproxy_plan_check(&p, &s->version, &err);
	if (!r)
		r = haproxy_listeners_open(&p, -1, false, &l, &err);
	if (!r)
		r = haproxy_check_all(&p, &s->version, l, &err);
	haproxy_listeners_close(l);
	if (r < 0)
		printf("not ok haproxy -c %s: %s\n", s->name, err.msg);
	else
		printf("ok haproxy -c %s\n", s->name);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_golden),
		cmocka_unit_test(test_forbidden),
		cmocka_unit_test(test_bound),
	};

	if (argc == 3 && !strcmp(argv[1], "--write")) {
		samples(write_one, argv[2]);
		return 0;
	}
	if (argc == 3 && !strcmp(argv[1], "--check")) {
		samples(check_one, argv[2]);
		return 0;
	}
	return cmocka_run_group_tests_name("haproxy_render", tests, NULL, NULL);
}
