/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Owns the run-time statistics of BPF programs. */
#include "deploy/bench_bpf.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <stdio.h>

#include "deploy/bench.h"
#include "helpers/cleanup.h"

int bench_bpf_begin(struct error *err)
{
	int fd = bpf_enable_stats(BPF_STATS_RUN_TIME);

	return fd < 0 ? error_set(err, errno, "switch BPF's run-time statistics on") : fd;
}

json_t *bench_bpf_read(void)
{
	json_t *tree = json_object();
	__u32 id = 0;

	while (!bpf_prog_get_next_id(id, &id)) {
		_cleanup_close_ int fd = bpf_prog_get_fd_by_id(id);
		struct bpf_prog_info info = { 0 };
		__u32 size = sizeof(info);
		char key[16];

		/* It may be gone by now. */
		if (fd < 0 || bpf_obj_get_info_by_fd(fd, &info, &size) < 0)
			continue;
		snprintf(key, sizeof(key), "%u", id);
		json_object_set_new(tree, key,
				    json_pack("{s:s,s:I,s:I}", "name", info.name, "ns",
					      (json_int_t)info.run_time_ns, "runs",
					      (json_int_t)info.run_cnt));
	}
	return tree;
}

json_t *bench_bpf_between(json_t *before, json_t *after)
{
	json_t *names = json_object(), *rows = json_array(), *now, *row;
	const char *id, *name;

	json_object_foreach(after, id, now)
	{
		const json_t *was = json_object_get(before, id);
		double runs = bench_number(now, "runs") - bench_number(was, "runs");
		double ns = bench_number(now, "ns") - bench_number(was, "ns");

		if (!(runs > 0))
			continue;
		name = bench_word(now, "name");
		row = json_object_get(names, name);
		row = json_pack("[s,s,f,f]", "BPF", name,
				ns + json_number_value(json_array_get(row, 2)),
				runs + json_number_value(json_array_get(row, 3)));
		json_object_set_new(names, name, row);
	}
	json_object_foreach(names, name, row)
	{
		json_array_append(rows, row);
	}
	json_decref(names);
	return rows;
}
