/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Owns handing prior values over to another blade that still needs what was changed. */
#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "deploy/blade.h"
#include "deploy/handover.h"
#include "deploy/state.h"
#include "helpers/cleanup.h"
#include "helpers/fault.h"
#include "helpers/log.h"
#include "helpers/memory.h"

/* Each moves what is mine to theirs; whether that changed anything of either. */
struct handover_kind {
	const char *suffix; /* of the steps' names */
	bool (*move)(json_t *mine, json_t *theirs);
};

static bool same_device(const json_t *a, const json_t *b)
{
	json_int_t ifindex = json_integer_value(json_object_get(a, "ifindex"));

	return ifindex && ifindex == json_integer_value(json_object_get(b, "ifindex"));
}

/* "prior" has those flags alone that were not set before. */
static bool move_flags(json_t *mine, json_t *theirs)
{
	json_t *prior = json_object_get(mine, "prior");

	if (!same_device(mine, theirs) || !json_object_size(prior))
		return false;
	json_object_update_missing(json_object_get(theirs, "prior"), prior);
	json_object_clear(prior);
	return true;
}

static bool move_vlan(json_t *mine, json_t *theirs)
{
	if (!same_device(mine, theirs) ||
	    !json_is_true(json_object_get(mine, "turned_off")))
		return false;
	json_object_set_new(theirs, "turned_off", json_true());
	json_object_set_new(mine, "turned_off", json_false());
	return true;
}

/* A clsact that was not there before goes with its last filter, whoever's that is. */
static bool move_qdisc(json_t *mine, json_t *theirs)
{
	json_t *a, *b;
	bool moved = false;
	size_t i, k;

	json_array_foreach(json_object_get(mine, "nics"), i, a)
	{
		json_array_foreach(json_object_get(theirs, "nics"), k, b)
		{
			if (!same_device(a, b) ||
			    !json_is_null(json_object_get(a, "qdisc")) ||
			    json_is_null(json_object_get(b, "qdisc")))
				continue;
			json_object_set_new(b, "qdisc", json_null());
			moved = true;
		}
	}
	return moved;
}

static const struct handover_kind handover_kinds[] = {
	{ "-flags", move_flags },
	{ "-vlan", move_vlan },
	{ "tc-nic", move_qdisc },
};

static const struct handover_kind *handover_kind(const char *step)
{
	size_t n = strlen(step);

	for (size_t i = 0; i < sizeof(handover_kinds) / sizeof(handover_kinds[0]); i++) {
		size_t m = strlen(handover_kinds[i].suffix);

		if (n >= m && !strcmp(step + n - m, handover_kinds[i].suffix))
			return &handover_kinds[i];
	}
	return NULL;
}

/* Theirs first: killed in between, the next down finds it there already. */
static int handover_write(struct journal *mine, const char *a, const json_t *ours,
			  struct journal *theirs, const char *b, const json_t *its,
			  struct error *err)
{
	int r = journal_begin(theirs, b, its, err);

	if (r < 0)
		return r;
	fault_point("record", "handover", err);
	r = fault_point("partial", "handover", err);
	return r < 0 ? r : journal_begin(mine, a, ours, err);
}

/* theirs NULL: only whether there is something to move, by copies. */
static int handover_step(struct journal *mine, const char *a, const struct journal *peek,
			 struct journal *theirs, const char *b, struct error *err)
{
	const struct handover_kind *kind = handover_kind(a);
	json_t *ours, *its;
	int r = 0;

	if (!kind || kind != handover_kind(b))
		return 0;
	ours = json_deep_copy(journal_find(mine, a));
	its = json_deep_copy(journal_find(peek, b));
	if (kind->move(ours, its))
		r = theirs ? handover_write(mine, a, ours, theirs, b, its, err) : 1;
	json_decref(ours);
	json_decref(its);
	return r;
}

/* The names at this moment: a record that is written anew goes to the end. */
static char **handover_names(const struct journal *j, size_t *n)
{
	char **names;

	*n = journal_count(j);
	names = memory_new(*n + 1, sizeof(*names));
	for (size_t i = 0; i < *n; i++)
		names[i] = memory_printf("%s", journal_name(j, i));
	return names;
}

static void names_free(char **names)
{
	for (size_t i = 0; names[i]; i++)
		free(names[i]);
	free(names);
}

/* Each step with each of the other's; above 0 where there is something to move. */
static int handover_walk(struct journal *mine, const struct journal *peek,
			 struct journal *theirs, struct error *err)
{
	size_t n, m;
	char **a = handover_names(mine, &n), **b = handover_names(peek, &m);
	int r = 0;

	for (size_t i = 0; i < n && !r; i++) {
		for (size_t k = 0; k < m && !r; k++)
			r = handover_step(mine, a[i], peek, theirs, b[k], err);
	}
	names_free(a);
	names_free(b);
	return r;
}

int handover_journals(struct journal *mine, struct journal *theirs, struct error *err)
{
	return handover_walk(mine, theirs, theirs, err);
}

/* Whether that blade's journal, read without its lock, shares something. */
static int handover_shares(struct journal *mine, const char *other, struct error *err)
{
	_cleanup_journal_ struct journal *peek = NULL;
	_cleanup_close_ int dirfd = state_open(other, false, false, err);
	int r = dirfd;

	if (r >= 0)
		r = state_journal(other, dirfd, false, &peek, err);
	return r < 0 ? r : handover_walk(mine, peek, NULL, err);
}

static int handover_to(const char *name, struct journal *mine, const char *other,
		       struct error *err)
{
	_cleanup_journal_ struct journal *theirs = NULL;
	_cleanup_close_ int dirfd = -1;
	int r = handover_shares(mine, other, err);

	/* A journal that nobody can read must not keep this blade up. */
	if (r < 0 && r != -ENOENT)
		log_warning("blade '%s', if it shares an interface with '%s', is left "
			    "without what is undone now: %s",
			    other, name, err->msg);
	if (r <= 0)
		return 0;
	dirfd = r = blade_lock(other, false, err);
	if (r == -ENOENT)
		return 0;
	if (r >= 0)
		r = state_journal(other, dirfd, true, &theirs, err);
	if (r >= 0)
		r = handover_journals(mine, theirs, err);
	if (r < 0)
		return error_wrap(err, "blade '%s', which is on an interface of '%s'",
				  other, name);
	log_info("blade '%s' is on an interface of '%s' too: what that was before is "
		 "put back when it goes",
		 other, name);
	return 0;
}

int handover_make(const char *name, struct journal *mine, struct error *err)
{
	DIR *dir = opendir(STATE_ROOT);
	struct dirent *e;
	int r = 0;

	if (!dir)
		return error_set(err, errno, "list " STATE_ROOT);
	fault_point("before", "handover", err);
	while (!r && (e = readdir(dir))) {
		if (!state_name_check(e->d_name, &(struct error){ 0 }) &&
		    strcmp(e->d_name, name) != 0)
			r = handover_to(name, mine, e->d_name, err);
	}
	closedir(dir);
	fault_point("after", "handover", err);
	return r;
}
