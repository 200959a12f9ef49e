/*
 * Data for DMARC aggregate reports on their way into the store.
 *
 *	r = dkim_reports_new(store, DKIM_REPORTS_INTERVAL_MS, timeout_ms);
 *	dkim_reports_add(r, &row);	any thread; never waits for the store
 *	dkim_reports_free(&r);		brings in what is left
 *
 * While the store is down rows are kept, up to GP_MAX_DMARC_ROWS_SIZE; then messages are
 * dropped and counted.  Both is logged once, and its end too.  The rows of a day are
 * gone a week later (gp_dmarc_ring).
 */
#ifndef GP_DKIM_REPORTS_H
#define GP_DKIM_REPORTS_H

#include "lib/auth/dmarc_rows.h"
#include "lib/store/store.h"

/* Long enough that messages of one sender meet in a row. */
#define DKIM_REPORTS_INTERVAL_MS 60000

struct dkim_reports;

/* Starts a thread that brings the rows in every interval.  The store must live longer;
 * timeout_ms is that of one row.  GP_ESYS: no thread. */
int dkim_reports_new(struct gp_store *store, int64_t interval_ms, int64_t timeout_ms,
		     struct dkim_reports **ret, struct gp_diag *diag) GP_MUST_USE;
/* Waits for what the thread does, no longer than timeout_ms besides; NULL is fine. */
void dkim_reports_free(struct dkim_reports **reports);
void dkim_reports_add(struct dkim_reports *reports, const struct gp_dmarc_row *row);
void dkim_reports_register_metrics(void);

#endif
