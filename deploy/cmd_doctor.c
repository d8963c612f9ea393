/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Owns `hapep doctor`: what is wrong, by what evidence, and what mends it. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "deploy/blade.h"
#include "deploy/command.h"
#include "deploy/doctor.h"
#include "deploy/preflight.h"
#include "deploy/state.h"
#include "helpers/cleanup.h"
#include "helpers/memory.h"
#include "helpers/writer.h"

/* Adds the names of the checks with that result and reason. */
static void doctor_names(const json_t *checks, const char *result, const char *reason,
			 struct text *out)
{
	const char *separator = "";
	json_t *c;
	size_t i;

	json_array_foreach(checks, i, c)
	{
		if (strcmp(json_string_value(json_object_get(c, "result")), result) ||
		    strcmp(json_string_value(json_object_get(c, "reason")), reason))
			continue;
		text_add(out, "%s%s", separator,
			 json_string_value(json_object_get(c, "check")));
		separator = ", ";
	}
}

/* True where an earlier check has the same reason. */
static bool doctor_told(const json_t *checks, size_t before, const char *reason)
{
	for (size_t i = 0; i < before; i++) {
		const json_t *c = json_array_get(checks, i);

		if (!strcmp(json_string_value(json_object_get(c, "reason")), reason))
			return true;
	}
	return false;
}

static void doctor_skipped(const json_t *checks, json_t *text)
{
	_cleanup_text_ struct text all = { 0 };
	json_t *c;
	size_t i;

	json_array_foreach(checks, i, c)
	{
		const char *reason = json_string_value(json_object_get(c, "reason"));

		if (!reason[0] || doctor_told(checks, i, reason))
			continue;
		text_add(&all, "%s", all.length ? "; " : "");
		doctor_names(checks, "skipped", reason, &all);
		text_add(&all, " (%s)", reason);
	}
	if (all.length)
		json_object_set_new(text, "not_asked", json_string(all.text));
}

/* For people: a heading for each finding, and the checks that found nothing by name. */
static json_t *doctor_text(const json_t *tree)
{
	const json_t *checks = json_object_get(tree, "checks");
	_cleanup_text_ struct text well = { 0 };
	json_t *text = json_pack("{s:O,s:O}", "blade", json_object_get(tree, "blade"),
				 "state", json_object_get(tree, "state"));
	json_t *f;
	size_t i;

	json_array_foreach(json_object_get(tree, "findings"), i, f)
	{
		_cleanup_free_ char *title =
			memory_printf("%zu. %s, %s", i + 1,
				      json_string_value(json_object_get(f, "severity")),
				      json_string_value(json_object_get(f, "check")));

		json_object_set_new(text, title,
				    json_pack("{s:O,s:O,s:O,s:O}", "found",
					      json_object_get(f, "finding"), "read",
					      json_object_get(f, "read"), "why",
					      json_object_get(f, "why"), "mend",
					      json_object_get(f, "mend")));
	}
	doctor_names(checks, "ok", "", &well);
	if (well.length)
		json_object_set_new(text, "nothing_found", json_string(well.text));
	doctor_skipped(checks, text);
	return text;
}

/* A blade in service needs no configuration file; any other is what its file says. */
static int doctor_wanted(struct invocation *in, struct config *out, bool *given,
			 struct error *err)
{
	_cleanup_free_ char *standard = memory_printf("/etc/hapep/%s.conf", in->name);
	_cleanup_close_ int statefd = -1;
	struct error ignored = { 0 };

	*given = in->config ||
		 (blade_config(in->name, out, &ignored) < 0 && !access(standard, R_OK));
	if (*given)
		return invocation_config(in, out, err);
	statefd = state_open(in->name, false, false, &ignored);
	if (statefd >= 0)
		return EXIT_DONE;
	error_say(err, 0,
		  "blade '%s' is not up, and there is no %s: name its configuration with "
		  "--config FILE",
		  in->name, standard);
	return EXIT_USAGE;
}

static int doctor_command(struct invocation *in, struct error *err)
{
	struct config wanted;
	json_t *tree, *text;
	bool given;
	int r, worst;

	if (in->argc > 1)
		return error_say(err, 0, "unexpected argument '%s'", in->argv[1]),
		       EXIT_USAGE;
	if (in->argc == 1)
		in->name = in->argv[0];
	if (state_name_check(in->name, err) < 0)
		return EXIT_USAGE;
	r = doctor_wanted(in, &wanted, &given, err);
	if (!r)
		r = preflight_privileges(err);
	if (r)
		return r;
	worst = doctor_examine(in->name, given ? &wanted : NULL, &tree);
	text = in->json ? json_incref(tree) : doctor_text(tree);
	r = writer_print(text, in->json, stdout);
	json_decref(text);
	json_decref(tree);
	if (r < 0)
		return error_set(err, -r, "write the findings");
	return worst >= DOCTOR_WARNING ? EXIT_FAILED : EXIT_DONE;
}

const struct command command_doctor = {
	.name = "doctor",
	.arguments = "[NAME]",
	.summary = "what is wrong, by what evidence, and what mends it",
	.description =
		"Examines a blade in service, or, before it is up, the machine by the blade's\n"
		"configuration: NUMA nodes, queues, receive hashing, XPS, irqbalance, VLAN\n"
		"filter, offloads of every device in the path, reverse path filters, connection\n"
		"tracking, kernel, CPU governor, softirq and listening queues, TIME_WAIT,\n"
		"descriptors, pipes, HAProxy's version, the journal. Each finding says what was\n"
		"read and where, why it matters, and the command that mends it. A note needs\n"
		"nothing done; a warning costs performance or will fail under load; a fault\n"
		"loses traffic. Changes nothing.",
	.options = OPTION_NAME | OPTION_CONFIG | OPTION_JSON,
	.words = "",
	.exits = "0 no warning and no fault (there may be notes); 1 at least one, or it "
		 "cannot be asked; 2 usage or configuration",
	.run = doctor_command,
};
