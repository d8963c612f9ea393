/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A benchmark: its cases, what is measured of each, and one run of it. */
#ifndef DEPLOY_BENCH_H
#define DEPLOY_BENCH_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include "deploy/bench_options.h"
#include "deploy/config.h"
#include "helpers/error.h"
#include "helpers/text.h"

#define BENCH_FORMAT   "hapep-bench/1"
#define BENCH_RESULT   "result.json"
#define BENCH_SETTINGS 8
#define BENCH_BLADE    "bench" /* the blade's name with an outside generator */

/* A suite's own `cases`, `metrics` and `comparisons`, in its description. */
#define BENCH_COUNT(a) (sizeof(a) / sizeof((a)[0]))
#define BENCH_TABLES                                                                     \
	.cases = cases, .cases_n = BENCH_COUNT(cases), .metrics = metrics,               \
	.metrics_n = BENCH_COUNT(metrics), .comparisons = comparisons,                   \
	.comparisons_n = BENCH_COUNT(comparisons)

/* Metrics that several suites have. */
#define BENCH_TPS                                                                        \
	{                                                                                \
		"tps", "TPS", "Transactions", 0, false, false                            \
	}
#define BENCH_TTFB_MEDIAN                                                                \
	{                                                                                \
		"ttfb_p50_us", "us", "TTFB median", 0, true, false                       \
	}
#define BENCH_TTFB_99                                                                    \
	{                                                                                \
		"ttfb_p99_us", "us", "TTFB 99%", 0, true, false                          \
	}
#define BENCH_FAILURES                                                                   \
	{                                                                                \
		"failures", "", "Failed", 0, true, true                                  \
	}

/* One thing that a sample says: "metrics" of result.json has it by its name. */
struct bench_metric {
	const char *name, *unit, *title;
	int digits; /* after the point, in reports */
	bool less;  /* less is better */
	bool total; /* the rounds' sum is what counts */
};

/*
 * What is brought up, and how it is loaded. kind: "blade" is hapep's own, any other is
 * the driver's. settings: "section.key=value" of the blade's configuration, which are the
 * case's factors too; what is not hapep's but is made like it has them as well. load:
 * "key=value" words for the driver.
 */
struct bench_case {
	const char *name, *kind;
	const char *settings[BENCH_SETTINGS];
	const char *load[BENCH_SETTINGS];
};

/* What a factor does: metric of case a over that of case b, beside what is expected. */
struct bench_comparison {
	const char *factor, *a, *b, *metric;
	const char *source; /* whose expectation: "paper"; NULL: none */
	double low, high;   /* it, in per cent */
	bool difference;    /* a less b, in the metric's unit, and not in per cent */
};

/*
 * Of the whole machine since it started, in seconds; interrupts: hard and soft. switches:
 * from one process to another.
 */
struct bench_cpu {
	double user, system, interrupts;
	double busy; /* the three */
	double steal, total;
	double switches;
};

/*
 * What is to be reached: metric of case a, over that of b of the same round (NULL: by
 * itself, in the metric's unit).
 */
struct bench_target {
	const char *what, *a, *b, *metric;
	double limit;
	bool most; /* the limit is the most that may be, and not the least */
};

struct bench;

struct bench_suite {
	const char *name, *title, *summary;
	const char *layout; /* the lab's: "tagged", "untagged" or "packets" */
	const char *server; /* what serves in it; NULL: the origin */
	const char *notes;  /* paragraphs for the report */
	const struct bench_case *cases;
	size_t cases_n;
	const struct bench_metric *metrics;
	size_t metrics_n;
	const struct bench_comparison *comparisons;
	size_t comparisons_n;
	const struct bench_target *targets; /* may be NULL */
	size_t targets_n;
	const char *baseline; /* case that cpu_above_us counts from; NULL: none */
	double seconds;       /* a sample's, unless asked for otherwise */
	bool costs;           /* transactions are alike: where their CPU time goes */
	bool external;        /* an outside generator can load it */
	/* Loads the case that is up, adds to sample: "metrics", "load". 0 or -errno. */
	int (*measure)(struct bench *b, const struct bench_case *c, json_t *sample,
		       struct error *err);
	/* Why the case cannot be had here; NULL where it can, or nothing speaks against.
	 */
	int (*possible)(struct bench *b, const struct bench_case *c, struct text *reason);
	/* Figures of a result: bench_figure.h; may be NULL. */
	void (*figures)(const json_t *result, const char *directory, json_t *list);
	/* More of a report, from the result; may be NULL. */
	void (*remarks)(const json_t *result, json_t *lines);
};

extern const struct bench_suite bench_table3, bench_peers, bench_splice, bench_latency,
	bench_pps;
extern const struct bench_suite *const bench_suites[];
extern const size_t bench_suites_n;
/* NULL: no such suite. */
const struct bench_suite *bench_suite_find(const char *name);

