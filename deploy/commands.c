/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Owns the lists of commands and options, and which configuration a call means. */
#include <errno.h>

#include "deploy/command.h"
#include "helpers/cleanup.h"
#include "helpers/memory.h"

const struct command *const commands[] = {
	&command_up,     &command_down,    &command_status,     &command_scenario,
	&command_drain,  &command_undrain, &command_doctor,     &command_top,
	&command_netns,  &command_tc,      &command_rss,        &command_render,
	&command_config, &command_bench,   &command_completion, &command_manual,
};
const size_t commands_n = sizeof(commands) / sizeof(commands[0]);

const struct option_row option_rows[] = {
	{ OPTION_NAME, 'n', "name", "NAME", "the blade's name; pep0 unless given" },
	{ OPTION_CONFIG, 'c', "config", "FILE",
	  "its configuration; /etc/hapep/NAME.conf" },
	{ OPTION_JSON, 'j', "json", NULL, "write JSON" },
	{ OPTION_DRY_RUN, 'd', "dry-run", NULL,
	  "print every step and its command line, change nothing" },
	{ OPTION_INSTANCE, 'i', "instance", "K", "of instance K only, counted from 0" },
	{ OPTION_CHECK, 'C', "check", NULL,
	  "say whether it is valid, print nothing else" },
	{ OPTION_DEFAULTS, 'D', "defaults", NULL, "print every key with its default" },
	{ OPTION_TOPOLOGY, 't', "topology", "FILE",
	  "plan for the machine of this hwloc XML, or 'synthetic:DESCRIPTION'" },
	{ OPTION_NIC_NODE, 'N', "nic-node", "N[,M]",
	  "with --topology: the NUMA node of the interface, or of the client's and the "
	  "server's; -1 reports none" },
	{ OPTION_NIC_QUEUES, 'Q', "nic-queues", "N",
	  "with --topology: the queues that each interface has; 0 is one without RSS" },
	{ OPTION_TIMEOUT, 'T', "timeout", "TIME",
	  "how long to wait: 500ms, 30s, 10m, 1h" },
	{ OPTION_INTERVAL, 'i', "interval", "TIME",
	  "how often: seconds (0.5), or 500ms, 2s, 1m; every second unless given" },
	{ OPTION_COUNT, 'c', "count", "N", "so many times; without end unless given" },
	{ OPTION_LATENCY, 0, "latency", NULL,
	  "also how long payload stays in the blade" },
	{ OPTION_CASE, 0, "case", "NAME",
	  "measure this case alone; again for another; all unless given" },
	{ OPTION_ROUNDS, 0, "rounds", "N", "so many rounds; 5 unless given" },
	{ OPTION_SECONDS, 0, "seconds", "S",
	  "so long a sample; 5 unless given, 1 for splice and pps" },
	{ OPTION_QUICK, 0, "quick", NULL,
	  "one round of short samples: does it work? Its figures mean nothing" },
	{ OPTION_OUTPUT, 0, "output", "DIR",
	  "the run's directory; results/BENCHMARK-DATE-TIME" },
	{ OPTION_RESUME, 0, "resume", NULL,
	  "go on with a run that was stopped: --output's, else the newest" },
	{ OPTION_GENERATOR, 0, "generator", "WHICH",
	  "lab (a lab on this machine), or external (your own, on this blade)" },
	{ OPTION_ORIGIN, 0, "origin", "WHICH",
	  "what serves in the lab: origin (hapep's own), or nginx" },
	{ OPTION_FAMILY, 0, "family", "WHICH", "of the load's addresses: 4, 6 or both" },
	{ OPTION_PROFILE, 0, "profile", NULL,
	  "where CPU time goes, by function and system call, after the rounds of peers" },
	{ OPTION_HOOK, 0, "hook", "PROGRAM", "what runs the external generator" },
	{ OPTION_NIC_RSS, 'x', "nic-rss", "FILE",
	  "what `ethtool -x` printed, in place of the interfaces' own key and table" },
	{ 0, 'v', "verbose", NULL, "log each step" },
	{ 0, 'q', "quiet", NULL, "log errors only" },
	{ 0, 'h', "help", NULL, "this text" },
};
const size_t option_rows_n = sizeof(option_rows) / sizeof(option_rows[0]);

int invocation_config(struct invocation *in, struct config *out, struct error *err)
{
	_cleanup_free_ char *standard = memory_printf("/etc/hapep/%s.conf", in->name);
	int r = config_read(in->config ? in->config : standard, out, &in->faults);

	(void)err;
	return r < 0 ? EXIT_USAGE : EXIT_DONE;
}
