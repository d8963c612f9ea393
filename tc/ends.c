/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Owns lists of filters: a part of the plan, made and described device by device. */
#include <assert.h>
#include <errno.h>
#include <linux/if_ether.h>
#include <stdio.h>
#include <string.h>

#include "tc/ends.h"
#include "tc/numbers.h"
#include "tc/qdisc.h"

struct filter *ends_add(struct ends *e, const char *dev, int ifindex, unsigned int pref,
			unsigned int low)
{
	struct filter *f = &e->filter[e->n++];

	assert(e->n <= ENDS_FILTERS_MAX);
	*f = (struct filter){ .ifindex = ifindex,
			      .pref = pref,
			      .protocol = ETH_P_ALL,
			      .handle = NUMBERS_HANDLE | low };
	snprintf(f->dev, sizeof(f->dev), "%s", dev);
	return f;
}

static bool ends_new_device(const struct ends *e, size_t i)
{
	for (size_t j = 0; j < i; j++) {
		if (!strcmp(e->filter[j].dev, e->filter[i].dev))
			return false;
	}
	return true;
}

int ends_apply(struct netlink *nl, const struct ends *e, struct error *err)
{
	int r = 0;

	for (size_t i = 0; i < e->n && !r; i++) {
		if (ends_new_device(e, i))
			r = qdisc_ensure(nl, e->filter[i].dev, e->filter[i].ifindex, err);
	}
	return r < 0 ? r : filters_apply(nl, e->filter, e->n, err);
}

int ends_missing(int r, enum step_state *state, struct text *detail, struct error *err)
{
	if (r != -ENODEV && r != -ENOENT)
		return r;
	text_line(detail, "%s", err->msg);
	*state = STEP_ABSENT;
	return 0;
}

void ends_describe(const struct ends *e, const char *netns, struct text *out)
{
	for (size_t i = 0; i < e->n; i++) {
		if (ends_new_device(e, i))
			text_line(out, "tc %s%s%sqdisc add dev %s clsact",
				  netns ? "-n " : "", netns ? netns : "",
				  netns ? " " : "", e->filter[i].dev);
		filter_describe(&e->filter[i], netns, out);
	}
}
