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
#include "deploy/steps.h"
#include "helpers/cleanup.h"
#include "helpers/fault.h"
#include "helpers/log.h"
#include "helpers/memory.h"

/*
 * Each moves what is mine to theirs; whether that changed anything of either. What it was
 * goes into a list: {"interface", "prior": {...}}.
 */
struct handover_kind {
	const char *suffix; /* of the steps' names */
	bool (*move)(json_t *mine, json_t *theirs, json_t *moved);
};

/* A value on its way: of my step's record to that of theirs, both as they will be. */
struct handover_value {
	struct journal *mine, *theirs;
	const char *my_step, *their_step;
	json_t *my_record, *their_record, *moved;
};

static bool same_device(const json_t *a, const json_t *b)
{
	json_int_t ifindex = json_integer_value(json_object_get(a, "ifindex"));

	return ifindex && ifindex == json_integer_value(json_object_get(b, "ifindex"));
}

static void tell_moved(json_t *moved, const json_t *device, json_t *prior)
{
	json_array_append_new(moved,
			      json_pack("{s:O?,s:o}", "interface",
					json_object_get(device, "name"), "prior", prior));
}

/* "prior" has those flags alone that were not set before. */
static bool move_flags(json_t *mine, json_t *theirs, json_t *moved)
{
	json_t *prior = json_object_get(mine, "prior");

	if (!same_device(mine, theirs) || !json_object_size(prior))
		return false;
	tell_moved(moved, mine, json_copy(prior));
	json_object_update_missing(json_object_get(theirs, "prior"), prior);
	json_object_clear(prior);
	return true;
}

static bool move_vlan(json_t *mine, json_t *theirs, json_t *moved)
{
	if (!same_device(mine, theirs) ||
	    !json_is_true(json_object_get(mine, "turned_off")))
		return false;
	tell_moved(moved, mine, json_pack("{s:b}", "rx-vlan-filter", true));
	json_object_set_new(theirs, "turned_off", json_true());
	json_object_set_new(mine, "turned_off", json_false());
	return true;
}

