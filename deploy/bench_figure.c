/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Owns figures: medians and ranges as gnuplot's script, and its SVG. */
#include "deploy/bench_figure.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "deploy/bench_result.h"
#include "helpers/cleanup.h"
#include "helpers/log.h"
#include "helpers/memory.h"
#include "helpers/run.h"

void figure_draw(const char *script, const char *file, const char *caption,
		 const char *directory, json_t *list)
{
	static const char *const argv[] = { "gnuplot", "-", NULL };
	_cleanup_free_ char *path = memory_printf("%s/%s", directory, file);
	_cleanup_text_ struct text svg = { 0 };
	_cleanup_fclose_ FILE *f = NULL;
	struct error err = { 0 };
	int r = run_program(argv, script, &svg, &err);

	if (r < 0) {
		log_warning("no figure %s: %s%s", file, err.msg,
			    r == -ENOENT ? ": install gnuplot-nox" : "");
		return;
	}
	f = fopen(path, "we");
	if (!f || !svg.text || fputs(svg.text, f) < 0) {
		log_warning("cannot write %s: %s", path, strerror(errno));
		return;
	}
	json_array_append_new(list, json_pack("{s:s,s:s,s:s}", "file", file, "caption",
					      caption, "svg", svg.text));
}

/* Colours that the colour-blind can tell apart (Okabe and Ito). */
void figure_begin(const char *caption, const char *axis, struct text *out)
{
	static const char *const colours[] = { "#0072B2", "#E69F00", "#009E73",
					       "#CC79A7", "#56B4E9", "#D55E00" };

	text_line(out, "set terminal svg size 760,420 enhanced font 'sans-serif,13' "
		       "background '#ffffff'");
	/* Not '...', where an apostrophe would end it. */
	text_line(out, "set title \"%s\" noenhanced\nset ylabel \"%s\" noenhanced",
		  caption, axis);
	text_line(out, "set grid ytics lc '#dddddd'\nset key outside bottom center "
		       "horizontal noenhanced\nset xtics noenhanced");
	for (size_t i = 0; i < sizeof(colours) / sizeof(colours[0]); i++)
		text_line(out, "set style line %zu lc rgb '%s' lw 2 pt 7 ps 0.7", i + 1,
			  colours[i]);
}

/* "median low high" of what was measured, scaled; false: nothing was. */
static bool point(const json_t *result, const char *name, const char *metric,
		  double scale, struct text *out)
{
	size_t n = 0;
	_cleanup_free_ double *v =
		name ? bench_result_values(result, name, metric, &n) : NULL;
	struct statistics s;

	if (!n)
		return false;
	statistics_of(v, n, &s);
	text_add(out, "%.6g %.6g %.6g", s.median * scale, s.minimum * scale,
		 s.maximum * scale);
	return true;
}

static size_t words_count(const char *const *words)
{
	size_t n = 0;

	while (words[n])
		n++;
	return n;
}

/* A series of which nothing was measured is left out: gnuplot refuses to draw it. */
static void bars_plot(const struct figure_bars *f, const bool *seen, struct text *out)
{
	size_t drawn = 0;

	for (size_t s = 0; f->series[s]; s++) {
		if (!seen[s])
			continue;
		text_add(out, "%s $data using %zu:%zu:%zu%s title \"%s\" ls %zu",
			 drawn ? "," : "plot", 2 + 3 * s, 3 + 3 * s, 4 + 3 * s,
			 drawn ? "" : ":xtic(1)", f->series[s], s + 1);
		drawn++;
	}
	text_line(out, "%s", "");
}

/* A group of which nothing was measured is left out; false then. */
static bool group_row(const json_t *result, const struct figure_bars *f, size_t group,
		      size_t series, bool *seen, struct text *out)
{
	_cleanup_text_ struct text row = { 0 };
	bool any = false;

	for (size_t s = 0; s < series; s++) {
		text_add(&row, " ");
		if (point(result, f->cases[group * series + s], f->metric, f->scale,
			  &row))
			any = seen[s] = true;
		else
			text_add(&row, "NaN NaN NaN");
	}
	if (any)
		text_line(out, "\"%s\"%s", f->groups[group], row.text);
	return any;
}

void figure_bars(const json_t *result, const struct figure_bars *f, const char *directory,
		 json_t *list)
{
	size_t groups = words_count(f->groups), series = words_count(f->series);
	_cleanup_free_ bool *seen = memory_new(series, sizeof(*seen));
	_cleanup_text_ struct text script = { 0 };
	bool any = false;

	text_line(&script, "$data << END");
	for (size_t g = 0; g < groups; g++)
		any |= group_row(result, f, g, series, seen, &script);
	text_line(&script, "END");
	if (!any)
		return;
	figure_begin(f->caption, f->axis, &script);
	text_line(&script,
		  "set style data histogram\nset style histogram errorbars gap 1 "
		  "lw 1\nset style fill solid 0.85 border -1\nset yrange [0:*]\n"
		  "set boxwidth 0.9%s",
		  series > 1 ? "" : "\nset key off\nset bmargin 4");
	bars_plot(f, seen, &script);
	figure_draw(script.text, f->file, f->caption, directory, list);
}

void figure_lines(const json_t *result, const struct figure_lines *f,
		  const char *directory, json_t *list)
{
	size_t series = words_count(f->series), drawn = 0;
	_cleanup_text_ struct text script = { 0 }, plot = { 0 };

	for (size_t s = 0; s < series; s++) {
		_cleanup_text_ struct text rows = { 0 };

		for (size_t i = 0; f->x[i] > 0; i++) {
			_cleanup_free_ char *name =
				memory_printf("%s %.0f", f->series[s], f->x[i]);
			_cleanup_text_ struct text row = { 0 };

			if (point(result, name, f->metric, f->scale, &row))
				text_line(&rows, "%.0f %s", f->x[i], row.text);
		}
		if (!rows.length)
			continue;
		text_line(&script, "$s%zu << END\n%sEND", s, rows.text);
		text_add(&plot,
			 "%s $s%zu using 1:2 with linespoints ls %zu title '%s', "
			 "$s%zu using 1:2:3:4 with yerrorbars ls %zu notitle",
			 drawn++ ? "," : "plot", s, s + 1, f->series[s], s, s + 1);
	}
	if (!drawn)
		return;
	figure_begin(f->caption, f->axis, &script);
	text_line(&script,
		  "set logscale x 2\nset xlabel '%s' noenhanced\n"
		  "set format x '%%.0b %%BB'\nset bmargin 6\n%s",
		  f->x_axis, f->log ? "set logscale y" : "set yrange [0:*]");
	text_line(&script, "%s", plot.text);
	figure_draw(script.text, f->file, f->caption, directory, list);
}
