/*
 * Asking the DNS for the keys of a rotation, once or until it has them.
 */
#include <inttypes.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#include "cli/rotation.h"
#include "cli/text.h"
#include "lib/base/clock.h"
#include "lib/base/num.h"

#define ASK_MS 30000
/* Between two questions: each "no such name" is kept by the servers on the way for a while. */
#define POLL_DNS_MS 30000
#define POLL_ZONE_MS 200

int gp_rotation_ask(const struct gp_rotation *r, const struct dkim_keydir_key *k,
		    struct gp_resolver *resolver, struct gp_arena *arena, struct gp_published *ret)
{
	struct gp_batch *batch;
	struct gp_asker asker;
	struct gp_diag diag;
	struct gp_key *key;

	if (gp_key_load(k->path, &key, &diag))
		return gp_cli_fail(GP_EXIT_DATA, "%s", diag.text);
	batch = gp_batch_new(gp_clock_mono_ms() + ASK_MS);
	gp_asker_init(&asker, resolver, batch, arena);
	gp_published_finish(gp_signature_ask(&asker, r->domain, k->selector), arena, key, ret);
	gp_batch_free(&batch);
	gp_key_unref(&key);
	return 0;
}

/* What is wrong with a record, for a terminal. */
static void say_why(const struct gp_rotation *r, const struct dkim_keydir_key *k,
		    const struct gp_published *p, struct gp_arena *arena, struct gp_diag *ret_why)
{
	gp_diag_set(ret_why, "%.*s._domainkey.%.*s: %s", GP_STR_FMT(k->selector),
		    GP_STR_FMT(r->domain), gp_text_show(arena, gp_str(gp_published_error(p)), 600));
}

/* Does the DNS have every prepared key?  *ret_why: what is wrong with the first it has not, else
 * "".  With a resolver of its own, because a cache would repeat its first answer. */
static int look_up_prepared(const struct gp_rotation *r, struct gp_diag *ret_why)
{
	GP_CLEANUP(gp_arena_freep) struct gp_arena *arena = gp_arena_new(0);
	GP_CLI_DNS_AUTO dns = {0};
	int status = gp_cli_dns_open(r->snap, r->zone, &dns);

	*ret_why->text = '\0';
	for (size_t i = 0; i < r->keys.keys.len && !status && !*ret_why->text; i++) {
		const struct dkim_keydir_key *k = &r->keys.keys.items[i];
		struct gp_published p;

		if (k->state != DKIM_KEY_PREPARED)
			continue;
		status = gp_rotation_ask(r, k, dns.resolver, arena, &p);
		if (!status && !gp_published_is_good(&p))
			say_why(r, k, &p, arena, ret_why);
	}
	return status;
}

static void pause_ms(int64_t ms)
{
	struct timespec t = {.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000};

	nanosleep(&t, NULL);
}

static void show_progress(const char *why, int64_t waited_ms, int64_t all_ms)
{
	char all[GP_NUM_TEXT];

	if (isatty(STDERR_FILENO) != 1)
		return;
	fprintf(stderr, "\r\033[K%" PRId64 ":%02" PRId64 " of %s: %s", waited_ms / 60000,
		waited_ms / 1000 % 60, gp_num_format_duration(all_ms, all), why);
	fflush(stderr);
}

/* Sleeps for `ms`, and shows how the time goes by. */
static void sleep_visibly(const char *why, int64_t began_ms, int64_t all_ms, int64_t ms)
{
	int64_t until = gp_clock_mono_ms() + ms;

	for (int64_t now = gp_clock_mono_ms(); now < until; now = gp_clock_mono_ms()) {
		show_progress(why, now - began_ms, all_ms);
		pause_ms(GP_MIN(until - now, 1000));
	}
}

static void end_progress(void)
{
	if (isatty(STDERR_FILENO) == 1)
		fputs("\r\033[K", stderr);
}

int gp_rotation_wait(const struct gp_rotation *r)
{
	int64_t began = gp_clock_mono_ms();
	int64_t poll = r->zone ? POLL_ZONE_MS : POLL_DNS_MS;

	for (;;) {
		struct gp_diag why;
		int64_t waited;
		int status = look_up_prepared(r, &why);

		waited = gp_clock_mono_ms() - began;
		if (status || !*why.text || waited >= r->wait_ms) {
			if (r->wait_ms)
				end_progress();
			if (status || !*why.text)
				return status;
			return gp_cli_fail(GP_EXIT_TEMPFAIL, "%s\n  Not switched.  Run this again when "
							     "it is published%s", why.text,
					   r->wait_ms ? "" : ", or with --wait");
		}
		sleep_visibly(why.text, began, r->wait_ms, GP_MIN(poll, r->wait_ms - waited));
	}
}
