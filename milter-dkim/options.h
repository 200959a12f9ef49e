/*
 * The settings of milter-dkim (group "milter-dkim" of gatepost.conf).
 */
#ifndef GP_DKIM_OPTIONS_H
#define GP_DKIM_OPTIONS_H

#include "lib/auth/auth.h"
#include "lib/conf/schema.h"
#include "lib/daemon/daemon.h"
#include "milter-dkim/sign_options.h"

/* What is done with a message because of one method's result. */
enum dkim_do { DKIM_DO_NOTE, DKIM_DO_QUARANTINE, DKIM_DO_REJECT };

/* Settings of each method; `text` is the reply of a refusal, see policy.h. */
struct dkim_spf_conf {
	bool enabled;
	bool helo;		/* the HELO identity too */
	bool received;		/* adds Received-SPF */
	int64_t deadline_ms;	/* of its questions, from MAIL FROM on */
	int fail, softfail, helo_fail, permerror; /* enum dkim_do */
	int temperror;		/* enum gp_on_error: accept or tempfail */
	const char *text;
};

struct dkim_dkim_conf {
	bool enabled;
	int64_t signatures_max, rsa_bits_min, unsigned_max, clock_skew_ms;
	int fail; /* enum dkim_do: there are signatures, none of them passes */
	int none; /* enum dkim_do: there is no signature */
	int temperror;
	const char *text;
	bool note_clients; /* lib/auth/client_domain.h */
};

struct dkim_arc_conf {
	bool enabled;
	struct gp_conf_list trusted; /* sealers (globs) that may override DMARC */
	const char *seal_as;	     /* domain; "": no sets are added */
	int fail, temperror;
	const char *text;
};

struct dkim_dmarc_conf {
	bool enabled;
	int organizational_domain; /* enum gp_orgdomain of lib/auth/dmarc.h */
	const char *psl_file;
	bool reports;		/* data for aggregate reports is recorded */
	int reject, quarantine; /* enum dkim_do: what p=reject, p=quarantine makes us do */
	int permerror;		/* enum dkim_do: a From that cannot be judged */
	int temperror;
	const char *text;
};

struct dkim_conf {
	struct gp_daemon_conf daemon;
	int64_t deadline_ms;
	struct gp_conf_list remove_ids;	    /* globs of authserv-ids besides our own */
	struct gp_conf_list exempt_domains; /* globs: noted, never refused */
	struct dkim_spf_conf spf;
	struct dkim_dkim_conf dkim;
	struct dkim_arc_conf arc;
	struct dkim_dmarc_conf dmarc;
	struct dkim_sign_conf sign;
};

extern const struct gp_conf_table dkim_table;

/* What lib/auth is told by the settings; receiver: our host name.  In the arena. */
struct gp_auth_options dkim_auth_options(const struct dkim_conf *conf, struct gp_str receiver,
					 struct gp_arena *arena);

#endif
