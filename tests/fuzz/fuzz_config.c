/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Fuzzes the configuration's parser: what it accepts must survive writing and reading. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "deploy/config.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void demand(bool holds)
{
	if (!holds)
		abort();
}

/* Each fault is a line of its own that names the file, and is fit for a terminal. */
static void check_faults(const struct text *faults)
{
	const char *line = faults->text;
	unsigned int n = 0;

	demand(faults->length > 0 && strlen(line) == faults->length);
	for (; *line; n++) {
		demand(!strncmp(line, "f:", 2));
		for (; *line != '\n'; line++)
			demand((unsigned char)*line >= ' ' || *line == '\t');
		line++;
	}
	demand(n <= CONFIG_FAULTS_MAX + 1);
}

static void check_round_trip(const struct config *c, bool describe)
{
	struct text once = { 0 }, twice = { 0 }, faults = { 0 };
	struct config again;

	config_write(c, describe, &once);
	demand(config_parse("f", once.text, once.length, &again, &faults) == 0);
	demand(!memcmp(c, &again, sizeof(again)));
	config_write(&again, describe, &twice);
	demand(!strcmp(once.text, twice.text));
	text_free(&once);
	text_free(&twice);
}

/* What later layers rely on. */
static void check_config(const struct config *c)
{
	demand(c->ports.n > 0 && ports_count(&c->ports) <= 64);
	for (int s = 0; s < SIDES; s++) {
		const struct config_side *side = &c->side[s];

		demand(side->nic[0] && strnlen(side->nic, IFNAMSIZ) < IFNAMSIZ);
		demand(side->vlan <= 4094);
		demand(side->address[FAMILY_IPV4].family ||
		       side->address[FAMILY_IPV6].family);
		for (int f = 0; f < FAMILIES; f++)
			demand(side->address[f].family == side->gateway[f].family);
	}
	demand(strcmp(c->side[SIDE_CLIENT].nic, c->side[SIDE_SERVER].nic) ||
	       c->side[SIDE_CLIENT].vlan != c->side[SIDE_SERVER].vlan);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct text faults = { 0 };
	struct config c;
	int r = config_parse("f", (const char *)data, size, &c, &faults);

	demand((r < 0) == (faults.length > 0));
	if (r < 0) {
		check_faults(&faults);
	} else {
		check_config(&c);
		check_round_trip(&c, false);
		check_round_trip(&c, true);
	}
	text_free(&faults);
	return 0;
}
