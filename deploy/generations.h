/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The generations under a supervisor: the present one, a next one, and those that leave.
 */
#ifndef DEPLOY_GENERATIONS_H
#define DEPLOY_GENERATIONS_H

#include "deploy/generation.h"

/* nsfd and dirfd are borrowed. NULL is nothing to close, which kills what lives. */
struct generations;
int generations_open(int nsfd, int dirfd, struct generations **out, struct error *err);
void generations_close(struct generations *all);

/*
 * Opens the next generation, of a plan (copied). A next one that nobody decided on goes
 * on serving, and retires once this one is committed.
 */
int generations_prepare(struct generations *all, const struct step_context *c,
			struct error *err);
/* 1: every instance of the next one answers; 0 and how many do; -errno: it will not. */
int generations_ready(struct generations *all, unsigned int *running, unsigned int *n,
		      struct error *err);
/* Leads service traffic to the next one, as far as that is the supervisor's to do. */
int generations_map(struct generations *all, struct error *err);
/* The next one is the present one (mapped, if it was not), and all others retire. */
int generations_commit(struct generations *all, struct error *err);
/* The next one retires, and what generations_map did is undone. There is none: nothing.
 */
int generations_abort(struct generations *all, struct error *err);

/* Reaps, and does what is due in each. */
void generations_tick(struct generations *all);
int generations_due_ms(const struct generations *all);

/* How many instances serve, of all generations that new connections may reach. */
unsigned int generations_well(const struct generations *all);
void generations_summary(const struct generations *all, char *text, size_t size);
/* The plan of the present one; NULL before the first commit. */
const struct step_context *generations_present(const struct generations *all);
/* Where a TPROXY rule may lead service traffic; 0: no generation has any. */
unsigned int generations_proxy_port(const struct generations *all);
/* Whether there is a next one that is not decided on. */
bool generations_open_change(const struct generations *all);

/* Whether there is no generation beside the present one. */
bool generations_alone(const struct generations *all);

/* {"generation", "instances", "next": [...], "retiring": [...]}, the present one's. */
json_t *generations_describe(const struct generations *all);

#endif
