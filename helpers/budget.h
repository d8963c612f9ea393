/* SPDX-License-Identifier: GPL-2.0-or-later */
/* How long one round of receiving may take: net.core.netdev_budget_usecs. */
#ifndef HELPERS_BUDGET_H
#define HELPERS_BUDGET_H

#include <jansson.h>
#include <stdbool.h>

#include "helpers/error.h"
#include "helpers/step.h"
#include "helpers/text.h"

/*
 * 4000 us for the whole machine (the paper's Bottleneck Elimination), twice what a kernel
 * of 1000 Hz starts with. One of 250 Hz starts with 8000, two of its ticks, and takes no
 * less: what is more than 4000 stays, and is as good. Other network namespaces than the
 * machine's first have no such setting, nor do kernels before 4.12.
 */
bool budget_wanted(int root);
int budget_record(int root, json_t **out, struct error *err);
int budget_apply(int root, struct error *err);
int budget_probe(int root, enum step_state *state, struct text *detail,
		 struct error *err);
void budget_describe(struct text *out);
/* Puts the prior value back where the present one is still hapep's. */
int budget_undo(int root, const json_t *record, struct error *err);

#endif
