/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Owns the checks of a blade's own parts: its steps and instances, its journal. */
#include <errno.h>
#include <string.h>

#include "deploy/blade.h"
#include "deploy/doctor.h"
#include "deploy/state.h"
#include "deploy/status.h"
#include "helpers/cleanup.h"
#include "helpers/journal.h"

/* "STEP: what is wrong with it", of each step and instance that is not as it should be.
 */
static void state_parts(const json_t *tree, struct text *out)
{
	json_t *one;
	size_t i;

	json_array_foreach(json_object_get(tree, "steps"), i, one)
	{
		const char *state = json_string_value(json_object_get(one, "state"));
		const char *detail = json_string_value(json_object_get(one, "detail"));
		size_t n = strlen(detail);

		if (!strcmp(state, step_state_name(STEP_PRESENT)))
			continue;
		n -= n && detail[n - 1] == '\n';
		text_add(out, "%sstep %s is %s%s%.*s", out->length ? "; " : "",
			 json_string_value(json_object_get(one, "step")), state,
			 n ? ": " : "", (int)n, detail);
	}
	json_array_foreach(json_object_get(tree, "instances"), i, one)
	{
		if (!json_is_true(json_object_get(one, "answers")))
			text_add(out, "%sinstance %d does not answer on its stats socket",
				 out->length ? "; " : "",
				 (int)json_integer_value(
					 json_object_get(one, "instance")));
	}
}

int doctor_state(struct doctor *d, struct error *err)
{
	_cleanup_text_ struct text parts = { 0 };
	struct doctor_finding *f;
	json_t *tree = NULL;
	int r;

	if (d->statefd < 0)
		return 0;
	r = status_ask(d->name, NULL, NULL, &tree, err);
	if (r == STATUS_DEGRADED) {
		state_parts(tree, &parts);
		f = doctor_find(d, DOCTOR_FAULT);
		text_add(&f->what, "the blade is degraded");
		text_add(&f->read, "hapep status: %s",
			 parts.length
				 ? parts.text
				 : json_string_value(json_object_get(tree, "reason")));
		text_add(&f->why,
			 "What a step stands for is not in force, so traffic may "
			 "pass unproxied, or not at all.");
		text_add(&f->mend,
			 "hapep up --name %s --config " STATE_ROOT "/%s/" BLADE_CONFIG,
			 d->name, d->name);
	}
	json_decref(tree);
	return r < 0 ? r : 0;
}

int doctor_journal(struct doctor *d, struct error *err)
{
	_cleanup_journal_ struct journal *journal = NULL;
	struct error why = { 0 };
	struct doctor_finding *f;
	int r;

	if (d->statefd < 0)
		return 0;
	r = journal_open(d->statefd, false, &journal, &why);
	if (r != -EBADMSG) {
		if (r < 0)
			*err = why;
		return r;
	}
	f = doctor_find(d, DOCTOR_FAULT);
	text_add(&f->what, "the journal is damaged");
	text_add(&f->read, STATE_ROOT "/%s/journal: %s", d->name, why.msg);
	text_add(&f->why, "It holds the machine's prior values, and `hapep down` undoes "
			  "nothing as long as it cannot read all of it.");
	state_journal_mend(d->name, &f->mend);
	return 0;
}
