/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Owns the system calls that an instance is denied. */
#include <errno.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "haproxy/privilege.h"

#if defined(__x86_64__)
#define FILTER_ARCH AUDIT_ARCH_X86_64
#elif defined(__aarch64__)
#define FILTER_ARCH AUDIT_ARCH_AARCH64
#elif defined(__riscv) && __riscv_xlen == 64
#define FILTER_ARCH AUDIT_ARCH_RISCV64
#endif

#ifdef FILTER_ARCH
/*
 * A deny list, since what HAProxy calls differs from version to version and a proxy
 * that dies of its filter is worse than a wide one: kernel attack surface that a proxy
 * never needs, ways out of a chroot, and changes of identity. Written by hand since a
 * list of numbers needs no library; CAP_NET_RAW's raw and packet sockets (everybody's
 * traffic in the namespace) are denied by socket()'s arguments.
 */
static const unsigned short filter_denied[] = {
	/* other processes and the kernel's programmability */
	SYS_ptrace,
	SYS_process_vm_readv,
	SYS_process_vm_writev,
	SYS_kcmp,
	SYS_pidfd_getfd,
	SYS_bpf,
	SYS_perf_event_open,
	SYS_userfaultfd,
	SYS_io_uring_setup,
	SYS_io_uring_enter,
	SYS_io_uring_register,
	SYS_keyctl,
	SYS_add_key,
	SYS_request_key,
	SYS_init_module,
	SYS_finit_module,
	SYS_delete_module,
	SYS_kexec_load,
	SYS_personality,
	SYS_syslog,
	SYS_acct,
	SYS_quotactl,
	SYS_reboot,
	SYS_swapon,
	SYS_swapoff,
	SYS_vhangup,
	/* ways out: mounts, namespaces, a second chroot, handles */
	SYS_mount,
	SYS_umount2,
	SYS_pivot_root,
	SYS_move_mount,
	SYS_open_tree,
	SYS_fsopen,
	SYS_fsconfig,
	SYS_fsmount,
	SYS_fspick,
	SYS_mount_setattr,
	SYS_unshare,
	SYS_setns,
	SYS_mkdirat,
	SYS_mknodat,
	SYS_symlinkat,
	SYS_linkat,
	SYS_open_by_handle_at,
	SYS_name_to_handle_at,
	/* who it is, what time it is, where it is */
	SYS_setuid,
	SYS_setgid,
	SYS_setreuid,
	SYS_setregid,
	SYS_setresuid,
	SYS_setresgid,
	SYS_setgroups,
	SYS_setfsuid,
	SYS_setfsgid,
	SYS_capset,
	SYS_settimeofday,
	SYS_clock_settime,
	SYS_clock_adjtime,
	SYS_adjtimex,
	SYS_sethostname,
	SYS_setdomainname,
#ifdef __x86_64__
	SYS_kexec_file_load,
	SYS_iopl,
	SYS_ioperm,
	SYS_modify_ldt,
	SYS_mkdir,
	SYS_mknod,
	SYS_symlink,
	SYS_link,
	SYS_uselib,
#endif
};

#define FILTER_DENIED (sizeof(filter_denied) / sizeof(filter_denied[0]))

#define FIELD(name) ((unsigned int)offsetof(struct seccomp_data, name))
/* The low half of an argument; these machines are little-endian. */
#define ARGUMENT(n) ((unsigned int)(offsetof(struct seccomp_data, args) + 8 * (n)))
#define LOAD(at)    ((struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, (at)))
#define RETURN(v)   ((struct sock_filter)BPF_STMT(BPF_RET | BPF_K, (v)))
/* Goes on `yes` or `no` instructions further. */
#define EQUAL(v, yes, no)                                                                \
	((struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (v), (yes), (no)))

/* socket(): streams and datagrams of the Internet and of this machine, nothing else. */
static unsigned short filter_socket(struct sock_filter *out)
{
	unsigned short at = 0;

	out[at++] = EQUAL(SYS_socket, 0, 11);
	out[at++] = LOAD(ARGUMENT(0));
	out[at++] = EQUAL(AF_INET, 3, 0);
	out[at++] = EQUAL(AF_INET6, 2, 0);
	out[at++] = EQUAL(AF_UNIX, 1, 0);
	out[at++] = RETURN(SECCOMP_RET_ERRNO | EACCES);
	out[at++] = LOAD(ARGUMENT(1));
	out[at++] = (struct sock_filter)BPF_STMT(BPF_ALU | BPF_AND | BPF_K, 0xf);
	out[at++] = EQUAL(SOCK_STREAM, 2, 0);
	out[at++] = EQUAL(SOCK_DGRAM, 1, 0);
	out[at++] = RETURN(SECCOMP_RET_ERRNO | EACCES);
	out[at++] = RETURN(SECCOMP_RET_ALLOW);
	return at;
}

/*
 * SPEC_ALLOW: before Linux 5.16 a filter turns speculative store bypass off for the
 * process, which a proxy pays for on every packet; HAProxy runs nobody's code.
 */
int privilege_filter(struct error *err)
{
	struct sock_filter code[32 + FILTER_DENIED];
	struct sock_fprog program = { .filter = code };
	unsigned short at = 0;

	code[at++] = LOAD(FIELD(arch));
	code[at++] = EQUAL(FILTER_ARCH, 1, 0);
	code[at++] = RETURN(SECCOMP_RET_KILL_PROCESS);
	code[at++] = LOAD(FIELD(nr));
#ifdef __x86_64__
	code[at++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K, 0x40000000,
						  0, 1); /* the x32 ABI */
	code[at++] = RETURN(SECCOMP_RET_KILL_PROCESS);
#endif
	at = (unsigned short)(at + filter_socket(code + at));
	for (size_t i = 0; i < FILTER_DENIED; i++)
		code[at++] =
			EQUAL(filter_denied[i], (unsigned char)(FILTER_DENIED - i), 0);
	code[at++] = RETURN(SECCOMP_RET_ALLOW);
	code[at++] = RETURN(SECCOMP_RET_ERRNO | EPERM);
	program.len = at;
	if (syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_SPEC_ALLOW,
		    &program) < 0)
		return error_set(err, errno, "install the system call filter");
	return 0;
}
#else
int privilege_filter(struct error *err)
{
	(void)err;
	return 0;
}
#endif
