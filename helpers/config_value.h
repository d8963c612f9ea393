/* SPDX-License-Identifier: GPL-2.0-or-later */
/* One configuration value: read, written, and described, by its row's type. */
#ifndef HELPERS_CONFIG_VALUE_H
#define HELPERS_CONFIG_VALUE_H

#include "helpers/config.h"

/*
 * Stores value in out's field. -EINVAL where it is none of the row's type; why then
 * holds a detail, or is left empty where config_value_expected says it all.
 */
int config_value_set(const struct config_key *k, const char *value, void *out,
		     struct error *why);
/* The field's zero: what a required key is until it is given. */
void config_value_clear(const struct config_key *k, void *out);
/* "1..4094 or none": what the row takes, to come after "expected". */
void config_value_expected(const struct config_key *k, struct text *out);
/* The field as config_value_set reads it; nothing for a required key that is not set. */
void config_value_write(const struct config_key *k, const void *in, struct text *out);

#endif
