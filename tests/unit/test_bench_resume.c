/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Tests what keeps a benchmark's samples apart that do not belong together. */
#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "deploy/bench.h"
#include "deploy/bench_bpf.h"
#include "deploy/bench_difference.h"
#include "deploy/bench_external.h"
#include "deploy/bench_lock.h"
#include "deploy/bench_result.h"

static json_t *run_new(void)
{
	return json_pack("{s:s,s:{s:i,s:b,s:f,s:f,s:i,s:s,s:s,s:s,s:s},s:{s:s,s:s,s:s,s:{"
			 "s:s,s:s}}}",
			 "suite", "table3", "options", "rounds", 5, "quick", 0, "seconds",
			 5.0, "warmup", 0.5, "connections", 64, "generator", "lab",
			 "layout", "tagged", "origin", "origin", "family", "4", "machine",
			 "processor", "Xeon", "kernel", "6.1", "hapep", "0.1.0",
			 "packages", "haproxy", "2.6", "squid", "5.7");
}

/* What a run is refused with that was begun as run_new(), but for the one member. */
static void refused(const char *part, const char *key, json_t *value, const char *words)
{
	json_t *was = run_new(), *now = run_new();
	struct error err = { 0 };

	json_object_set_new(json_object_get(now, part), key, value);
	assert_int_equal(bench_resume_check(was, now, "/r", &err), -EINVAL);
	assert_string_equal(err.msg, words);
	json_decref(was);
	json_decref(now);
}

#define BEGIN ", or begin another run with --output"
#define OTHER                                                                            \
	": samples of the two do not belong together; begin another run with --output, " \
	"and see `hapep bench compare`"

static void test_resume(void **state)
{
	json_t *was = run_new(), *now = run_new();
	struct error err = { 0 };

	(void)state;
	assert_int_equal(bench_resume_check(was, now, "/r", &err), 0);
	json_object_set_new(json_object_get(now, "options"), "rounds", json_integer(9));
	json_object_set_new(json_object_get(now, "options"), "seconds", json_integer(5));
	assert_int_equal(bench_resume_check(was, now, "/r", &err), 0);
	json_object_set_new(now, "suite", json_string("peers"));
	assert_int_equal(bench_resume_check(was, now, "/r", &err), -EINVAL);
	assert_string_equal(err.msg,
			    "--resume: /r has suite = table3, and this call means "
			    "peers: say `hapep bench table3`, or name another "
			    "run with --output");
	json_decref(was);
	json_decref(now);
}

static void test_resume_options(void **state)
{
	(void)state;
	refused("options", "rounds", json_integer(4),
		"--resume: /r has rounds = 5, and this call means 4: they can only become "
		"more; leave --rounds out" BEGIN);
	refused("options", "seconds", json_real(2),
		"--resume: /r has seconds = 5, and this call means 2: give the same "
		"--seconds, or leave it out" BEGIN);
	refused("options", "connections", json_integer(16),
		"--resume: /r has connections = 64, and this call means 16: only this "
		"hapep's own defaults give it" BEGIN);
	refused("options", "origin", json_string("nginx"),
		"--resume: /r has origin = origin, and this call means nginx: give the same "
		"--origin, or leave it out" BEGIN);
	refused("options", "family", json_string("6"),
		"--resume: /r has family = 4, and this call means 6: give the same "
		"--family, or leave it out" BEGIN);
	refused("options", "generator", json_string("external"),
		"--resume: /r has generator = lab, and this call means external: give the "
		"same --generator, and its --config" BEGIN);
	refused("options", "hook", json_string("/h"),
		"--resume: /r has hook = nothing, and this call means /h: give the same "
		"--hook" BEGIN);
	refused("options", "layout", json_string("untagged"),
		"--resume: /r has layout = tagged, and this call means untagged: only this "
		"hapep's own defaults give it" BEGIN);
	refused("options", "quick", json_true(),
		"--resume: /r has quick = no, and this call means yes: leave --quick "
		"out" BEGIN);
}

static void test_resume_machine(void **state)
{
	(void)state;
	refused("machine", "kernel", json_string("6.18"),
		"--resume: /r was measured with machine.kernel = 6.1, and here it is "
		"6.18" OTHER);
	refused("machine", "processor", json_string("Epyc"),
		"--resume: /r was measured with machine.processor = Xeon, and here it is "
		"Epyc" OTHER);
	refused("machine", "hapep", json_string("0.2.0"),
		"--resume: /r was measured with machine.hapep = 0.1.0, and here it is "
		"0.2.0" OTHER);
	refused("machine", "packages", json_pack("{s:s}", "haproxy", "2.6"),
		"--resume: /r was measured with machine.packages.squid = 5.7, and here it "
		"is nothing" OTHER);
}

