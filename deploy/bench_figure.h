/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Figures of a result, drawn by gnuplot as SVG. */
#ifndef DEPLOY_BENCH_FIGURE_H
#define DEPLOY_BENCH_FIGURE_H

#include <jansson.h>

#include "deploy/bench.h"

/* Bars: groups along the axis, one bar of each series in each; a NULL case is a gap. */
struct figure_bars {
	const char *file, *caption, *metric, *axis;
	double scale;              /* of the metric's values */
	const char *const *groups; /* labels; NULL-terminated */
	const char *const *series; /* labels; NULL-terminated */
	const char *const *cases;  /* groups x series, row by row */
};

/* Lines over a number that the names of cases end in, in bytes, on a log axis. */
struct figure_lines {
	const char *file, *caption, *metric, *axis;
	double scale;
	bool log; /* the metric's axis too */
	const char *x_axis;
	const char *const *series; /* labels, and what the names begin with */
	const double *x;           /* 0-terminated */
};

/*
 * Draws median and range into DIRECTORY/file and appends {file, caption, svg} to list. A
 * figure of which nothing was measured is left out. Where gnuplot fails it says so on
 * the log and draws nothing.
 */
void figure_bars(const json_t *result, const struct figure_bars *f, const char *directory,
		 json_t *list);
void figure_lines(const json_t *result, const struct figure_lines *f,
		  const char *directory, json_t *list);
/* A script of gnuplot's that needs no file. */
void figure_draw(const char *script, const char *file, const char *caption,
		 const char *directory, json_t *list);
/* Where figures write their terminal, title and axis. */
void figure_begin(const char *caption, const char *axis, struct text *out);

#endif
