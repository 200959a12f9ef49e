/*
 * The progress line.
 */
#include "cli/progress.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "lib/base/attr.h"
#include "lib/base/clock.h"

#define QUIET_MS 2000
#define REDRAW_MS 100
#define BAR_WIDTH 30

void gp_progress_begin(struct gp_progress *p, const char *what, uint64_t total)
{
	*p = (struct gp_progress){.what = what, .total = total};
	p->started_ms = gp_clock_mono_ms();
	p->is_terminal = isatty(STDERR_FILENO) == 1;
}

static void draw(struct gp_progress *p, int64_t now)
{
	double elapsed_s = (double)(now - p->started_ms) / 1000;
	double part = p->total ? GP_MIN((double)p->done / (double)p->total, 1.0) : 0;
	int filled = (int)(part * BAR_WIDTH);
	char bar[BAR_WIDTH + 1];

	memset(bar, '.', BAR_WIDTH);
	memset(bar, '#', (size_t)filled);
	bar[BAR_WIDTH] = '\0';
	fprintf(stderr, "\r\033[K%s ", p->what);
	if (p->total)
		fprintf(stderr, "[%s] %3.0f %%  ", bar, part * 100);
	fprintf(stderr, "%llu messages, %.0f/s", (unsigned long long)p->items,
		(double)p->items / elapsed_s);
	if (part > 0.01) {
		double left_s = elapsed_s / part - elapsed_s;

		fprintf(stderr, ", %d:%02d left", (int)left_s / 60, (int)left_s % 60);
	}
	fflush(stderr);
	p->is_drawn = true;
	p->drawn_ms = now;
}

void gp_progress_step(struct gp_progress *p, uint64_t units)
{
	int64_t now;

	p->done += units;
	p->items++;
	if (!p->is_terminal)
		return;
	now = gp_clock_mono_ms();
	if (now - p->started_ms >= QUIET_MS && now - p->drawn_ms >= REDRAW_MS)
		draw(p, now);
}

void gp_progress_done(struct gp_progress *p)
{
	if (p->is_drawn)
		fprintf(stderr, "\r\033[K");
	p->is_drawn = false;
}
