/*
 * Fast non-cryptographic hashes (libxxhash's XXH3, whose output is a published
 * constant of the algorithm and so may be stored).
 */
#ifndef GP_BASE_HASH_H
#define GP_BASE_HASH_H

#include <stddef.h>
#include <stdint.h>

/* The same on every machine and in every version: for what is stored. */
uint64_t gp_hash64(uint64_t seed, const void *data, size_t len);

/* Seeded at random per process: for tables that strangers can fill. */
uint64_t gp_hash_table(const void *data, size_t len);

#endif
