/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Owns the command line: which command, which options, and the one place errors print. */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "deploy/command.h"
#include "deploy/state.h"
#include "helpers/config_value.h"
#include "helpers/log.h"

static void print_commands(FILE *out)
{
	fprintf(out, "usage: hapep COMMAND [OPTION...] [ARGUMENT...]\n\n");
	for (size_t i = 0; i < commands_n; i++)
		fprintf(out, "  %-11s %s\n", commands[i]->name, commands[i]->summary);
	fprintf(out, "\n  hapep COMMAND --help tells more; hapep --version.\n");
}

static void print_help(const struct command *c)
{
	printf("usage: hapep %s [OPTION...]%s%s\n\n%s\n\noptions:\n", c->name,
	       c->arguments[0] ? " " : "", c->arguments, c->description);
	for (size_t i = 0; i < option_rows_n; i++) {
		const struct option_row *o = &option_rows[i];
		char word[40];

		if (o->option && !(c->options & o->option))
			continue;
		snprintf(word, sizeof(word), "--%s%s%s", o->word, o->value ? " " : "",
			 o->value ? o->value : "");
		printf("  %c%c%s %-18s %s\n", o->letter ? '-' : ' ',
		       o->letter ? o->letter : ' ', o->letter ? "," : " ", word, o->text);
	}
	printf("\nexit status: %s\n",
	       c->exits ? c->exits
			: "0 done; 1 failed, everything rolled back; "
			  "2 usage or configuration; 3 rollback "
			  "incomplete");
}

__attribute__((format(printf, 2, 3))) static int usage_error(const struct command *c,
							     const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	fprintf(stderr, "hapep: ");
	vfprintf(stderr, fmt, ap);
	fprintf(stderr, "; see `hapep %s%s--help`\n", c ? c->name : "", c ? " " : "");
	va_end(ap);
	return EXIT_USAGE;
}

static const struct command *command_find(const char *name)
{
	for (size_t i = 0; i < commands_n; i++) {
		if (!strcmp(commands[i]->name, name))
			return commands[i];
	}
	return NULL;
}

static int parse_instance(const char *text, int *out)
{
	char *end;
	long n = strtol(text, &end, 10);

	if (!*text || *end || n < 0 || n >= HAPROXY_INSTANCES_MAX)
		return -EINVAL;
	*out = (int)n;
	return 0;
}

/* "N" for both sides, or "N,M". */
static int parse_nodes(const char *text, struct placement_standin *out)
{
	int at = 0, n;

	n = sscanf(text, "%d%n,%d%n", &out->node[SIDE_CLIENT], &at,
		   &out->node[SIDE_SERVER], &at);
	if (n == 1)
		out->node[SIDE_SERVER] = out->node[SIDE_CLIENT];
	out->node_given = true;
	for (int s = 0; s < SIDES && n > 0; s++) {
		if (out->node[s] < TOPOLOGY_NODE_NONE || out->node[s] >= CPULIST_MAX)
			return -EINVAL;
	}
	return n < 1 || text[at] ? -EINVAL : 0;
}

static int parse_queues(const char *text, struct placement_standin *out)
{
	char *end;
	long n = strtol(text, &end, 10);

	if (!*text || *end || n < 0 || n > CONFIG_QUEUES_MAX)
		return -EINVAL;
	out->queues_most = n ? (unsigned int)n : 1;
	out->no_rss = !n;
	return 0;
}

/* As durations are written in a configuration. */
static int parse_timeout(const char *text, unsigned int *out)
{
	static const struct config_key key = { .type = CONFIG_DURATION,
					       .minimum = 1,
					       .maximum = 7 * 24 * 3600 * 1000UL };
	struct error ignored;

	return config_value_set(&key, text, out, &ignored);
}

/* Seconds with a fraction, as ping -i takes them, or a duration; 100 ms to an hour. */
static int parse_interval(const char *text, unsigned int *out)
{
	char *end;
	double seconds = strtod(text, &end);

	if (end == text || *end) {
		if (parse_timeout(text, out) < 0)
			return -EINVAL;
		seconds = *out / 1000.0;
	}
	if (!(seconds >= 0.1 && seconds <= 3600))
		return -EINVAL;
	*out = (unsigned int)(seconds * 1000 + 0.5);
	return 0;
}

static int parse_count(const char *text, unsigned int *out)
{
	char *end;
	long n = strtol(text, &end, 10);

	if (!*text || *end || n < 1 || n > 1000000000)
		return -EINVAL;
	*out = (unsigned int)n;
	return 0;
}

/* The row that a letter means to this command: some letters mean two. getopt gives none
 * that no row has.
 */
static const struct option_row *option_of_letter(const struct command *c, int letter)
{
	const struct option_row *any = option_rows;

	for (size_t i = 0; i < option_rows_n; i++) {
		const struct option_row *row = &option_rows[i];

		if (row->letter != letter)
			continue;
		if (!row->option || c->options & row->option)
			return row;
		any = any->letter == letter ? any : row;
	}
	return any;
}

/* Applies one option; the exit status that ends the program, or -1 to go on. */
static int option_apply(const struct command *c, const struct option_row *row,
			struct invocation *in)
{
	struct error err = { 0 };

