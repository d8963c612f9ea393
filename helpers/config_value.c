/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Owns the types of configuration values: reading, writing and describing each. */
#include <ctype.h>
#include <errno.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>

#include "helpers/config_value.h"
#include "helpers/cpulist.h"
#include "helpers/ports.h"
#include "helpers/prefix.h"

#define LOWER_ALNUM "abcdefghijklmnopqrstuvwxyz0123456789"
#define UPPER       "ABCDEFGHIJKLMNOPQRSTUVWXYZ"

static const struct {
	const char *suffix;
	unsigned long ms;
} duration_units[] = { { "ms", 1 }, { "s", 1000 }, { "m", 60000 }, { "h", 3600000 } };

/* Digits, then *end; values beyond maximum are an error. */
static int value_number(const char *s, unsigned long maximum, unsigned long *out,
			const char **end)
{
	unsigned long v = 0;

	if (!isdigit((unsigned char)*s))
		return -EINVAL;
	for (; isdigit((unsigned char)*s); s++) {
		v = v * 10 + (unsigned long)(*s - '0');
		if (v > maximum)
			return -ERANGE;
	}
	*out = v;
	*end = s;
	return 0;
}

static int value_unsigned(const struct config_key *k, const char *s, unsigned int *out)
{
	const char *end;
	unsigned long v;

	if (value_number(s, k->maximum, &v, &end) < 0 || *end || v < k->minimum)
		return -EINVAL;
	*out = (unsigned int)v;
	return 0;
}

static int value_duration(const struct config_key *k, const char *s, unsigned int *out)
{
	const char *end;
	unsigned long v;

	if (value_number(s, k->maximum, &v, &end) < 0)
		return -EINVAL;
	for (size_t i = 0; i < sizeof(duration_units) / sizeof(duration_units[0]); i++) {
		if (strcmp(end, duration_units[i].suffix))
			continue;
		v *= duration_units[i].ms; /* maximum * 3600000 fits 64 bits */
		if (v < k->minimum || v > k->maximum)
			return -EINVAL;
		*out = (unsigned int)v;
		return 0;
	}
	return -EINVAL;
}

static void duration_format(unsigned long ms, struct text *out)
{
	size_t i = sizeof(duration_units) / sizeof(duration_units[0]) - 1;

	while (i > 0 && (!ms || ms % duration_units[i].ms))
		i--;
	text_add(out, "%lu%s", ms / duration_units[i].ms, duration_units[i].suffix);
}

static int value_choice(const struct config_key *k, const char *s, int *out)
{
	for (int i = 0; k->names[i]; i++) {
		if (!strcmp(k->names[i], s)) {
			*out = i;
			return 0;
		}
	}
	return -EINVAL;
}

/*
 * The kernel takes more (any byte but blanks, / and :), but these names end up in
 * command lines that people paste and under /proc/sys/net, where "all" and "default"
 * are something else.
 */
static int value_interface(const char *s, char *out)
{
	size_t n = strlen(s);

	if (!n || n >= IFNAMSIZ || n != strspn(s, LOWER_ALNUM UPPER "._-@+") ||
	    s[0] == '-' || s[0] == '.' || n == strspn(s, "0123456789") ||
	    !strcmp(s, "all") || !strcmp(s, "default") || !strcmp(s, "lo"))
		return -EINVAL;
	memset(out, 0, IFNAMSIZ);
	memcpy(out, s, n);
	return 0;
}

static bool value_is_path(const char *s)
{
	size_t n = strlen(s);

	return s[0] == '/' && s[n - 1] != '/' && !strstr(s, "//") && !strstr(s, "/../") &&
	       (n < 3 || strcmp(s + n - 3, "/..")) &&
	       n == strspn(s, LOWER_ALNUM UPPER "._-+@/");
}

static int value_string(const struct config_key *k, const char *s, char *out,
			struct error *why)
{
	size_t n = strlen(s);
	bool right = false;

