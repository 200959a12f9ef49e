/*
 * The settings of milter-virus (group "milter-virus" of gatepost.conf).
 */
#ifndef GP_VIRUS_OPTIONS_H
#define GP_VIRUS_OPTIONS_H

#include "lib/conf/schema.h"
#include "lib/daemon/daemon.h"
#include "milter-virus/category.h"
#include "milter-virus/engine.h"

enum virus_action {
	VIRUS_ACT_OFF,	    /* not looked for */
	VIRUS_ACT_ACCEPT,   /* logged only */
	VIRUS_ACT_MARK,	    /* accepted with X-Virus-Status */
	VIRUS_ACT_HOLD,	    /* accepted, and held in the MTA's queue */
	VIRUS_ACT_QUARANTINE, /* accepted, kept in the quarantine folder, not delivered */
	VIRUS_ACT_TEMPFAIL, /* 451 */
	VIRUS_ACT_REJECT,   /* 550 */
	VIRUS_ACT_DISCARD,  /* accepted and thrown away */
	VIRUS_ACTIONS,
	VIRUS_ACT_SAME = VIRUS_ACTIONS, /* outbound.…: as for incoming mail */
};

enum virus_reload {
	VIRUS_RELOAD_OVERLAP, /* beside the old one, while memory allows; else drain */
	VIRUS_RELOAD_DRAIN,   /* the old one goes first; mail waits */
	VIRUS_RELOAD_MANUAL,  /* only when told to; then as overlap */
};

/* Who scans. */
enum virus_engine_choice {
	VIRUS_BY_LIBCLAMAV, /* our workers */
	VIRUS_BY_CLAMD,	    /* a clamd that runs anyway */
};

/* A message above size_max. */
enum virus_oversize {
	VIRUS_OVERSIZE_SCAN, /* its first size_max bytes are scanned */
	VIRUS_OVERSIZE_MARK,
	VIRUS_OVERSIZE_TEMPFAIL,
	VIRUS_OVERSIZE_REJECT,
};

struct virus_conf {
	struct gp_daemon_conf daemon;
	const char *control;	  /* address of the control socket; "": none */
	const char *scan_user;	  /* whom the workers become when started as root */
	int engine; /* enum virus_engine_choice */
	struct gp_conf_list clamd_servers;
	int64_t clamd_rest_ms;
	/* Engine: libclamav's. */
	const char *database, *database_copy, *temporary;
	int64_t database_check_ms;
	int reload;		  /* enum virus_reload */
	int64_t limits[VIRUS_LIMITS];
	bool switches[VIRUS_SWITCHES];
	struct gp_conf_list include_pua, exclude_pua;
	/* Contract. */
	int64_t workers;	  /* 0: one a processor */
	int64_t worker_memory, worker_messages;
	int64_t deadline_ms, queue_max, queue_wait_ms;
	int64_t size_max, held_max;
	int oversize;		  /* enum virus_oversize */
	int64_t cache_size, cache_ttl_ms;
	/* Actions. */
	int actions[VIRUS_CATEGORIES]; /* enum virus_action */
	int outbound[VIRUS_CATEGORIES]; /* enum virus_action, or VIRUS_ACT_SAME */
	const char *quarantine; /* folder; "": none */
	int on_error;		  /* enum gp_on_error */
	int on_killer;		  /* enum virus_action */
	const char *reject_text;
	bool headers;
	/* What is not scanned. */
	struct gp_netset exempt_clients;
	struct gp_mapfile *exempt_accounts, *exempt_senders, *exempt_recipients;
	/* Mail to the postmaster. */
	struct gp_conf_list notify_to;
	const char *notify_from, *notify_smtp;
	int64_t notify_per_hour;
};

extern const struct gp_conf_table virus_table;
/* Names of enum virus_action; the second list lacks "off". */
extern const struct gp_conf_enum virus_action_names[];
extern const struct gp_conf_enum virus_done_names[];

/* What the loader is told. */
void virus_engine_options(const struct virus_conf *conf, struct virus_engine_options *ret);
/* How many scan at a time. */
unsigned virus_workers(const struct virus_conf *conf);

#endif
