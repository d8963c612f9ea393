/* SPDX-License-Identifier: GPL-2.0-only */
/* What the programs of tc/residence and their reader both know. */
#ifndef TC_RESIDENCE_BPF_H
#define TC_RESIDENCE_BPF_H

/*
 * Below 256 ns every value has its own bucket; above, each power of two is cut into 128:
 * a bucket's middle is within 0.4 per cent. 2^42 ns is 73 minutes.
 */
#define RESIDENCE_STEP_BITS 7
#define RESIDENCE_STEPS     (1 << RESIDENCE_STEP_BITS)
#define RESIDENCE_BITS      42
#define RESIDENCE_BUCKETS   ((RESIDENCE_BITS - RESIDENCE_STEP_BITS + 1) * RESIDENCE_STEPS)

/* The bucket of so many nanoseconds. */
static inline __attribute__((always_inline)) unsigned int
residence_bucket(unsigned long long value)
{
	unsigned int shift = 0;

	if (value >> RESIDENCE_BITS)
		value = (1ULL << RESIDENCE_BITS) - 1;
	for (unsigned int step = 32; step; step /= 2) {
		if (value >> (shift + step) >= RESIDENCE_STEPS)
			shift += step;
	}
	return shift * RESIDENCE_STEPS + (unsigned int)(value >> shift);
}

/* Counters of a direction, in the map of that name. */
enum { RESIDENCE_IN, RESIDENCE_OUT, RESIDENCE_MATCHED, RESIDENCE_COUNTERS };

#endif
