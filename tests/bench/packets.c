/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Tagged UDP as fast as it goes, out by one device; what comes in there, counted. */
#include <errno.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "tests/bench/packets.h"
#include "tests/load/argument.h"

#define FIELD(name) offsetof(struct packets_options, name)

static const struct argument packets_arguments[] = {
	{ "device", "DEVICE", ARGUMENT_TEXT, FIELD(device), 0, 0,
	  "send out of it, and count what comes in" },
	{ "size", "BYTES", ARGUMENT_COUNT, FIELD(size), 64, FRAME_MAX,
	  "of a frame, its tag included, FCS not (default 78)" },
	{ "vlan", "ID", ARGUMENT_COUNT, FIELD(vlan), 1, 4094, "the tag (default 100)" },
	{ "duration", "S", ARGUMENT_NUMBER, FIELD(duration), 0.001, 3600,
	  "count so long (default 5)" },
	{ "warmup", "S", ARGUMENT_NUMBER, FIELD(warmup), 0, 3600,
	  "send before that (default 0.5)" },
	{ "at", "TIME", ARGUMENT_NUMBER, FIELD(at), 0, 1e12,
	  "begin at this time, in seconds since 1970: both ends then count the\n"
	  "same packets; exit status 3: that was too early (default: now)" },
	{ "rules", "N", ARGUMENT_COUNT, FIELD(rules), 1, PACKETS_FLOWS,
	  "instead: put N rules in BPF on DEVICE's ingress; a power of two" },
	{ "to", "DEVICE", ARGUMENT_TEXT, FIELD(to), 0, 0, "where those rules lead" },
	{ "mirred", NULL, ARGUMENT_FLAG, FIELD(mirred), 0, 0,
	  "BPF only classifies: act_mirred takes them there" },
	{ "help", NULL, ARGUMENT_FLAG, FIELD(help), 0, 0, "this text" },
	{ 0 },
};

static const struct argument_table packets_table = {
	.usage = "usage: packets --device DEVICE [OPTION...]\n"
		 "Single-tagged UDP to 128K destinations (10.64.0.0/15) in turn, each "
		 "packet with the\ntime it was sent. Run at both ends, each counts what "
		 "the other sent. JSON on stdout.\n",
	.notes = "",
	.argument = packets_arguments,
};

int packets_complain(const char *what, int error)
{
	fprintf(stderr, "packets: %s: %s\n", what, strerror(error));
	return STATUS_FAILED;
}

uint64_t packets_clock(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

int main(int argc, char **argv)
{
	struct packets_options o = {
		.size = 78, .vlan = 100, .duration = 5, .warmup = 0.5
	};
	struct complaint why = { "" };
	unsigned int index;

	if (arguments_parse(&packets_table, argc, argv, &o, &why)) {
		fprintf(stderr, "packets: %s\n", why.msg);
		return STATUS_USAGE;
	}
	if (o.help) {
		arguments_help(&packets_table, stdout);
		return STATUS_OK;
	}
	if (!o.device || (o.rules & (o.rules - 1))) {
		fprintf(stderr, "packets: %s\n",
			o.device ? "--rules: expected a power of two"
				 : "--device is missing: see --help");
		return STATUS_USAGE;
	}
	index = if_nametoindex(o.device);
	if (!index)
		return packets_complain(o.device, errno);
	return o.rules ? packets_rules(&o, index) : packets_stream(&o, index);
}
