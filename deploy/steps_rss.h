/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The steps that tell NICs and kernel where the placement's queues go, as table rows. */
#ifndef DEPLOY_STEPS_RSS_H
#define DEPLOY_STEPS_RSS_H

#include "deploy/steps.h"
#include "helpers/nic/queues.h"

#define RSS_STEP_FUNCTIONS(noun, which)                                                  \
	bool noun##_##which##_wanted(const struct step_context *c);                      \
	void noun##_##which##_describe(const struct step_context *c, struct text *out);  \
	int noun##_##which##_probe(const struct step_context *c, enum step_state *state, \
				   struct text *detail, struct error *err);              \
	int noun##_##which##_record(const struct step_context *c, json_t **out,          \
				    struct error *err);                                  \
	int noun##_##which##_apply(const struct step_context *c, struct error *err)

RSS_STEP_FUNCTIONS(channels, client);
RSS_STEP_FUNCTIONS(channels, server);
RSS_STEP_FUNCTIONS(fields, client);
RSS_STEP_FUNCTIONS(fields, server);
RSS_STEP_FUNCTIONS(rss, client);
RSS_STEP_FUNCTIONS(rss, server);
RSS_STEP_FUNCTIONS(irq, client);
RSS_STEP_FUNCTIONS(irq, server);
RSS_STEP_FUNCTIONS(mqprio, client);
RSS_STEP_FUNCTIONS(mqprio, server);
RSS_STEP_FUNCTIONS(xps, client);
RSS_STEP_FUNCTIONS(xps, server);
RSS_STEP_FUNCTIONS(rps, client);
RSS_STEP_FUNCTIONS(rps, server);
RSS_STEP_FUNCTIONS(budget, host);
int budget_host_undo(const json_t *record, struct error *err);

/* One row of the table. */
#define RSS_STEP(word, noun, which, sentence)                                            \
	{                                                                                \
		.name = "nic-" #which "-" word, .group = GROUP_RSS, .summary = sentence, \
		.wanted = noun##_##which##_wanted,                                       \
		.describe = noun##_##which##_describe, .probe = noun##_##which##_probe,  \
		.record = noun##_##which##_record, .apply = noun##_##which##_apply,      \
		.undo = nic_queues_undo                                                  \
	}

/* Those of one side's NIC, in the order that helpers/nic/queues.h asks for. */
#define RSS_STEPS(which)                                                                 \
	RSS_STEP("channels", channels, which,                                            \
		 "as many queues of the " #which " side's NIC as the placement has"),    \
		RSS_STEP("fields", fields, which,                                        \
			 "the " #which " side's NIC hashes TCP's addresses and ports"),  \
		RSS_STEP("rss", rss, which,                                              \
			 "the " #which " side's NIC spreads flows over those queues"),   \
		RSS_STEP("irq", irq, which,                                              \
			 "each queue of the " #which " side's NIC interrupts its CPU"),  \
		RSS_STEP("mqprio", mqprio, which,                                        \
			 "a lock for each transmit queue of the " #which " side's NIC"), \
		RSS_STEP("xps", xps, which,                                              \
			 "each CPU sends by its queue of the " #which " side's NIC"),    \
		RSS_STEP("rps", rps, which,                                              \
			 "what the " #which                                              \
			 " side's NIC receives is spread in software")

#endif
