/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Owns the functions of the steps of group rss: which NIC, and whether it can. */
#include <string.h>

#include "deploy/plan.h"
#include "deploy/steps_rss.h"
#include "helpers/budget.h"
#include "helpers/cleanup.h"
#include "helpers/setting.h"

/* The NIC's queues, unless the other side's steps see to them. */
static bool side_has(const struct step_context *c, int side)
{
	return c->queues[side].n &&
	       (side == SIDE_CLIENT ||
		strcmp(c->nic[SIDE_CLIENT].name, c->nic[SIDE_SERVER].name));
}

#define RSS_STEP_SIDE(noun, which, SIDE, condition)                                      \
	bool noun##_##which##_wanted(const struct step_context *c)                       \
	{                                                                                \
		const struct nic_queues *q = &c->queues[SIDE];                           \
                                                                                         \
		return side_has(c, SIDE) && (condition);                                 \
	}                                                                                \
	void noun##_##which##_describe(const struct step_context *c, struct text *out)   \
	{                                                                                \
		nic_##noun##_describe(&c->queues[SIDE], out);                            \
	}                                                                                \
	int noun##_##which##_probe(const struct step_context *c, enum step_state *state, \
				   struct text *detail, struct error *err)               \
	{                                                                                \
		return nic_##noun##_probe(&c->queues[SIDE], state, detail, err);         \
	}                                                                                \
	int noun##_##which##_record(const struct step_context *c, json_t **out,          \
				    struct error *err)                                   \
	{                                                                                \
		return nic_##noun##_record(&c->queues[SIDE], out, err);                  \
	}                                                                                \
	int noun##_##which##_apply(const struct step_context *c, struct error *err)      \
	{                                                                                \
		return nic_##noun##_apply(&c->queues[SIDE], err);                        \
	}

#define RSS_STEP_SIDES(noun, condition)                                                  \
	RSS_STEP_SIDE(noun, client, SIDE_CLIENT, condition)                              \
	RSS_STEP_SIDE(noun, server, SIDE_SERVER, condition)

RSS_STEP_SIDES(channels, q->can.channels)
RSS_STEP_SIDES(fields, q->can.fields)
RSS_STEP_SIDES(rss, q->can.table)
RSS_STEP_SIDES(irq, q->can.vectors)
RSS_STEP_SIDES(mqprio, q->can.mqprio)
RSS_STEP_SIDES(xps, q->can.xps)
RSS_STEP_SIDES(rps, q->rps && q->can.rps)

bool budget_host_wanted(const struct step_context *c)
{
	_cleanup_close_ int root = setting_root(NULL);

	for (int s = 0; s < SIDES; s++) {
		if (side_has(c, s) && c->queues[s].can.device)
			return root >= 0 && budget_wanted(root);
	}
	return false;
}

void budget_host_describe(const struct step_context *c, struct text *out)
{
	(void)c;
	budget_describe(out);
}

int budget_host_probe(const struct step_context *c, enum step_state *state,
		      struct text *detail, struct error *err)
{
	_cleanup_close_ int root = setting_root(err);

	(void)c;
	return root < 0 ? root : budget_probe(root, state, detail, err);
}

int budget_host_record(const struct step_context *c, json_t **out, struct error *err)
{
	_cleanup_close_ int root = setting_root(err);

	(void)c;
	return root < 0 ? root : budget_record(root, out, err);
}

int budget_host_apply(const struct step_context *c, struct error *err)
{
	_cleanup_close_ int root = setting_root(err);

	(void)c;
	return root < 0 ? root : budget_apply(root, err);
}

int budget_host_undo(const json_t *record, struct error *err)
{
	_cleanup_close_ int root = setting_root(err);

	return root < 0 ? root : budget_undo(root, record, err);
}
