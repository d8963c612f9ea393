/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Owns comparing two configurations, key by key. */
#include <string.h>

#include "deploy/config.h"

/* Both texts come from one table: line by line the same keys. */
void config_difference(const struct config *from, const struct config *to,
		       struct text *out)
{
	_cleanup_text_ struct text a = { 0 }, b = { 0 };
	char *pa, *pb, *la, *lb, section[64] = "";

	config_write(from, false, &a);
	config_write(to, false, &b);
	la = strtok_r(a.text, "\n", &pa);
	lb = strtok_r(b.text, "\n", &pb);
	for (; la && lb; la = strtok_r(NULL, "\n", &pa), lb = strtok_r(NULL, "\n", &pb)) {
		const char *value = strstr(lb, "= ");

		if (la[0] == '[')
			snprintf(section, sizeof(section), "%.*s",
				 (int)strcspn(la + 1, "]"), la + 1);
		/* "auto" is content with whatever it was resolved to. */
		if (strcmp(la, lb) && (!value || strcmp(value, "= auto")))
			text_add(out, "%s%s.%s -> %s", out->length ? "; " : "", section,
				 la, value ? value + 2 : lb);
	}
}
