/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The journal: what has been changed and what it was before, on disk first. */
#ifndef HELPERS_JOURNAL_H
#define HELPERS_JOURNAL_H

#include <jansson.h>
#include <stdbool.h>

#include "helpers/error.h"

/*
 * A text file, one JSON object a line, append-only while it lives:
 * {"do":"STEP","record":{...}} before a step's change, {"undone":"STEP"} after its
 * undo. A torn last line (the writer was killed) is a step whose change never began.
 */
struct journal;

/*
 * Opens (creating where create is set) the journal in the directory dirfd and reads
 * what it holds. Without create it is for reading only, by whoever does not hold the
 * blade's lock, and a missing journal is an empty one. *out is the caller's:
 * journal_close. -EBADMSG names the line of a journal that is damaged
 * elsewhere than in its last line.
 */
int journal_open(int dirfd, bool create, struct journal **out, struct error *err);
void journal_close(struct journal *j);
void journal_cleanup(struct journal **j);
#define _cleanup_journal_ __attribute__((cleanup(journal_cleanup)))

/* Writes the record of a step about to change something and syncs it. Borrows record. */
int journal_begin(struct journal *j, const char *step, const json_t *record,
		  struct error *err);
/* Writes that a step was undone. */
int journal_undone(struct journal *j, const char *step, struct error *err);
/* The live record of a step (borrowed), or NULL where it is not in force. */
json_t *journal_find(const struct journal *j, const char *step);
/* The live steps' names, oldest first: index 0 .. journal_count - 1. */
size_t journal_count(const struct journal *j);
const char *journal_name(const struct journal *j, size_t index);
/* Deletes the file; the journal stays usable only for journal_close. */
int journal_remove(struct journal *j, struct error *err);

#endif
