/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A configuration file's lines, each checked byte by byte before anybody parses it. */
#ifndef HELPERS_CONFIG_LINE_H
#define HELPERS_CONFIG_LINE_H

#include "helpers/config.h"

enum config_line_kind {
	CONFIG_LINE_BLANK,   /* nothing, or a comment */
	CONFIG_LINE_SECTION, /* text: what stands between [ and ] */
	CONFIG_LINE_ENTRY,   /* text: key = value */
	CONFIG_LINE_FAULTY, /* reported; text: the key, if one can be made out, else "" */
	CONFIG_LINE_LOST,   /* reported; a section whose name cannot be made out */
};

/* Zero-initialise all but next and end. */
struct config_lines {
	const char *next, *end;
	unsigned int number;            /* of the line read last, counted from 1 */
	bool carriage;                  /* CR LF was reported: once a file is enough */
	char text[CONFIG_LINE_MAX + 1]; /* of the line read last, trimmed, no comment */
};

/* Reads a line, reporting what is wrong with its form. False at the end. */
bool config_line_next(struct config_lines *l, struct config_report *report,
		      enum config_line_kind *kind);

#define CONFIG_CLIP_SIZE 72

/* The text for a message: cut between characters where it is long. Returns buf. */
const char *config_clip(const char *text, char buf[CONFIG_CLIP_SIZE]);

#endif
