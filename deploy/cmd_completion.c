/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Owns `hapep completion`: what the shell may offer, from the tables. */
#include <stdio.h>
#include <string.h>

#include "deploy/command.h"

static void completion_command(const struct command *c)
{
	printf("\t%s) words='%s%s--help", c->name, c->words ? c->words : "",
	       c->words && c->words[0] ? " " : "");
	for (size_t i = 0; i < option_rows_n; i++) {
		if (!option_rows[i].option || c->options & option_rows[i].option)
			printf(" --%s", option_rows[i].word);
	}
	printf("' ;;\n");
}

static void completion_bash(void)
{
	printf("# bash completion of hapep; made by `hapep completion bash`.\n"
	       "_hapep()\n{\n"
	       "\tlocal words='' current=${COMP_WORDS[COMP_CWORD]}\n"
	       "\tlocal previous=${COMP_WORDS[COMP_CWORD-1]}\n"
	       "\tif [ \"$previous\" = --config ] || [ \"$previous\" = -c ]; then\n"
	       "\t\tmapfile -t COMPREPLY < <(compgen -f -- \"$current\")\n"
	       "\t\treturn\n\tfi\n"
	       "\tif [ \"$previous\" = --name ] || [ \"$previous\" = -n ]; then\n"
	       "\t\tmapfile -t COMPREPLY < <(cd /etc/hapep 2>/dev/null &&\n"
	       "\t\t\tcompgen -W \"$(printf '%%s ' *.conf | sed 's/\\.conf//g')\" -- "
	       "\"$current\")\n"
	       "\t\treturn\n\tfi\n"
	       "\tcase ${COMP_WORDS[1]:-} in\n");
	for (size_t i = 0; i < commands_n; i++)
		completion_command(commands[i]);
	printf("\tesac\n\tif [ \"$COMP_CWORD\" = 1 ]; then words='--help --version");
	for (size_t i = 0; i < commands_n; i++)
		printf(" %s", commands[i]->name);
	printf("'; fi\n"
	       "\tmapfile -t COMPREPLY < <(compgen -W \"$words\" -- \"$current\")\n"
	       "}\ncomplete -F _hapep hapep\n");
}

static int completion_run(struct invocation *in, struct error *err)
{
	if (in->argc != 1 || strcmp(in->argv[0], "bash")) {
		error_say(err, 0, "expected bash, got '%s'", in->argc ? in->argv[0] : "");
		return EXIT_USAGE;
	}
	completion_bash();
	return EXIT_DONE;
}

const struct command command_completion = {
	.name = "completion",
	.arguments = "bash",
	.summary = "print the shell's completion",
	.description =
		"Prints the completion script for bash, made from the command's own\n"
		"tables; `make install` puts it where bash looks.",
	.options = 0,
	.words = "bash",
	.run = completion_run,
};