	switch ((enum config_charset)k->minimum) {
	case CONFIG_WORD:
		right = n == strspn(s, LOWER_ALNUM "_");
		break;
	case CONFIG_USER:
		right = n == strspn(s, LOWER_ALNUM "_-") && s[0] != '-' &&
			!isdigit((unsigned char)s[0]);
		break;
	case CONFIG_PATH:
		right = n && value_is_path(s);
		break;
	}
	if (!n || !right)
		return -EINVAL;
	if (n > k->maximum)
		return error_say(why, EINVAL, "longer than %lu bytes", k->maximum);
	memset(out, 0, k->maximum + 1);
	memcpy(out, s, n);
	return 0;
}

static int value_prefix(const struct config_key *k, const char *s, struct prefix *out)
{
	bool slash = strchr(s, '/');
	struct prefix p;

	if (slash != (k->type == CONFIG_PREFIX) || prefix_parse(s, &p, NULL) < 0 ||
	    p.family != (int)k->minimum)
		return -EINVAL;
	*out = p;
	return 0;
}

/* Stored without blanks, so that two ways to write one list compare equal. */
static int value_cpulist(const struct config_key *k, const char *s, char *out,
			 struct error *why)
{
	unsigned int cpu[CPULIST_MAX];
	struct error detail = { 0 };
	size_t n, used = 0;

	if (cpulist_parse(s, cpu, &n, &detail) < 0) {
		/* The other message of cpulist_parse repeats what was expected. */
		return strncmp(detail.msg, "expected", 8)
			       ? error_say(why, EINVAL, "%s", detail.msg)
			       : -EINVAL;
	}
	for (const char *p = s; *p; p++)
		used += *p != ' ' && *p != '\t';
	if (used > k->maximum)
		return error_say(why, EINVAL, "longer than %lu bytes", k->maximum);
	memset(out, 0, k->maximum + 1);
	for (; *s; s++) {
		if (*s != ' ' && *s != '\t')
			*out++ = *s;
	}
	return 0;
}

static size_t value_size(const struct config_key *k)
{
	switch (k->type) {
	case CONFIG_STRING:
	case CONFIG_CPULIST:
		return k->maximum + 1;
	case CONFIG_INTERFACE:
		return IFNAMSIZ;
	case CONFIG_UNSIGNED:
	case CONFIG_DURATION:
		return sizeof(unsigned int);
	case CONFIG_CHOICE:
		return sizeof(int);
	case CONFIG_PREFIX:
	case CONFIG_ADDRESS:
		return sizeof(struct prefix);
	case CONFIG_PORTS:
		return sizeof(struct ports);
	}
	return 0;
}

void config_value_clear(const struct config_key *k, void *out)
{
	memset((char *)out + k->offset, 0, value_size(k));
}

static const char *value_zero_word(const struct config_key *k)
{
	return k->type != CONFIG_CHOICE && k->names ? k->names[0] : NULL;
}

int config_value_set(const struct config_key *k, const char *value, void *out,
		     struct error *why)
{
	void *to = (char *)out + k->offset;

	why->msg[0] = '\0';
	if (value_zero_word(k) && !strcmp(value, value_zero_word(k))) {
		config_value_clear(k, out);
		return 0;
	}
	switch (k->type) {
	case CONFIG_STRING:
		return value_string(k, value, to, why);
	case CONFIG_INTERFACE:
		return value_interface(value, to);
	case CONFIG_UNSIGNED:
		return value_unsigned(k, value, to);
	case CONFIG_DURATION:
		return value_duration(k, value, to);
	case CONFIG_CHOICE:
		return value_choice(k, value, to);
	case CONFIG_PREFIX:
	case CONFIG_ADDRESS:
		return value_prefix(k, value, to);
	case CONFIG_PORTS:
		return ports_parse(value, to, why);
	case CONFIG_CPULIST:
		return value_cpulist(k, value, to, why);
	}
	return -EINVAL;
}

