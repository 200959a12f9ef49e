/*
 * The history of verdicts: what each program did with each message, and why.
 *
 *	gp_history_each(store, GP_HISTORY_SPAM, 10000, deadline, fn, arg);	newest first
 *	gp_history_totals(store, GP_HISTORY_SPAM, deadline, fn, arg, &since_s);
 *
 * Each program has a bounded ring of items and tallies by action and by symbol; it alone
 * writes them (lib/daemon/history.h), anybody may read.  An item is one JSON object on one
 * line, of at most GP_HISTORY_ITEM_MAX bytes, valid UTF-8; a NUL in a stranger's text is
 * \u0000 (jansson: JSON_ALLOW_NUL).  All but the first six are left out where there is
 * nothing to say:
 *
 *   v            1
 *   program      "milter-spam", "milter-dkim", …
 *   time         when it was decided: seconds since 1970, with milliseconds
 *   qid          Postfix's queue id, "" before it gave one
 *   action       "accept", "greylist", "add header", "quarantine", "reject", "discard";
 *                milter-dkim: "accept", "quarantine", "tempfail", "reject"; milter-virus: "pass",
 *                "accept", "mark", "hold", "tempfail", "reject", "discard"
 *   score        a number (0 of programs that have none)
 *   from, to     envelope: sender, list of recipients (the first 10); rcpts: how many
 *   client, helo, user (authenticated), msgid, size (bytes), subject (history.words)
 *   origin       "inbound", "authenticated", "own", "exempt"
 *   scanned      false: it was not, by the settings
 *   wanted       the action before recipients' settings, policy or greylisting changed it
 *   decided_by   whose settings decided;  thresholds {greylist, add_header, reject, …}: those
 *   greylist     "first", "early", "passed";  missing: evidence that was not to be had
 *   auth         "own", "sealed": whose SPF, DKIM and DMARC results counted
 *   symbols      list of {name, score, text (what it means), evidence (what it matched: cut)}
 *   bayes        {probability, used (tokens that had a say), known, spam, ham (messages
 *                learned), scope (whose), tokens: list of {token, probability, spam, ham}
 *                (history.words)}
 *   spf, spf_helo {result, domain, reason, record}, dkim (list of {result, domain, selector,
 *                reason, key_bits}), arc {result, reason, sealer}, dmarc {result, from, reason,
 *                policy, disposition, override, record}; signed (why, or why not), arc_sealed,
 *                method and reason (of the action), lookups (DNS): milter-dkim.  Records only
 *                with history.evidence
 *   virus        {outcome ("clean", "found", "deadline", …), category, name (the signature), error,
 *                tries, known (parts that were not scanned again), part (true: its beginning was
 *                scanned only), wait_ms, scan_ms}: milter-virus
 *   forged       header fields removed that only a filter writes
 *   stages       {NAME: milliseconds}: where the time went; time_ms: from MAIL to the answer;
 *                cpu_ms
 *   cut          true: not everything did fit
 */
#ifndef GP_STORE_HISTORY_H
#define GP_STORE_HISTORY_H

#include "lib/store/store.h"

/* In the order in which Postfix asks them about inbound mail. */
enum gp_history_program {
	GP_HISTORY_DKIM,
	GP_HISTORY_VIRUS,
	GP_HISTORY_SPAM,
	GP_HISTORY_PROGRAMS,
};

#define GP_HISTORY_ITEM_MAX 16384 /* some 100 symbols with their evidence */
#define GP_HISTORY_SIZE_MAX 100000

/* "milter-spam"; and the other way, GP_HISTORY_PROGRAMS if there is none of that name. */
const char *gp_history_program_name(enum gp_history_program program);
enum gp_history_program gp_history_program_of(struct gp_str name);
/* The table of its ring and tallies. */
struct gp_str gp_history_table(enum gp_history_program program);

/* Up to n items, newest first, as gp_store_ring_read. */
int gp_history_each(struct gp_store *store, enum gp_history_program program, size_t n,
		    int64_t deadline_ms, gp_store_item_fn *fn, void *arg) GP_MUST_USE;

/* Totals: messages by action, and hits by symbol with the sum of their scores. */
enum gp_history_kind { GP_HISTORY_ACTION, GP_HISTORY_SYMBOL };

struct gp_history_total {
	enum gp_history_kind kind;
	struct gp_str name;
	int64_t count;
	double score; /* sum; of an action: of the messages' scores */
};

typedef bool gp_history_total_fn(void *arg, const struct gp_history_total *total);
/* In no order, until fn returns false; fn must not call the store.  *ret_since_s: when
 * counting began, 0 if nothing was counted. */
int gp_history_totals(struct gp_store *store, enum gp_history_program program, int64_t deadline_ms,
		      gp_history_total_fn *fn, void *arg, int64_t *ret_since_s) GP_MUST_USE;

/* For the writer: the name of a tally ("a:reject", "s:BAYES_99"), cut to what the store takes;
 * and its sum of a score. */
struct gp_str gp_history_tally(enum gp_history_kind kind, struct gp_str name,
			       char buf[GP_TALLY_NAME_MAX]);
int64_t gp_history_tally_sum(double score);

#endif