	if (row->option && !(c->options & row->option))
		return usage_error(c, "--%s does not go with this command", row->word);
	switch (row->letter) {
	case 'h':
		print_help(c);
		return EXIT_DONE;
	case 'v':
		log_set_level(LOG_LEVEL_DEBUG);
		return -1;
	case 'q':
		log_set_level(LOG_LEVEL_ERROR);
		return -1;
	default:
		break;
	}
	switch (row->option) {
	case OPTION_NAME:
		in->name = optarg;
		if (state_name_check(in->name, &err) < 0)
			return usage_error(c, "%s", err.msg);
		break;
	case OPTION_CONFIG:
		in->config = optarg;
		break;
	case OPTION_JSON:
		in->json = true;
		break;
	case OPTION_DRY_RUN:
		in->dry_run = true;
		break;
	case OPTION_CHECK:
		in->check = true;
		break;
	case OPTION_LATENCY:
		in->latency = true;
		break;
	case OPTION_DEFAULTS:
		in->defaults = true;
		break;
	case OPTION_TOPOLOGY:
		in->standin.topology = optarg;
		break;
	case OPTION_NIC_RSS:
		in->standin.rss = optarg;
		break;
	case OPTION_NIC_NODE:
		if (parse_nodes(optarg, &in->standin) < 0)
			return usage_error(c,
					   "--nic-node: expected a node, -1 for none, or "
					   "two as in 0,1, got '%s'",
					   optarg);
		break;
	case OPTION_NIC_QUEUES:
		if (parse_queues(optarg, &in->standin) < 0)
			return usage_error(c, "--nic-queues: expected 0..%d, got '%s'",
					   CONFIG_QUEUES_MAX, optarg);
		break;
	case OPTION_TIMEOUT:
		if (parse_timeout(optarg, &in->timeout_ms) < 0)
			return usage_error(c, "--timeout: expected 1ms to 168h, got '%s'",
					   optarg);
		break;
	case OPTION_INTERVAL:
		if (parse_interval(optarg, &in->interval_ms) < 0)
			return usage_error(
				c,
				"--interval: expected 0.1 to 3600 seconds, got "
				"'%s'",
				optarg);
		break;
	case OPTION_COUNT:
		if (parse_count(optarg, &in->count) < 0)
			return usage_error(c, "--count: expected 1..1000000000, got '%s'",
					   optarg);
		break;
	case OPTION_INSTANCE:
		if (parse_instance(optarg, &in->instance) < 0)
			return usage_error(c, "--instance: expected 0..255, got '%s'",
					   optarg);
		break;
	default:
		if (bench_option_set(row->word, optarg, &in->bench, &err) < 0)
			return usage_error(c, "%s", err.msg);
	}
	return -1;
}

/* getopt's tables, made from the rows. */
static int options_parse(const struct command *c, int argc, char **argv,
			 struct invocation *in)
{
	struct option *table = calloc(option_rows_n + 1, sizeof(*table));
	char letters[64] = ":";
	size_t at = 1;
	int o, end = -1;

	if (!table)
		abort();
	for (size_t i = 0; i < option_rows_n; i++) {
		const struct option_row *row = &option_rows[i];

		table[i] = (struct option){ row->word,
					    row->value ? required_argument : no_argument,
					    NULL, 256 + (int)i };
		if (row->letter) {
			letters[at++] = row->letter;
			if (row->value)
				letters[at++] = ':';
		}
	}
	opterr = 0;
	while (end < 0 && (o = getopt_long(argc, argv, letters, table, NULL)) != -1) {
		if (o == ':')
			end = usage_error(c, "option '%s' wants a value",
					  argv[optind - 1]);
		else if (o == '?')
			end = usage_error(c, "there is no option '%s'", argv[optind - 1]);
		else
			end = option_apply(c,
					   o < 256 ? option_of_letter(c, o)
						   : &option_rows[o - 256],
					   in);
	}
	free(table);
	return end;
}

static int command_run(const struct command *c, struct invocation *in)
{
	struct error err = { 0 };
	int r = c->run(in, &err);

	if (in->faults.length)
		fputs(in->faults.text, stderr);
	text_free(&in->faults);
	/* After a success err may hold what a probe came across. */
	if (r != EXIT_DONE && err.msg[0])
		fprintf(stderr, "hapep: %s\n", err.msg);
	if (fflush(stdout) || ferror(stdout)) {
		fprintf(stderr, "hapep: write to standard output: %s\n", strerror(errno));
		return r <= EXIT_DONE ? EXIT_FAILED : r;
	}
	return r < 0 ? EXIT_FAILED : r;
}

/* Whoever closed 0, 1 or 2 must not have our sockets and journal take their place. */
static void open_standard(void)
{
	int fd;

	do
		fd = open("/dev/null", O_RDWR);
	while (fd >= 0 && fd <= STDERR_FILENO);
	if (fd > STDERR_FILENO)
		close(fd);
}

int main(int argc, char **argv)
{
	struct invocation in = { .name = "pep0", .instance = -1 };
	const struct command *c;
	int end;

	open_standard();

	if (argc < 2) {
		print_commands(stderr);
		return EXIT_USAGE;
	}
	if (!strcmp(argv[1], "--help") || !strcmp(argv[1], "-h") ||
	    !strcmp(argv[1], "help")) {
		c = argc > 2 ? command_find(argv[2]) : NULL;
		if (c)
			print_help(c);
		else
			print_commands(stdout);
		return EXIT_DONE;
	}
	if (!strcmp(argv[1], "--version") || !strcmp(argv[1], "-V")) {
		printf("hapep %s\n", HAPEP_VERSION);
		return EXIT_DONE;
	}
	c = command_find(argv[1]);
	if (!c)
		return usage_error(NULL, "there is no command '%s'", argv[1]);
	log_set_level(LOG_LEVEL_INFO);
	end = options_parse(c, argc - 1, argv + 1, &in);
	if (end >= 0)
		return end;
	in.argc = argc - 1 - optind;
	in.argv = argv + 1 + optind;
	return command_run(c, &in);
}
