/*
 * What the files of milter-virus's front share: one message on its way, and the steps it takes.
 */
#ifndef GP_VIRUS_VIRUS_H
#define GP_VIRUS_VIRUS_H

#include "lib/daemon/history.h"
#include "lib/daemon/milter.h"
#include "milter-virus/action.h"
#include "milter-virus/options.h"
#include "milter-virus/scan.h"
#include "milter-virus/spool.h"

/* Headers that only a virus filter writes; incoming ones are removed. */
enum virus_header { VIRUS_H_SCANNED, VIRUS_H_STATUS, VIRUS_HEADERS };
extern const char *const virus_header_names[VIRUS_HEADERS];

/* Put before each message: Postfix hides its own from milters, and an engine knows a mail by it. */
#define VIRUS_RECEIVED "Received: by milter-virus\r\n"

/* Whose mail it is. */
enum virus_origin { VIRUS_INBOUND, VIRUS_AUTHENTICATED, VIRUS_OWN_NETWORK };

/* In s->msg.data, in the message's arena. */
struct virus_message {
	const struct virus_conf *conf;
	enum virus_origin origin;
	struct virus_spool spool;
	struct gp_str message_id;
	int forged[VIRUS_HEADERS];
	bool is_oversize, is_exempt;
	struct virus_verdict verdict;
	struct virus_decision decision;
	int64_t cpu_us; /* of this thread at end of message; the workers' is in the verdict */
};

extern const struct gp_milter virus_milter;
extern struct virus_scanner virus_scanner; /* main.c */

/* headers.c: forged ones out, ours in. */
void virus_write_headers(struct gp_session *s, const struct virus_message *m);
/* act.c: carries the decision out. */
enum gp_answer virus_act(struct gp_session *s, struct virus_message *m);

/* report.c: log line, metrics. */
void virus_report(const struct gp_session *s, const struct virus_message *m);
void virus_report_register_metrics(void);

/* history.c: what `gatepost why` shows. */
extern struct gp_history *virus_history; /* NULL: none is kept */
void virus_remember(const struct gp_session *s, const struct virus_message *m);

#endif
