/*
 * From clamd's answers to verdicts; see the header.
 *
 * What clamd says of a limit is a name like any other (Heuristics.Limits.Exceeded, when it is
 * configured to alert); a message above its StreamMaxLength it does not scan at all.
 */
#include "milter-virus/scan_clamd.h"

#include "lib/base/clock.h"

static const enum virus_outcome outcomes[] = {
	[VIRUS_CLAMD_CLEAN] = VIRUS_SCANNED_CLEAN, [VIRUS_CLAMD_FOUND] = VIRUS_SCANNED_FOUND,
	[VIRUS_CLAMD_TOO_LARGE] = VIRUS_OVERSIZE,  [VIRUS_CLAMD_FAILED] = VIRUS_ENGINE_ERROR,
	[VIRUS_CLAMD_LATE] = VIRUS_DEADLINE,	   [VIRUS_CLAMD_LOST] = VIRUS_CRASHED,
	[VIRUS_CLAMD_DOWN] = VIRUS_NO_ENGINE,
};

void virus_scan_clamd(struct virus_clamd *clamd, const struct virus_scan_request *request,
		      struct virus_verdict *ret)
{
	int64_t began_us = gp_clock_mono_us();
	struct virus_clamd_request r = {.fd = request->fd, .size = request->size,
					.deadline_ms = gp_clock_mono_ms() + request->conf->deadline_ms,
					.tick = request->progress, .arg = request->arg};
	struct virus_clamd_answer answer;

	virus_clamd_scan(clamd, &r, &answer);
	*ret = (struct virus_verdict){.outcome = outcomes[answer.status], .tries = answer.tries};
	if (ret->outcome == VIRUS_SCANNED_FOUND) {
		virus_name_copy(ret->name, answer.text, strlen(answer.text));
		ret->category = virus_category_of(gp_str(ret->name));
	} else {
		virus_words_copy(ret->name, answer.text, strlen(answer.text));
	}
	ret->scan_us = gp_clock_mono_us() - began_us;
}
