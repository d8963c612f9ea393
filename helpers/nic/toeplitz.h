/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The Toeplitz hash, as NICs compute it for receive-side scaling. */
#ifndef HELPERS_NIC_TOEPLITZ_H
#define HELPERS_NIC_TOEPLITZ_H

#include <stddef.h>
#include <stdint.h>

/*
 * The hash of n bytes, first byte first (Microsoft, "RSS hashing functions"). A key
 * that is shorter than n + 4 bytes is taken to go on with zeros.
 */
uint32_t toeplitz_hash(const unsigned char *key, size_t key_n, const unsigned char *data,
		       size_t n);

/*
 * Fills a key with 6d:5a repeated: since it repeats after 16 bits, addresses and ports
 * that change places leave the hash as it is (Woo and Park, "Scalable TCP Session
 * Monitoring with Symmetric Receive-side Scaling", 2012).
 */
void toeplitz_symmetric_key(unsigned char *key, size_t key_n);

#endif
