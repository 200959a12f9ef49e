/*
 * The trial of a new engine: a harmless message that must pass, then one that must not.
 */
#ifndef GP_VIRUS_SELFTEST_H
#define GP_VIRUS_SELFTEST_H

#include "lib/io/loop.h"
#include "milter-virus/pool.h"

struct virus_selftest;

/* On the loop's thread.  done() is called there once, with NULL or what went wrong; the test is
 * over then.  is_mail: the engine unpacks mail, so the second message hides it in an attachment. */
struct virus_selftest *virus_selftest_begin(struct gp_loop *loop, struct virus_worker *worker,
					    bool is_mail, void (*done)(void *arg, const char *why),
					    void *arg) __attribute__((returns_nonnull));
/* Ends it early; done() is not called. */
void virus_selftest_free(struct virus_selftest **test);

#endif
