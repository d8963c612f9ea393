/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The table of the load generator's options, and what they may not say together. */
#include "tests/load/options.h"

#include <errno.h>
#include <string.h>

#define FIELD(name) offsetof(struct load_options, name)
#define DAY         86400
#define BIG         1e15

#define CONNECTIONS_CLOSED 64
#define CONNECTIONS_OPEN   10000
#define DURATION_DEFAULT   10

static const struct argument load_arguments[] = {
	{ "target", "ADDR:PORT", ARGUMENT_LIST, FIELD(targets), 0, 0,
	  "server, IPv6 in brackets; repeat it and connections take turns" },
	{ "source", "FIRST-LAST", ARGUMENT_LIST, FIELD(sources), 0, 0,
	  "client addresses; repeat it for more, of either family; each\n"
	  "connection takes the next one of its target's family" },
	{ "freebind", NULL, ARGUMENT_FLAG, FIELD(freebind), 0, 0,
	  "bind sources that are local by a route only (IPv6)" },
	{ "path", "PATH", ARGUMENT_TEXT, FIELD(path), 0, 0,
	  "what to fetch (default /8k; /who with --who)" },
	{ "host", "NAME", ARGUMENT_TEXT, FIELD(host), 0, 0,
	  "the Host field (default: the target)" },
	{ "expect-size", "BYTES", ARGUMENT_COUNT, FIELD(expect_size), 0, BIG,
	  "the body's size; another one is short or corrupted" },
	{ "expect-file", "FILE", ARGUMENT_TEXT, FIELD(expect_file), 0, 0,
	  "the body, compared byte for byte" },
	{ "who", NULL, ARGUMENT_FLAG, FIELD(who), 0, 0,
	  "the body is 'CLIENT_ADDR:PORT SERVER_ADDR:PORT' as the server\n"
	  "saw them: other than this end's own are a mismatch" },
	{ "connections", "N", ARGUMENT_COUNT, FIELD(connections), 1, 1000000,
	  "transactions under way at a time (default 64), or at most\n"
	  "with --rate (default 10000)" },
	{ "rate", "TPS", ARGUMENT_NUMBER, FIELD(rate), 0.001, 1e8,
	  "open loop: start so many a second, evenly, come what may;\n"
	  "latencies then count from the intended start" },
	{ "hold", "S", ARGUMENT_NUMBER, FIELD(hold), 0, DAY,
	  "open all --connections, hold them idle S seconds, then fetch\n"
	  "once over each; the first byte counts from the request" },
	{ "duration", "S", ARGUMENT_NUMBER, FIELD(duration), 0.001, DAY,
	  "measure so long, after the warm-up (default 10 without --count)" },
	{ "count", "N", ARGUMENT_COUNT, FIELD(count), 1, BIG,
	  "start so many transactions in all" },
	{ "warmup", "S", ARGUMENT_NUMBER, FIELD(warmup), 0, DAY,
	  "leave what ends in the first S seconds out of the figures" },
	{ "timeout", "S", ARGUMENT_NUMBER, FIELD(timeout), 0.001, DAY,
	  "of one transaction (default 5)" },
	{ "threads", "N", ARGUMENT_COUNT, FIELD(threads), 1, 256, "default 1" },
	{ "cpus", "LIST", ARGUMENT_TEXT, FIELD(cpus), 0, 0,
	  "pin thread i to the i-th of these, such as 0,2-3" },
	{ "close", "fin|rst", ARGUMENT_TEXT, FIELD(close), 0, 0,
	  "fin (default): wait for the server's FIN, then close;\n"
	  "rst: reset at the answer's last byte" },
	{ "json", NULL, ARGUMENT_FLAG, FIELD(json), 0, 0, "write the report as JSON" },
	{ "help", NULL, ARGUMENT_FLAG, FIELD(help), 0, 0, "this text" },
	{ 0 },
};

