/* SPDX-License-Identifier: GPL-2.0-or-later */
/* In which members two parts of results differ, by name and in words. */
#ifndef DEPLOY_BENCH_DIFFERENCE_H
#define DEPLOY_BENCH_DIFFERENCE_H

#include <jansson.h>

/*
 * A list of {"name", "from", "to"} for each member that is not the same in both objects,
 * those of objects within as "outer.inner"; "nothing" is where it is missing. NULL is an
 * empty object. A new reference.
 */
json_t *bench_differences(json_t *from, json_t *to);
/* A configuration's text as an object of "section.key": value. A new reference. */
json_t *bench_configuration(const char *text);

#endif
