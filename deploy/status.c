/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Owns what `hapep status` finds out. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "deploy/blade.h"
#include "deploy/change.h"
#include "deploy/gate.h"
#include "deploy/scenario.h"
#include "deploy/state.h"
#include "deploy/status.h"
#include "deploy/steps.h"
#include "deploy/supervisor.h"
#include "helpers/cleanup.h"
#include "helpers/writer.h"

#define STATUS_STATS_MS 300 /* what an instance may take to answer */

struct tally {
	size_t present, absent, differs;
};

static json_t *status_step(const struct step *s, const struct step_context *c,
			   struct tally *tally)
{
	enum step_state state = STEP_ABSENT;
	struct text detail = { 0 };
	struct error err = { 0 };
	json_t *row;

	if (s->probe && s->probe(c, &state, &detail, &err) < 0) {
		state = STEP_DIFFERS;
		text_free(&detail);
		text_add(&detail, "cannot be asked: %s", err.msg);
	}
	tally->present += state == STEP_PRESENT;
	tally->absent += state == STEP_ABSENT;
	tally->differs += state == STEP_DIFFERS;
	row = json_pack("{s:s,s:s,s:s}", "step", s->name, "state", step_state_name(state),
			"detail",
			detail.text && state != STEP_PRESENT ? detail.text : "");
	text_free(&detail);
	return row;
}

static json_t *status_steps(const struct step_context *c, const char *group,
			    struct tally *tally)
{
	json_t *rows = json_array();

	for (size_t i = 0; i < deploy_steps.n; i++) {
		if (step_wanted(&deploy_steps.steps[i], c, group))
			json_array_append_new(
				rows, status_step(&deploy_steps.steps[i], c, tally));
	}
	return rows;
}

/* What the supervisor knows, and what the instance itself says beside it. */
static void status_instance(const char *name, json_t *one)
{
	const char *file = json_string_value(json_object_get(one, "stats"));
	struct haproxy_stats stats;
	struct error err = { 0 };
	char path[128];

	if (!file)
		return; /* it finishes, and has its connections told already */
	snprintf(path, sizeof(path), STATE_ROOT "/%s/%s", name, file);
	if (haproxy_stats_read(path, STATUS_STATS_MS, &stats, &err) < 0) {
		json_object_set_new(one, "answers", json_false());
		return;
	}
	json_object_set_new(one, "answers", json_true());
	json_object_set_new(one, "connections", json_integer(stats.current_connections));
	json_object_set_new(one, "accepted",
			    json_integer((json_int_t)stats.total_connections));
	if (stats.reuses)
		json_object_set_new(one, "reused",
				    json_integer((json_int_t)stats.reused));
	json_object_set_new(one, "uptime_s", json_integer(stats.uptime_s));
}

/* Of the other generations: those that are next, those that retire. */
static void status_generations(const char *name, json_t *all, const char *which,
			       json_t *tree)
{
	json_t *list = json_object_get(all, which), *generation, *one;
	size_t i, k;

	json_array_foreach(list, i, generation)
	{
		json_array_foreach(json_object_get(generation, "instances"), k, one)
		{
			status_instance(name, one);
		}
	}
	if (list)
		json_object_set(tree, which, list);
}

/* It holds its lock, its socket and its instances, and answers nothing. */
static void status_mute(const char *name, json_t *tree)
{
	_cleanup_text_ struct text fault = { 0 }, mend = { 0 };

	supervisor_mute(name, &fault, &mend);
	if (!fault.length)
		return;
	json_object_set_new(tree, "supervisor_fault",
			    json_sprintf("%s; %s", fault.text, mend.text));
}

static bool status_instances(const char *name, json_t *tree)
{
	struct error err = { 0 };
	json_t *all = NULL, *list, *one;
	bool well = true;
	size_t i;
	int r = supervisor_query(name, &all, &err);

	json_object_set_new(tree, "supervisor_answers", json_boolean(!r));
	if (r == -ETIMEDOUT)
		status_mute(name, tree);
	if (r < 0)
		return false;
	json_object_set(tree, "gate", json_object_get(all, "gate"));
	list = json_object_get(all, "instances");
	json_array_foreach(list, i, one)
	{
		status_instance(name, one);
		well = well && json_is_true(json_object_get(one, "answers")) &&
		       !json_object_get(one, "fault");
	}
	json_object_set(tree, "generation", json_object_get(all, "generation"));
	json_object_set(tree, "instances", list);
	if (json_object_get(all, "change"))
		json_object_set(tree, "change", json_object_get(all, "change"));
	status_generations(name, all, "next", tree);
	status_generations(name, all, "retiring", tree);
	json_decref(all);
	return well;
}

/* Nobody moves the deadline on any more: since when it is over tells the kernel. */
static json_t *status_gate_alone(const struct tc_gate_reading *seen, bool mute,
				 bool fail_closed)
{
	const char *why = mute ? "the supervisor does not answer" : "no supervisor lives";
	char since[32] = "";

	if (seen->shut_ms)
		gate_format_time(gate_wall_ms() - seen->shut_ms, since);
	return json_pack(
		"{s:s,s:s,s:o}", "state", tc_gate_state_name(seen->state), "since", since,
		"reason",
		json_sprintf("%s%s", why, fail_closed ? ", and fail = closed" : ""));
}

