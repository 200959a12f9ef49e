/*
 * Messages that cost workers, by digest: after two it is enough.
 */
#ifndef GP_VIRUS_SUSPECTS_H
#define GP_VIRUS_SUSPECTS_H

#include "lib/base/digest.h"

#define VIRUS_TRIES 2			  /* workers that one message may cost */
#define VIRUS_SUSPECT_MS 86400000	  /* how long it is remembered */
#define VIRUS_SUSPECTS_MAX 1024u	  /* the one that ends first makes place */

/* Is there any at all?  Saves the digest where nothing ever crashed. */
bool virus_suspects_any(void);
/* Workers that this message has cost. */
unsigned virus_suspects_count(const unsigned char digest[GP_SHA256_SIZE]);
/* It has cost one more; how many now. */
unsigned virus_suspects_add(const unsigned char digest[GP_SHA256_SIZE]);

#endif
