/*
 * Lists, recipients' settings and origin, put together.
 */
#include "milter-spam/policy.h"

#include "lib/mail/addr.h"

enum spam_origin spam_policy_origin(const struct gp_conf_networks *networks,
				    const struct spam_envelope *e)
{
	if (e->account.len)
		return SPAM_AUTHENTICATED;
	return gp_netset_has(&networks->own, &e->sender.client) ? SPAM_OWN_NETWORK : SPAM_INBOUND;
}

enum spam_policy spam_policy_for(const struct spam_conf *conf, enum spam_origin origin)
{
	switch (origin) {
	case SPAM_AUTHENTICATED:
		return (enum spam_policy)conf->authenticated;
	case SPAM_OWN_NETWORK:
		return (enum spam_policy)conf->own_networks;
	case SPAM_INBOUND:
		break;
	}
	return SPAM_ENFORCE;
}

static struct gp_str header_from(const struct gp_message *mail)
{
	const struct gp_header *from = gp_message_header(mail, "From");
	struct gp_addr first;

	return from && gp_addr_first(mail->arena, from->raw, &first) ? first.addr : gp_str(NULL);
}

void spam_policy_add_symbols(const struct spam_conf *conf, struct spam_envelope *e,
			     const struct gp_message *mail, struct gp_scan *scan)
{
	struct gp_str key;
	double score;

	e->sender.header_from = header_from(mail);
	if (spam_sender_find(conf->welcome, &e->sender, false, SPAM_WELCOME_SCORE, &score, &key))
		gp_scan_add(scan, "USER_IN_WELCOMELIST", score, "Sender is on the welcome list",
			    key);
	if (spam_sender_find(conf->block, &e->sender, true, SPAM_BLOCK_SCORE, &score, &key))
		gp_scan_add(scan, "USER_IN_BLOCKLIST", score, "Sender is on the block list", key);
}

/* A recipient's own lists shift its thresholds: the message has one score. */
static struct gp_thresholds shifted(const struct spam_settings *s)
{
	struct gp_thresholds t = s->thresholds;

	t.greylist -= s->adjust;
	t.add_header -= s->adjust;
	t.quarantine -= s->adjust;
	t.reject -= s->adjust;
	t.discard -= s->adjust;
	return t;
}

/* The thresholds of one recipient or account. */
static struct gp_thresholds thresholds_for(const struct spam_envelope *e, struct gp_str key,
					   bool is_account, const struct gp_thresholds *defaults)
{
	struct spam_settings settings;
	struct gp_str words;

	if (!spam_asked_find(e->asked, key, is_account, &words))
		return *defaults;
	settings = spam_settings_read(words, defaults, &e->sender);
	return shifted(&settings);
}

/* What the policy for this mail lets happen. */
static enum gp_action allowed(const struct spam_conf *conf, enum spam_origin origin,
			      enum gp_action wanted)
{
	if (origin == SPAM_INBOUND)
		return wanted == GP_ACTION_GREYLIST && !conf->greylist.enabled ? GP_ACTION_ACCEPT
									       : wanted;
	if (spam_policy_for(conf, origin) != SPAM_ENFORCE)
		return GP_ACTION_ACCEPT;
	/* Our own users' mail is neither delayed nor marked. */
	return wanted >= GP_ACTION_QUARANTINE ? wanted : GP_ACTION_ACCEPT;
}

void spam_policy_decide(const struct spam_conf *conf, const struct spam_envelope *e,
			enum spam_origin origin, double score, struct gp_arena *scratch,
			struct spam_decision *ret)
{
	struct gp_thresholds defaults = spam_thresholds(&conf->thresholds);
	struct gp_thresholds *t =
		GP_ARENA_NEW_N(scratch, e->n_recipients + 1, struct gp_thresholds);
	struct gp_verdict verdict;
	size_t n = GP_MAX(e->n_recipients, (size_t)1);

	t[0] = defaults;
	if (origin == SPAM_AUTHENTICATED) {
		t[0] = thresholds_for(e, e->account, true, &defaults);
		n = 1; /* the account's settings hold, whoever receives it */
	}
	for (size_t i = 0; origin != SPAM_AUTHENTICATED && i < e->n_recipients; i++)
		t[i] = thresholds_for(e, e->recipients[i], false, &defaults);
	gp_verdict_decide(score, t, n, &verdict);
	*ret = (struct spam_decision){
		.wanted = verdict.action,
		.action = allowed(conf, origin, verdict.action),
		.required = t[verdict.decided_by].add_header,
		.thresholds = t[verdict.decided_by],
	};
	if (n > 1)
		ret->decided_by = e->recipients[verdict.is_softened ? verdict.softened_by
								    : verdict.decided_by];
}