const struct argument_table load_options_table = {
	.usage = "usage: load --target ADDR:PORT [OPTION...]\n"
		 "Fetches an object over HTTP, one TCP connection a transaction, and "
		 "reports rate,\nlatency and every failure by its kind.\n",
	.notes = "\nClosing: with fin the server closes first and keeps the TIME_WAIT; "
		 "with rst neither\nend does. A transaction that failed or timed out is "
		 "reset. So this end's ports are\nfree at once.\n"
		 "Exit status: 0 no failure, 1 failures or nothing measured, 2 usage.\n",
	.argument = load_arguments,
};

static int text_check(const char *name, const char *text, bool path,
		      struct complaint *why)
{
	if (!text)
		return 0;
	if (path && text[0] != '/')
		return complaint_set(why, EINVAL,
				     "--%s: expected a path beginning with "
				     "'/', got '%s'",
				     name, text);
	if (!text[0] || strlen(text) > 1024)
		return complaint_set(why, EINVAL, "--%s: expected 1 to 1024 characters",
				     name);
	for (const char *c = text; *c; c++)
		if (*c <= ' ' || *c >= 127)
			return complaint_set(why, EINVAL,
					     "--%s: expected no blanks, controls or "
					     "non-ASCII characters, got '%s'",
					     name, text);
	return 0;
}

static int hold_check(const struct load_options *o, struct complaint *why)
{
	if (o->hold < 0)
		return 0;
	if (o->rate >= 0 || o->duration >= 0 || o->count != ARGUMENT_NO_COUNT ||
	    o->warmup > 0)
		return complaint_set(why, EINVAL,
				     "--hold fetches once over each of --connections: it "
				     "goes with none of --rate, --duration, --count, "
				     "--warmup");
	return 0;
}

static int options_check(const struct load_options *o, struct complaint *why)
{
	if (!o->targets.count)
		return complaint_set(why, EINVAL, "--target is missing: see --help");
	if (o->close && strcmp(o->close, "fin") && strcmp(o->close, "rst"))
		return complaint_set(why, EINVAL,
				     "--close: expected fin or rst, got '%s'", o->close);
	if (o->who && (o->expect_file || o->expect_size != ARGUMENT_NO_COUNT))
		return complaint_set(why, EINVAL,
				     "--who says what the body must be: it "
				     "goes with neither --expect-size nor "
				     "--expect-file");
	if (o->connections != ARGUMENT_NO_COUNT && o->threads > o->connections)
		return complaint_set(why, EINVAL,
				     "--threads %llu is more than --connections %llu",
				     (unsigned long long)o->threads,
				     (unsigned long long)o->connections);
	return 0;
}

static void options_complete(struct load_options *o)
{
	if (!o->path)
		o->path = o->who ? "/who" : "/8k";
	if (!o->close)
		o->close = "fin";
	if (o->connections == ARGUMENT_NO_COUNT && o->rate >= 0)
		o->connections = CONNECTIONS_OPEN;
	if (o->connections == ARGUMENT_NO_COUNT)
		o->connections =
			o->threads > CONNECTIONS_CLOSED ? o->threads : CONNECTIONS_CLOSED;
	if (o->hold < 0 && o->duration < 0 && o->count == ARGUMENT_NO_COUNT)
		o->duration = DURATION_DEFAULT;
}

int load_options_parse(int argc, char **argv, struct load_options *out,
		       struct complaint *why)
{
	int rc;

	*out = (struct load_options){
		.expect_size = ARGUMENT_NO_COUNT,
		.connections = ARGUMENT_NO_COUNT,
		.count = ARGUMENT_NO_COUNT,
		.rate = ARGUMENT_NO_NUMBER,
		.hold = ARGUMENT_NO_NUMBER,
		.duration = ARGUMENT_NO_NUMBER,
		.timeout = 5,
		.threads = 1,
	};
	rc = arguments_parse(&load_options_table, argc, argv, out, why);
	if (rc || out->help)
		return rc;
	rc = options_check(out, why);
	if (!rc)
		rc = hold_check(out, why);
	if (!rc)
		rc = text_check("path", out->path, true, why);
	if (!rc)
		rc = text_check("host", out->host, false, why);
	if (!rc)
		options_complete(out);
	return rc;
}
