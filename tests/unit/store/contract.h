/*
 * The contract test: what every implementation of the store must do.
 *
 * test_lmdb.c and test_redis.c open a fresh, empty store of their kind, put it
 * into contract_store, and run these.
 */
#ifndef GP_TEST_STORE_CONTRACT_H
#define GP_TEST_STORE_CONTRACT_H

#include <time.h>

#include "lib/store/store.h"
#include "tests/unit/test.h"

extern struct gp_store *contract_store;
/* Lets this many seconds pass for the store. */
extern void (*contract_advance)(int64_t seconds);

/* For what must be there for so many seconds yet, of a server's own clock: true if it took longer until it
 * was looked for, by a processor that had other things to do, and is to be tried again. */
struct stopwatch {
	struct timespec from;
};
struct stopwatch stopwatch(void);
bool is_over(const struct stopwatch *w, int64_t seconds);

/* A deadline far away. */
int64_t soon(void);

/* n distinct tokens, well spread, the same for the same seed. */
void make_tokens(uint64_t seed, uint64_t *tokens, size_t n);
/* A digest of its own for each number. */
void make_digest(uint64_t number, unsigned char *digest);
/* Learns one message of n tokens from `seed`, digest from `number`. */
enum gp_learned learn_one(struct gp_str scope, uint64_t number, enum gp_bayes_class class,
			  uint64_t seed, size_t n);
void assert_totals(struct gp_str scope, uint64_t spam, uint64_t ham, uint64_t tokens);

/* In contract_limit.c. */
void limits_agree_with_the_model(void **state);
void limits_take_all_or_none(void **state);
void limits_open_after_the_clock_was_put_back(void **state);
void limits_of_members(void **state);
void limits_add_up(void **state);
void limits_are_told_late(void **state);
void limits_know_what_they_counted_of_a_name(void **state);
void limits_know_the_parts_of_a_name(void **state);
void limits_share_names(void **state);
void limits_refuse_mistakes(void **state);
void limits_are_listed(void **state);
void limits_may_change(void **state);
void limits_are_forgotten(void **state);
void limits_are_many(void **state);

/* In contract_entry.c. */
void entries_are_listed(void **state);
void entries_are_added_once(void **state);
void entries_expire(void **state);
void entries_have_one_maker(void **state);
void entries_are_bounded(void **state);
void entries_refuse_mistakes(void **state);

/* The rows, and how many. */
extern const struct CMUnitTest contract_tests[];
extern const size_t contract_tests_n;

#endif