/* One run. */
struct bench {
	const struct bench_suite *suite;
	const struct bench_options *options;
	const char *base;  /* --config: what a blade's configuration starts from */
	char *directory;   /* the run's, absolute */
	char *libexec;     /* where driver, lab and generator are */
	char *self;        /* this very program */
	char lab[32];      /* the lab's name; "" with an outside generator */
	json_t *result;    /* what result.json will hold */
	json_t *scenarios; /* `hapep scenario --json` */
	unsigned int load; /* number of loads so far: each has its own clients */
	double seconds, warmup;
	const char *origin, *family; /* of the result's options */
	bool quick;
	unsigned int rounds, connections, cpus;
	int signals;         /* readable once the run is to stop */
	int lock, name_lock; /* bench_lock.h; -1: not held */
	char *name_path;     /* the file of name_lock */
};

/*
 * Runs a suite, or goes on with a run of it: brings each case up in turn, loads it, takes
 * it down, for so many rounds, every other one backwards. Each sample is on disk before
 * the next one starts. Returns an exit status, or -errno.
 */
int bench_run(const struct bench_suite *suite, const struct bench_options *options,
	      const char *base, struct error *err);
/* Whether the operator wants it stopped. */
bool bench_stopped(const struct bench *b);

/* ---- bench_driver.c ---- */

/* Finds driver, lab and generator beside the program: `libexec/hapep`. */
int bench_libexec(char **out, char **self, struct error *err);
/*
 * Runs the driver with these words (NULL-terminated) and adds its stdout to out. stop:
 * whether a signal ends it. seconds: at most. As run_program_within().
 */
int bench_drive(struct bench *b, const char *const words[], bool stop,
		unsigned int seconds, struct text *out, struct error *err);
int bench_begin(struct bench *b, struct error *err);
/* Always to its end, whatever was signalled. */
int bench_end(struct bench *b, struct error *err);
/* What a run left that was killed: the lab of b's name, or this machine's blade. */
int bench_leftover_end(struct bench *b, struct error *err);
int bench_up(struct bench *b, const struct bench_case *c, struct error *err);
int bench_down(struct bench *b, const struct bench_case *c, struct error *err);

/* ---- bench_case.c ---- */

/* Fills "cases" of the result, each with its configuration, or why it cannot be had. */
int bench_cases_prepare(struct bench *b, struct error *err);
/*
 * Whether the kernel that said `scenarios` (`hapep scenario --json`) takes the
 * configuration's. False with the kernel's own reason: NO-NF, say, where AppArmor or
 * SELinux has hooks in every namespace.
 */
bool bench_scenario_possible(const json_t *scenarios, const struct config *config,
			     struct text *reason);
/*
 * Whether a case of an earlier result ("cases") would be configured and loaded as it was;
 * -EINVAL says what differs. One that was not possible, or is not the suite's, is not
 * asked.
 */
int bench_case_check(const struct bench *b, const json_t *tree, struct error *err);
/* Whether it is asked for, and can be had: as bench_cases_prepare() found. */
bool bench_case_possible(const struct bench *b, const struct bench_case *c);
/* The file that has the case's configuration; the caller's. */
char *bench_case_file(const struct bench *b, const struct bench_case *c);

/* ---- bench_sample.c ---- */

/*
 * Begins a sample: "metrics", which *metrics borrows, and "background", what others use
 * of the machine in 0.2 s. Where that is more than a quiet machine has, it looks again,
 * for 2 s in all; "looks": how often. With --quick once.
 */
int bench_sample_begin(const struct bench *b, json_t *sample, json_t **metrics,
		       struct error *err);
void bench_metric_set(json_t *metrics, const char *name, double value);
/* CPU of the whole machine meanwhile into the sample; its seconds. */
double bench_cpu_say(json_t *sample, const struct bench_cpu *before,
		     const struct bench_cpu *after);
/* True, with the reason, where --quick is to leave a case out that --case did not name.
 */
bool bench_quick_leaves(const struct bench *b, bool wanted, struct text *reason);
int bench_cpu_read(struct bench_cpu *out, struct error *err);

/* ---- bench_load.c ---- */

/* Transactions: the lab's generator, or an outside one; measure() of most suites. */
int bench_measure_load(struct bench *b, const struct bench_case *c, json_t *sample,
		       struct error *err);
/* All that a load did, warm-up and end too. */
double bench_transactions(const json_t *load);
/* possible() of suites whose cases are other people's programs. */
int bench_peers_possible(struct bench *b, const struct bench_case *c,
			 struct text *reason);
/* What is at "a.b.c" of a tree, borrowed; NULL where nothing is. */
const json_t *bench_member(const json_t *tree, const char *path);
/* A number there; 0 where there is none. */
double bench_number(const json_t *tree, const char *path);
/* A word of an object, borrowed; "" where there is none. */
const char *bench_word(const json_t *tree, const char *key);

/* ---- bench_machine.c ---- */

/* What a figure means nothing without: machine, kernel, versions. A new reference. */
json_t *bench_machine(const struct bench *b);

#endif
