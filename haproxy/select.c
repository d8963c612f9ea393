/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Owns the choice of the instance whose CPU received the connection's SYN. */
#include <errno.h>
#include <sys/socket.h>

#include "haproxy/select.h"

/*
 * SO_INCOMING_CPU would do the same without a program, but was broken together with
 * SO_REUSEPORT from Linux 4.6 to 6.1. A classic program needs no bpf() and runs since
 * 4.5. The number it returns is an index into the group, which the kernel keeps in the
 * order of listen(); an index past the end falls back to the kernel's hash.
 */
unsigned short select_program(const unsigned short *taker, unsigned int cpus,
			      unsigned int n, struct sock_filter *out)
{
	unsigned short at = 0, named = 0;

	out[at++] = (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS,
						 (unsigned int)(SKF_AD_OFF + SKF_AD_CPU));
	for (unsigned int cpu = 0; cpu < cpus && named < SELECT_CPUS_MAX; cpu++) {
		if (taker[cpu] == cpu % n)
			continue;
		out[at++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, cpu,
							 0, 1);
		out[at++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, taker[cpu]);
		named++;
	}
	out[at++] = (struct sock_filter)BPF_STMT(BPF_ALU | BPF_MOD | BPF_K, n);
	out[at++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_A, 0);
	return at;
}

int select_attach(int fd, const unsigned short *taker, unsigned int cpus, unsigned int n,
		  struct error *err)
{
	struct sock_filter code[SELECT_LENGTH_MAX];
	struct sock_fprog program = { .filter = code };

	program.len = select_program(taker, cpus, n, code);
	if (setsockopt(fd, SOL_SOCKET, SO_ATTACH_REUSEPORT_CBPF, &program,
		       sizeof(program)) < 0)
		return error_set(err, errno,
				 "attach the CPU's classic BPF program to the listening "
				 "group (haproxy.accept = hash does without)");
	return 0;
}
