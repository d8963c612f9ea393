/* SPDX-License-Identifier: GPL-2.0-or-later */
/* CPU masks as the kernel writes them: "ff,ffff0000", words of 32 bits. */
#ifndef HELPERS_NIC_CPUMASK_H
#define HELPERS_NIC_CPUMASK_H

#include <sched.h>
#include <stddef.h>

#define CPUMASK_TEXT_SIZE 320 /* 1024 CPUs take 288 */

/* The mask in hexadecimal, without leading zeros. Returns buf (CPUMASK_TEXT_SIZE). */
const char *cpumask_format(const cpu_set_t *set, char *buf);
/* Reads one, with leading zeros or without. -EINVAL: it is none. */
int cpumask_parse(const char *text, cpu_set_t *set);
/* The same CPUs as a list, "0-3,8"; "" for none. Returns buf (size bytes, cut off). */
const char *cpumask_list(const cpu_set_t *set, char *buf, size_t size);

#endif