static void test_configuration(void **state)
{
	json_t *was = bench_configuration("[client]\nnic = e0\n\n[server]\nnic = e1\n");
	json_t *now = bench_configuration("; a\n[client]\nnic = e0\n[server]\nnic = e2\n"
					  "vlan = 7\n");
	json_t *list = bench_differences(was, now);
	char *text = json_dumps(list, JSON_COMPACT);

	(void)state;
	assert_string_equal(
		text, "[{\"name\":\"server.nic\",\"from\":\"e1\",\"to\":\"e2\"},"
		      "{\"name\":\"server.vlan\",\"from\":\"nothing\",\"to\":\"7\"}]");
	free(text);
	json_decref(list);
	json_decref(was);
	json_decref(now);
}

/* The second is refused with the first's pid; a kill gives the lock up. */
static void test_lock(void **state)
{
	char folder[] = "/tmp/test-bench-XXXXXX", path[64], c;
	struct error err = { 0 };
	int ready[2], fd, status;
	pid_t holder, child;

	(void)state;
	assert_non_null(mkdtemp(folder));
	snprintf(path, sizeof(path), "%s/lock", folder);
	assert_int_equal(pipe(ready), 0);
	child = fork();
	if (!child) {
		fd = bench_lock(path, "words", &holder, &err);
		if (fd < 0 || write(ready[1], "x", 1) != 1)
			_exit(1);
		pause();
	}
	assert_int_equal(read(ready[0], &c, 1), 1);
	assert_int_equal(bench_lock(path, "", &holder, &err), -EBUSY);
	assert_int_equal(holder, child);
	kill(child, SIGKILL);
	assert_int_equal(waitpid(child, &status, 0), child);
	fd = bench_lock(path, "", &holder, &err);
	assert_true(fd >= 0);
	assert_int_equal(bench_lock(path, "", &holder, &err), -EBUSY);
	assert_int_equal(holder, getpid());
	bench_unlock(path, fd);
	assert_int_equal(access(path, F_OK), -1);
	rmdir(folder);
	close(ready[0]);
	close(ready[1]);
}

static void hook_gave(const char *json, const char *words)
{
	struct bench_options options = { .hook = "/h" };
	struct bench b = { .options = &options };
	json_t *load = json_loads(json, 0, NULL);
	struct error err = { 0 };

	assert_int_equal(bench_external_check(&b, load, &err), *words ? -EPROTO : 0);
	assert_string_equal(err.msg, words);
	json_decref(load);
}

static void test_hook(void **state)
{
	(void)state;
	hook_gave("{\"tps\": 1}", "");
	hook_gave("{\"tps\": 1, \"seconds\": null, \"latency_us\": null}", "");
	hook_gave("{}", "the hook /h gave no tps: expected a number");
	hook_gave("[1]", "the hook /h gave no tps: expected a number");
	hook_gave("{\"tps\": null}", "the hook /h gave for tps: expected a number");
	hook_gave("{\"tps\": 1, \"failures\": {\"total\": -1}}",
		  "the hook /h gave for failures.total: expected a number");
	hook_gave("{\"tps\": 1, \"latency_us\": {\"first_byte\": {\"p99\": \"9\"}}}",
		  "the hook /h gave for latency_us.first_byte.p99: expected a number");
}

/* Programs of one name together, one that is new from its start, none that did not run.
 */
static void test_bpf(void **state)
{
	json_t *before =
		json_pack("{s:{s:s,s:i,s:i},s:{s:s,s:i,s:i}}", "1", "name", "to", "ns",
			  100, "runs", 1, "2", "name", "idle", "ns", 5, "runs", 1);
	json_t *after =
		json_pack("{s:{s:s,s:i,s:i},s:{s:s,s:i,s:i},s:{s:s,s:i,s:i}}", "1",
			  "name", "to", "ns", 300, "runs", 3, "2", "name", "idle", "ns",
			  5, "runs", 1, "3", "name", "to", "ns", 50, "runs", 4);
	json_t *rows = bench_bpf_between(before, after);
	char *text = json_dumps(rows, JSON_COMPACT);

	(void)state;
	assert_string_equal(text, "[[\"BPF\",\"to\",250.0,6.0]]");
	free(text);
	json_decref(rows);
	json_decref(before);
	json_decref(after);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_resume),
					    cmocka_unit_test(test_resume_options),
					    cmocka_unit_test(test_resume_machine),
					    cmocka_unit_test(test_configuration),
					    cmocka_unit_test(test_lock),
					    cmocka_unit_test(test_hook),
					    cmocka_unit_test(test_bpf) };

	return cmocka_run_group_tests_name("bench_resume", tests, NULL, NULL);
}
