/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A BPF program of this folder: what it is told, loading it, knowing it again. */
#ifndef TC_PROGRAM_H
#define TC_PROGRAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "helpers/error.h"
#include "helpers/ports.h"

enum program_kind {
	PROGRAM_NIC,
	PROGRAM_HOST,
	PROGRAM_STEER,
	PROGRAM_RESET_IN,
	PROGRAM_RESET_OUT
};

/* The constants of tc/redirect.bpf.c and tc/steer.bpf.c. */
struct program {
	enum program_kind kind;
	/*
	 * NIC: [0] client, [1] server, ifindex 0: not here. HOST: [0] alone, the NIC's.
	 * STEER: [0] alone, the other side's inner end; 0: packets are marked only.
	 */
	unsigned int vlan[2];
	unsigned int ifindex[2];
	/* STEER */
	unsigned int own_marks, side_mark, local_mark, pass_mark;
	bool server_side, fail_closed;
	/* None: nothing is proxied, and the gate not asked. RESET_IN: those left alone.
	 */
	struct ports ports;
	struct ports leaving; /* were among them: proxied flows end as such */
	/* The id of the program whose place it takes: what the gate knows goes on; 0 */
	uint32_t former;
	/* RESET_*: the id of the map to share; 0: a new one */
	uint32_t map;
};

#define PROGRAM_CONSTANTS_MAX 1024 /* bytes */

/* What tells a loaded program: its code and its constants. */
struct program_identity {
	char name[16];
	unsigned char tag[8]; /* the kernel's hash of the code */
	size_t length;        /* of constants, bytes */
	unsigned char constants[PROGRAM_CONSTANTS_MAX];
};

/* The kernel's name of the program, and the object file that it comes from. */
const char *program_name(enum program_kind kind);
const char *program_object(enum program_kind kind);

/* From now on libbpf's words go to the log, not to stderr. */
void program_quieten(void);

/* Loads it; *fd is the caller's. id may be NULL. The error carries the verifier's word.
 */
int program_load(const struct program *p, int *fd, struct program_identity *id,
		 struct error *err);

/* Asks the kernel about a loaded program by its id (TCA_BPF_ID). */
int program_identify(uint32_t number, struct program_identity *id, struct error *err);

/* The id of the map that a loaded program of tc/reset has. */
int program_map(uint32_t number, uint32_t *map, struct error *err);

bool program_identity_equal(const struct program_identity *a,
			    const struct program_identity *b);

#endif