/* What packets meet is the kernel's to say, since when and why the supervisor's. */
static bool status_gate(const struct step_context *c, json_t *tree)
{
	struct tc_gate_reading seen;
	struct tc_gate *gate = NULL;
	struct error err = { 0 };
	json_t *out = json_object_get(tree, "gate");
	bool read = !tc_gate_find(&c->tc, -1, &gate, &err) &&
		    !tc_gate_read(gate, &seen, &err);

	tc_gate_close(gate);
	if (!read)
		return false;
	if (!out) {
		out = status_gate_alone(&seen,
					json_object_get(tree, "supervisor_fault") != NULL,
					c->tc.fail_closed);
		json_object_set_new(tree, "gate", out);
	}
	json_object_set_new(out, "state", json_string(tc_gate_state_name(seen.state)));
	json_object_set_new(out, "passed_connections",
			    json_integer((json_int_t)seen.connections));
	json_object_set_new(out, "passed_packets",
			    json_integer((json_int_t)seen.packets));
	return seen.state != TC_GATE_PASS;
}

static int status_overall(const struct tally *t, bool instances_well)
{
	if (!t->present && !t->differs)
		return STATUS_DOWN;
	return t->absent || t->differs || !instances_well ? STATUS_DEGRADED : STATUS_UP;
}

static const char *status_word(int state)
{
	return state == STATUS_UP ? "up" : state == STATUS_DOWN ? "down" : "degraded";
}

static json_t *status_nothing(const char *name, int state, const char *why)
{
	return json_pack("{s:s,s:s,s:s}", "blade", name, "state", status_word(state),
			 "reason", why);
}

/* What a killed `up` or `scenario` left, or a living one is about. */
static void status_change(int dirfd, json_t *tree)
{
	_cleanup_journal_ struct journal *journal = NULL;
	struct error ignored = { 0 };

	if (!journal_open(dirfd, false, &journal, &ignored) &&
	    journal_find(journal, CHANGE_RECORD))
		json_object_set_new(tree, "unfinished_change",
				    json_string("under way, or cut short: `hapep up` "
						"takes it back or finishes it"));
}

static bool status_head(const struct step_context *c, json_t *tree)
{
	_cleanup_close_ int dirfd = -1;
	struct error err = { 0 };
	char ports[PORTS_TEXT_SIZE];
	bool well = scenario_status(c, tree);

	if (!well)
		json_object_set_new(tree, "reason",
				    json_string("netfilter hooks are in the namespace"));
	if (c->tc.leaving.n)
		json_object_set_new(
			tree, "leaving_ports",
			json_string(ports_format(&c->tc.leaving, ports, sizeof(ports))));
	json_object_set_new(tree, "datapath",
			    json_string(tc_datapath_name(c->tc.datapath)));
	dirfd = state_open(c->name, false, false, &err);
	if (dirfd < 0)
		return well;
	json_object_set_new(tree, "supervisor_pid",
			    json_integer(state_supervisor(dirfd)));
	status_change(dirfd, tree);
	return well;
}

static void status_differs(const struct config *running, const struct config *wanted,
			   json_t *tree)
{
	_cleanup_text_ struct text differs = { 0 };

	if (!wanted)
		return;
	config_difference(running, wanted, &differs);
	if (differs.length)
		json_object_set_new(tree, "configuration_differs",
				    json_string(differs.text));
}

int status_ask(const char *name, const struct config *wanted, const char *group,
	       json_t **out, struct error *err)
{
	struct tally tally = { 0 };
	struct step_context plan;
	struct config running;
	json_t *tree, *steps;
	bool well;
	int r = blade_config(name, &running, err), state;

	if (r == -ENOENT) {
		*err = (struct error){ 0 };
		*out = status_nothing(name, STATUS_DOWN, "it was not brought up");
		return STATUS_DOWN;
	}
	if (!r)
		r = plan_recall(name, &running, &plan, err);
	if (r == -ENODEV) {
		*out = status_nothing(name, STATUS_DEGRADED, err->msg);
		*err = (struct error){ 0 };
		return STATUS_DEGRADED;
	}
	if (r < 0)
		return r;
	tree = json_pack("{s:s,s:s}", "blade", name, "state", "");
	well = status_head(&plan, tree);
	steps = status_steps(&plan, group, &tally);
	if (!group || !strcmp(group, GROUP_HAPROXY)) {
		well = status_instances(name, tree) && well;
		well = status_gate(&plan, tree) && well;
	}
	state = status_overall(&tally, well);
	json_object_set_new(tree, "state", json_string(status_word(state)));
	json_object_set_new(tree, "steps", steps);
	status_differs(&running, wanted, tree);
	*out = tree;
	return state;
}

int status_print(json_t *tree, int state, bool json, struct error *err)
{
	int r = writer_print(tree, json, stdout);

	json_decref(tree);
	if (r < 0)
		return error_set(err, -r, "write the status");
	*err = (struct error){ 0 }; /* a probe's leavings: the tree has told them */
	return state;
}
