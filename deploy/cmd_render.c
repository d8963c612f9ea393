/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Owns `hapep render`: the instances' HAProxy configurations. */
#include <stdio.h>

#include "deploy/command.h"
#include "deploy/plan.h"

static int render_check(const struct step_context *plan, unsigned int first,
			unsigned int last, struct error *err)
{
	struct haproxy_listeners *l = NULL;
	int r = haproxy_listeners_open(&plan->haproxy, -1, false, &l, err);

	for (unsigned int k = first; k <= last && !r; k++)
		r = haproxy_instance_check(&plan->haproxy, &plan->version, k, l, err);
	haproxy_listeners_close(l);
	return r < 0 ? r : EXIT_DONE;
}

static int render_run(struct invocation *in, struct error *err)
{
	struct step_context plan;
	struct config config;
	unsigned int first = 0, last;
	int r = invocation_config(in, &config, err);

	if (r)
		return r;
	r = plan_render(in->name, &config, &plan, err);
	if (r < 0)
		return r;
	last = haproxy_instances(&plan.haproxy) - 1;
	if (in->instance > (int)last) {
		error_say(err, 0, "--instance: expected 0..%u, got %d", last,
			  in->instance);
		return EXIT_USAGE;
	}
	if (in->instance >= 0)
		first = last = (unsigned int)in->instance;
	if (in->check)
		return render_check(&plan, first, last, err);
	for (unsigned int k = first; k <= last; k++) {
		struct text rendered = { 0 };

		haproxy_render(&plan.haproxy, &plan.version, k, &rendered);
		fputs(rendered.text, stdout);
		text_free(&rendered);
	}
	return EXIT_DONE;
}

const struct command command_render = {
	.name = "render",
	.arguments = "",
	.summary = "print the HAProxy configurations of the instances",
	.description =
		"Renders what each instance would run with, for this machine's HAProxy, and\n"
		"prints it; with --check passes each through `haproxy -c` instead. Changes\n"
		"nothing.",
	.options = OPTION_NAME | OPTION_CONFIG | OPTION_INSTANCE | OPTION_CHECK,
	.words = "",
	.run = render_run,
};
