/*
 * A scan engine without libclamav that does what messages tell it, to try what is around it.
 *
 * Its database is a folder with a file, FAKE_DATABASE, of one word: "good", "broken", "blind" (finds nothing at all),
 * "jumpy" (finds something in everything), "mortal" (dies while it loads).  A message with one of
 * these words makes it: CRASH die, HANG sleep for ever, FAIL give up, VIRUS find Fake.Virus, TIME
 * say that it ended the scan for its length;
 * LAYER: what follows the word, up to the next one, is a layer, which is asked about.  What stands
 * in that: LARGE, it is worth waiting for; ALARM, die if the answer takes two seconds; GATE, if it
 * is not known, wait until there is a file FAKE_GATE beside the database (FAKE_GATED there has a
 * byte for each that waits, or has waited).  DIE: after all layers, die.  ONCE: die, unless there is
 * that FAKE_GATED, and leave it behind.
 */
#ifndef GP_FAKE_ENGINE_H
#define GP_FAKE_ENGINE_H

#include "milter-virus/engine.h"

#define FAKE_DATABASE "word.ndb"
#define FAKE_GATE "gate"
#define FAKE_GATED "gated"

extern const struct virus_engine_kind fake_engine;

#endif
