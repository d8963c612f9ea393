/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Owns the time that one round of receiving packets may take. */
#include <string.h>

#include "helpers/budget.h"
#include "helpers/file.h"
#include "helpers/setting.h"

#define BUDGET_FILE   "proc/sys/net/core/netdev_budget_usecs"
#define BUDGET_US     "4000"
#define BUDGET_ENOUGH 4000

bool budget_wanted(int root)
{
	long long now;

	return !file_number(root, BUDGET_FILE, &now) && now <= BUDGET_ENOUGH;
}

int budget_record(int root, json_t **out, struct error *err)
{
	char now[SETTING_SIZE];
	int r = file_read(root, BUDGET_FILE, now, sizeof(now));

	if (r < 0)
		return error_set(err, -r, "read /" BUDGET_FILE);
	*out = json_pack("{s:s}", "prior", now);
	return 0;
}

int budget_apply(int root, struct error *err)
{
	return setting_write(root, BUDGET_FILE, BUDGET_US, err);
}

int budget_probe(int root, enum step_state *state, struct text *detail, struct error *err)
{
	char now[SETTING_SIZE];
	int r = file_read(root, BUDGET_FILE, now, sizeof(now));

	*state = STEP_ABSENT;
	if (r < 0)
		return error_set(err, -r, "read /" BUDGET_FILE);
	if (!strcmp(now, BUDGET_US))
		*state = STEP_PRESENT;
	else
		text_line(detail, "net.core.netdev_budget_usecs is %s, not " BUDGET_US,
			  now);
	return 0;
}

void budget_describe(struct text *out)
{
	text_line(out, "sysctl -w net.core.netdev_budget_usecs=" BUDGET_US);
}

int budget_undo(int root, const json_t *record, struct error *err)
{
	const char *prior = json_string_value(json_object_get(record, "prior"));
	char now[SETTING_SIZE];

	if (!prior || file_read(root, BUDGET_FILE, now, sizeof(now)) < 0 ||
	    strcmp(now, BUDGET_US))
		return 0;
	return setting_restore(root, BUDGET_FILE, prior, err);
}
