/*
 * Judging a message that is there as a whole: what `gatepost scan` and the controller's
 * API do, so that both give the verdict that the milter would give.
 *
 * Who a message is from is checked only when its client is known.  Results that
 * milter-dkim sealed are not looked for: they hold for one queue id.
 */
#ifndef GP_SPAM_WHOLE_H
#define GP_SPAM_WHOLE_H

#include "lib/auth/auth.h"
#include "milter-spam/policy.h"

/* What judging needs, of a process; all borrowed. */
struct spam_judge {
	const struct spam_conf *conf;
	const struct gp_conf_networks *networks;
	struct gp_scanner *scanner;
	struct gp_store *store;	       /* NULL: no Bayes */
	const struct gp_auth *auth;    /* NULL: who a message is from is not looked up */
	struct gp_auth_sources sources; /* its resolver NULL: the DNS is not asked */
	const struct spam_directory *directory; /* NULL: recipients' settings come from files alone */
};

/* What the directory said to somebody else, who asked in our place. */
struct spam_told {
	struct gp_str account_words;	   /* empty: nothing */
	const struct gp_str *words;	   /* of each recipient; NULL: nobody asked */
	struct gp_str failure;		   /* empty: it answered */
};

/* A message and what was said about it; lives until the verdict was read. */
struct spam_whole {
	struct gp_str bytes; /* CRLF or LF */
	struct gp_ip client; /* family 0: not known */
	struct gp_str helo;
	struct gp_str from; /* without <>; ptr NULL: not known */
	struct gp_str account;
	const struct gp_str *recipients;
	size_t n_recipients;
	int64_t deadline_ms; /* of look-ups, gp_clock_mono_ms() */
	bool trace;	     /* remember what each rule matched */
	struct spam_told told; /* for a judge without a directory */
};

struct spam_verdict {
	struct gp_message *mail;
	struct gp_scan_result result;
	struct spam_decision decision;
	enum spam_origin origin;
	const char *directory_failure; /* why recipients' settings of the directory are missing, or NULL */
};

/* Everything that it makes lives in the arena. */
void spam_whole_judge(const struct spam_judge *judge, const struct spam_whole *whole,
		      struct gp_arena *arena, struct spam_verdict *ret);

#endif
