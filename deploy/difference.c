/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Owns comparing two configurations, key by key. */
#include <string.h>

#include "deploy/config.h"

/* Both texts come from one table: line by line the same keys. */
void config_compare(const struct config *from, const struct config *to,
		    void (*each)(const struct config_change *change, void *arg),
		    void *arg)
{
	_cleanup_text_ struct text a = { 0 }, b = { 0 };
	struct config_change change = { .section = "" };
	char *pa, *pb, *la, *lb;

	config_write(from, false, &a);
	config_write(to, false, &b);
	la = strtok_r(a.text, "\n", &pa);
	lb = strtok_r(b.text, "\n", &pb);
	for (; la && lb; la = strtok_r(NULL, "\n", &pa), lb = strtok_r(NULL, "\n", &pb)) {
		char *was = strstr(la, " = "), *is = strstr(lb, " = ");

		if (la[0] == '[') {
			la[strcspn(la, "]")] = '\0';
			change.section = la + 1;
		}
		if (!was || !is || !strcmp(la, lb))
			continue;
		*was = '\0';
		change.key = la;
		change.from = was + strlen(" = ");
		change.to = is + strlen(" = ");
		each(&change, arg);
	}
}

static void difference_add(const struct config_change *c, void *arg)
{
	struct text *out = arg;

	/* "auto" is content with whatever it was resolved to. */
	if (strcmp(c->to, "auto"))
		text_add(out, "%s%s.%s = %s -> %s", out->length ? "; " : "", c->section,
			 c->key, c->from, c->to);
}

void config_difference(const struct config *from, const struct config *to,
		       struct text *out)
{
	config_compare(from, to, difference_add, out);
}