/* A clsact that was not there before goes with its last filter, whoever's that is. */
static bool move_qdisc(json_t *mine, json_t *theirs, json_t *moved)
{
	json_t *a, *b;
	bool any = false;
	size_t i, k;

	json_array_foreach(json_object_get(mine, "nics"), i, a)
	{
		json_array_foreach(json_object_get(theirs, "nics"), k, b)
		{
			if (!same_device(a, b) ||
			    !json_is_null(json_object_get(a, "qdisc")) ||
			    json_is_null(json_object_get(b, "qdisc")))
				continue;
			tell_moved(moved, a, json_pack("{s:b}", "clsact", false));
			json_object_set_new(b, "qdisc", json_null());
			any = true;
		}
	}
	return any;
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
static int handover_write(const struct handover_value *v, void *arg, struct error *err)
{
	int r = journal_begin(v->theirs, v->their_step, v->their_record, err);

	(void)arg;
	if (r < 0)
		return r;
	fault_point("record", "handover", err);
	r = fault_point("partial", "handover", err);
	return r < 0 ? r : journal_begin(v->mine, v->my_step, v->my_record, err);
}

/* That there is one. */
static int handover_found(const struct handover_value *v, void *arg, struct error *err)
{
	(void)v;
	(void)arg;
	(void)err;
	return 1;
}

/* use: what is done with each value, 0 to go on. By copies of the records. */
static int handover_step(struct handover_value *v,
			 int (*use)(const struct handover_value *v, void *arg,
				    struct error *err),
			 void *arg, struct error *err)
{
	const struct handover_kind *kind = handover_kind(v->my_step);
	int r = 0;

	if (!kind || kind != handover_kind(v->their_step))
		return 0;
	v->my_record = json_deep_copy(journal_find(v->mine, v->my_step));
	v->their_record = json_deep_copy(journal_find(v->theirs, v->their_step));
	v->moved = json_array();
	if (kind->move(v->my_record, v->their_record, v->moved))
		r = use(v, arg, err);
	json_decref(v->my_record);
	json_decref(v->their_record);
	json_decref(v->moved);
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

/* Each step with each of the other's. */
static int handover_walk(struct journal *mine, struct journal *theirs,
			 int (*use)(const struct handover_value *v, void *arg,
				    struct error *err),
			 void *arg, struct error *err)
{
	size_t n, m;
	char **a = handover_names(mine, &n), **b = handover_names(theirs, &m);
	int r = 0;

	for (size_t i = 0; i < n && !r; i++) {
		for (size_t k = 0; k < m && !r; k++) {
			struct handover_value v = { mine, theirs, a[i], b[k],
						    NULL, NULL,   NULL };

			r = handover_step(&v, use, arg, err);
		}
	}
	names_free(a);
	names_free(b);
	return r;
}

int handover_journals(struct journal *mine, struct journal *theirs, struct error *err)
{
	return handover_walk(mine, theirs, handover_write, NULL, err);
}

/* The foreseen list, and whose journal theirs is. */
struct handover_sight {
	json_t *list;
	const char *blade;
};

/* Only in memory, so that nothing is foreseen twice. */
static int handover_tell(const struct handover_value *v, void *arg, struct error *err)
{
	const struct handover_sight *sight = arg;
	json_t *one;
	size_t i;

	(void)err;
	json_array_foreach(v->moved, i, one)
	{
		json_array_append_new(
			sight->list,
			json_pack("{s:s,s:O?,s:O,s:s,s:s}", "step", v->my_step,
				  "interface", json_object_get(one, "interface"), "prior",
				  json_object_get(one, "prior"), "blade", sight->blade,
				  "its_step", v->their_step));
	}
	json_object_update(journal_find(v->mine, v->my_step), v->my_record);
	json_object_update(journal_find(v->theirs, v->their_step), v->their_record);
	return 0;
}

void handover_foresee_journals(struct journal *mine, struct journal *theirs,
			       const char *blade, json_t *list)
{
	struct handover_sight sight = { list, blade };

	handover_walk(mine, theirs, handover_tell, &sight, &(struct error){ 0 });
}

/*
 * That blade's journal, read without its lock; NULL where it has none, or, with a
 * warning, where nobody can read it: that must not keep this blade up.
 */
static struct journal *handover_peek(const char *name, const char *other)
{
	struct error why = { 0 };
	struct journal *peek = NULL;
	_cleanup_close_ int dirfd = state_open(other, false, false, &why);
	int r = dirfd;

	if (r >= 0)
		r = state_journal(other, dirfd, false, &peek, &why);
	if (r < 0 && r != -ENOENT)
		log_warning("blade '%s', if it shares an interface with '%s', is left "
			    "without what is undone now: %s",
			    other, name, why.msg);
	return peek;
}

static int handover_to(const char *name, struct journal *mine, const char *other,
		       void *arg, struct error *err)
{
	_cleanup_journal_ struct journal *peek = handover_peek(name, other);
	_cleanup_journal_ struct journal *theirs = NULL;
	_cleanup_close_ int dirfd = -1;
	int r;

	(void)arg;
	if (!peek || !handover_walk(mine, peek, handover_found, NULL, err))
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

static int handover_look(const char *name, struct journal *mine, const char *other,
			 void *list, struct error *err)
{
	_cleanup_journal_ struct journal *peek = handover_peek(name, other);

	(void)err;
	if (peek)
		handover_foresee_journals(mine, peek, other, list);
	return 0;
}

/* Every other blade's name. */
static int handover_others(const char *name, struct journal *mine,
			   int (*each)(const char *name, struct journal *mine,
				       const char *other, void *arg, struct error *err),
			   void *arg, struct error *err)
{
	DIR *dir = opendir(STATE_ROOT);
	struct dirent *e;
	int r = 0;

	if (!dir)
		return error_set(err, errno, "list " STATE_ROOT);
	while (!r && (e = readdir(dir))) {
		if (!state_name_check(e->d_name, &(struct error){ 0 }) &&
		    strcmp(e->d_name, name) != 0)
			r = each(name, mine, e->d_name, arg, err);
	}
	closedir(dir);
	return r;
}

/* What is handed over is in the steps of this group. */
static bool handover_goes(const char *group)
{
	return !group || !strcmp(group, GROUP_TC);
}

int handover_make(const char *name, const char *group, struct journal *mine,
		  struct error *err)
{
	int r;

	if (!handover_goes(group))
		return 0;
	fault_point("before", "handover", err);
	r = handover_others(name, mine, handover_to, NULL, err);
	fault_point("after", "handover", err);
	return r;
}

int handover_foresee(const char *name, const char *group, struct journal *mine,
		     json_t **out, struct error *err)
{
	json_t *list = json_array();
	int r = handover_goes(group)
			? handover_others(name, mine, handover_look, list, err)
			: 0;

	if (r < 0)
		json_decref(list);
	else
		*out = list;
	return r;
}