static void expected_choice(const struct config_key *k, struct text *out)
{
	for (size_t i = 0; k->names[i]; i++) {
		const char *join = !i ? "" : k->names[i + 1] ? ", " : " or ";

		text_add(out, "%s%s", join, k->names[i]);
	}
}

static const char *expected_string(const struct config_key *k)
{
	switch ((enum config_charset)k->minimum) {
	case CONFIG_WORD:
		return "a word of a-z, 0-9 and _";
	case CONFIG_USER:
		return "a user name of a-z, 0-9, _ and -";
	case CONFIG_PATH:
		return "an absolute path of letters, digits and . _ - + @ /, without '..'";
	}
	return "a string";
}

static void expected_duration(const struct config_key *k, struct text *out)
{
	text_add(out, "a time of ");
	duration_format(k->minimum, out);
	text_add(out, "..");
	duration_format(k->maximum, out);
	text_add(out, " as in 500ms, 5s, 2m or 1h");
}

static void expected_address(const struct config_key *k, struct text *out)
{
	bool six = k->minimum == AF_INET6, length = k->type == CONFIG_PREFIX;

	text_add(out, "an IPv%c address %s as in %s", six ? '6' : '4',
		 length ? "with its prefix length" : "without prefix length",
		 six      ? length ? "fd00:1::2/64" : "fd00:1::1"
		 : length ? "10.1.0.2/24"
			  : "10.1.0.1");
}

static void expected_type(const struct config_key *k, struct text *out)
{
	switch (k->type) {
	case CONFIG_STRING:
		text_add(out, "%s", expected_string(k));
		break;
	case CONFIG_INTERFACE:
		text_add(out, "an interface name as in eth0");
		break;
	case CONFIG_UNSIGNED:
		text_add(out, "%lu..%lu", k->minimum, k->maximum);
		break;
	case CONFIG_DURATION:
		expected_duration(k, out);
		break;
	case CONFIG_CHOICE:
		expected_choice(k, out);
		break;
	case CONFIG_PREFIX:
	case CONFIG_ADDRESS:
		expected_address(k, out);
		break;
	case CONFIG_PORTS:
		text_add(out, "ports 1..65534 as in 80, 8080-8090");
		break;
	case CONFIG_CPULIST:
		text_add(out, "a CPU list as in 0-3,8");
		break;
	}
}

void config_value_expected(const struct config_key *k, struct text *out)
{
	expected_type(k, out);
	if (value_zero_word(k))
		text_add(out, "%s or %s", k->type == CONFIG_UNSIGNED ? "" : ",",
			 value_zero_word(k));
}

static bool value_is_zero(const struct config_key *k, const char *from)
{
	for (size_t i = 0; i < value_size(k); i++) {
		if (from[i])
			return false;
	}
	return true;
}

void config_value_write(const struct config_key *k, const void *in, struct text *out)
{
	const void *from = (const char *)in + k->offset;
	char ports[PORTS_TEXT_SIZE], address[PREFIX_TEXT_SIZE];

	if (value_zero_word(k) && value_is_zero(k, from)) {
		text_add(out, "%s", value_zero_word(k));
		return;
	}
	if (!k->fallback && value_is_zero(k, from))
		return;
	switch (k->type) {
	case CONFIG_STRING:
	case CONFIG_INTERFACE:
	case CONFIG_CPULIST:
		text_add(out, "%s", (const char *)from);
		break;
	case CONFIG_UNSIGNED:
		text_add(out, "%u", *(const unsigned int *)from);
		break;
	case CONFIG_DURATION:
		duration_format(*(const unsigned int *)from, out);
		break;
	case CONFIG_CHOICE:
		text_add(out, "%s", k->names[*(const int *)from]);
		break;
	case CONFIG_PREFIX:
	case CONFIG_ADDRESS:
		text_add(out, "%s",
			 prefix_format(from, k->type == CONFIG_PREFIX, address));
		break;
	case CONFIG_PORTS:
		text_add(out, "%s", ports_format(from, ports, sizeof(ports)));
		break;
	}
}
