/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Owns `hapep manual`: the parts of the man pages that the tables know. */
#include <stdio.h>
#include <string.h>

#include "deploy/command.h"

/* roff wants '-' and a leading '.' escaped. */
static void manual_text(const char *s)
{
	bool start = true;

	for (; *s; s++) {
		if (start && (*s == '.' || *s == '\''))
			fputs("\\&", stdout);
		if (*s == '-')
			fputs("\\-", stdout);
		else if (*s == '\\')
			fputs("\\e", stdout);
		else
			putchar(*s);
		start = *s == '\n';
	}
	putchar('\n');
}

/* A word, its hyphens as minus signs. */
static void manual_word(const char *s)
{
	for (; *s; s++)
		printf("%s%c", *s == '-' ? "\\" : "", *s);
}

static void manual_commands(void)
{
	for (size_t i = 0; i < commands_n; i++) {
		const struct command *c = commands[i];

		printf(".TP\n\\fBhapep %s\\fR", c->name);
		for (size_t k = 0; k < option_rows_n; k++) {
			const struct option_row *o = &option_rows[k];

			if (!o->option || !(c->options & o->option))
				continue;
			printf(" [\\fB\\-\\-");
			manual_word(o->word);
			printf("\\fR%s%s%s]", o->value ? " \\fI" : "",
			       o->value ? o->value : "", o->value ? "\\fR" : "");
		}
		printf("%s%s\n", c->arguments[0] ? " " : "", c->arguments);
		manual_text(c->description);
		if (c->exits) {
			printf(".br\nExit status:\n");
			manual_text(c->exits);
		}
	}
}

static void manual_options(void)
{
	for (size_t i = 0; i < option_rows_n; i++) {
		const struct option_row *o = &option_rows[i];

		printf(".TP\n");
		if (o->letter)
			printf("\\fB\\-%c\\fR, ", o->letter);
		printf("\\fB\\-\\-");
		manual_word(o->word);
		printf("\\fR%s%s\n", o->value ? " " : "", o->value ? o->value : "");
		manual_text(o->text);
	}
}

static void manual_value(const struct config_key *k)
{
	switch (k->type) {
	case CONFIG_CHOICE:
		for (size_t i = 0; k->names[i]; i++)
			printf("%s\\fB%s\\fR", i ? " | " : "", k->names[i]);
		break;
	case CONFIG_UNSIGNED:
		printf("%lu..%lu", k->minimum, k->maximum);
		if (k->names && k->names[0])
			printf(" | \\fB%s\\fR", k->names[0]);
		break;
	case CONFIG_DURATION:
		printf("\\fIduration\\fR");
		break;
	case CONFIG_PREFIX:
		printf("\\fIaddress\\fR/\\fIlength\\fR");
		break;
	case CONFIG_ADDRESS:
		printf("\\fIaddress\\fR");
		break;
	case CONFIG_PORTS:
		printf("\\fIport\\fR[\\-\\fIport\\fR], ...");
		break;
	case CONFIG_CPULIST:
		printf("\\fICPU list\\fR");
		break;
	case CONFIG_INTERFACE:
		printf("\\fIinterface\\fR");
		break;
	case CONFIG_STRING:
		printf("\\fItext\\fR");
		break;
	}
}

static void manual_keys(void)
{
	const char *section = "";

	for (size_t i = 0; i < config_blade_table.n; i++) {
		const struct config_key *k = &config_blade_table.keys[i];

		if (strcmp(section, k->section))
			printf(".SS [%s]\n", k->section);
		section = k->section;
		printf(".TP\n\\fB%s\\fR = ", k->key);
		manual_value(k);
		if (!k->fallback)
			printf(" (required)");
		else if (k->fallback[0])
			printf(" (default: %s)", k->fallback);
		putchar('\n');
		manual_text(k->text);
	}
}

static int manual_run(struct invocation *in, struct error *err)
{
	const char *part = in->argc == 1 ? in->argv[0] : "";

	if (!strcmp(part, "commands"))
		manual_commands();
	else if (!strcmp(part, "options"))
		manual_options();
	else if (!strcmp(part, "keys"))
		manual_keys();
	else
		return error_say(err, 0, "expected commands, options or keys, got '%s'",
				 part),
		       EXIT_USAGE;
	return EXIT_DONE;
}

const struct command command_manual = {
	.name = "manual",
	.arguments = "commands|options|keys",
	.summary = "print a part of the manual pages as roff",
	.description =
		"What the build puts into hapep(8) and hapep.conf(5): commands and\n"
		"options from the command's own table, keys from the configuration's.",
	.options = 0,
	.words = "commands options keys",
	.run = manual_run,
};
