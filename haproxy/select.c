/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Owns the programs that choose which listening socket of a group gets a connection. */
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

unsigned short select_some(const unsigned short *place, unsigned int n,
			   struct sock_filter *out)
{
	unsigned short at = 0;

	out[at++] = (struct sock_filter)BPF_STMT(
		BPF_LD | BPF_W | BPF_ABS, (unsigned int)(SKF_AD_OFF + SKF_AD_RANDOM));
	out[at++] = (struct sock_filter)BPF_STMT(BPF_ALU | BPF_MOD | BPF_K, n);
	for (unsigned int i = 0; i < n; i++) {
		if (place[i] == i)
			continue;
		out[at++] =
			(struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, i, 0, 1);
		out[at++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, place[i]);
	}
	out[at++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_A, 0);
	return at;
}

int select_attach(int fd, struct sock_filter *code, unsigned short length,
		  struct error *err)
{
	struct sock_fprog program = { .filter = code, .len = length };

	if (setsockopt(fd, SOL_SOCKET, SO_ATTACH_REUSEPORT_CBPF, &program,
		       sizeof(program)) < 0)
		return error_set(err, errno,
				 "attach a classic BPF program to the listening group "
				 "(with haproxy.accept = hash it mostly has none)");
	return 0;
}

int select_detach(int fd, struct error *err)
{
	int none = 0;

	if (!setsockopt(fd, SOL_SOCKET, SO_DETACH_REUSEPORT_BPF, &none, sizeof(none)) ||
	    errno == ENOENT)
		return 0;
	return error_set(err, errno, "detach the program of the listening group");
}
