/*
 * Decisions; see the header.
 */
#include "milter-virus/action.h"

#include "lib/daemon/reply.h"

static const struct {
	const char *name, *reason;
} outcomes[VIRUS_OUTCOMES] = {
	[VIRUS_SCANNED_CLEAN] = {"clean", ""},
	[VIRUS_SCANNED_FOUND] = {"found", "found"},
	[VIRUS_NO_ENGINE] = {"no-engine", "no scan engine is there"},
	[VIRUS_OVERLOAD] = {"overload", "too many messages wait"},
	[VIRUS_DEADLINE] = {"deadline", "the scan took too long"},
	[VIRUS_CRASHED] = {"crashed", "the scan failed"},
	[VIRUS_KILLER] = {"killer", "the scan failed twice"},
	[VIRUS_ENGINE_ERROR] = {"engine-error", "the scan failed"},
	[VIRUS_EXEMPT] = {"exempt", "exempt"},
	[VIRUS_OVERSIZE] = {"oversize", "the message is too large"},
};

static const enum virus_action on_oversize[] = {
	[VIRUS_OVERSIZE_MARK] = VIRUS_ACT_MARK,
	[VIRUS_OVERSIZE_TEMPFAIL] = VIRUS_ACT_TEMPFAIL,
	[VIRUS_OVERSIZE_REJECT] = VIRUS_ACT_REJECT,
};

static const enum virus_action on_errors[] = {
	[GP_ON_ERROR_ACCEPT] = VIRUS_ACT_ACCEPT,
	[GP_ON_ERROR_TEMPFAIL] = VIRUS_ACT_TEMPFAIL,
	[GP_ON_ERROR_MARK] = VIRUS_ACT_MARK,
};

const char *virus_outcome_name(enum virus_outcome outcome)
{
	return outcomes[outcome].name;
}

const char *virus_done_name(enum virus_action action)
{
	return action == VIRUS_ACT_OFF ? "pass" : gp_conf_enum_name(virus_action_names, (int)action);
}

static enum virus_action action_of(const struct virus_conf *conf, enum virus_category category,
				   bool is_outbound)
{
	int own = conf->outbound[category];

	return (enum virus_action)(is_outbound && own != VIRUS_ACT_SAME ? own : conf->actions[category]);
}

struct virus_decision virus_decide(const struct virus_conf *conf, const struct virus_verdict *v,
				   bool is_outbound)
{
	struct virus_decision d = {.reason = outcomes[v->outcome].reason};

	switch (v->outcome) {
	case VIRUS_SCANNED_CLEAN:
	case VIRUS_EXEMPT:
		break;
	case VIRUS_SCANNED_FOUND:
		d.action = action_of(conf, v->category, is_outbound);
		d.is_infected = d.action != VIRUS_ACT_OFF;
		break;
	case VIRUS_KILLER:
		d.action = (enum virus_action)conf->on_killer;
		break;
	case VIRUS_OVERSIZE:
		d.action = conf->oversize == VIRUS_OVERSIZE_SCAN /* which clamd did not */
				   ? action_of(conf, VIRUS_CAT_LIMITS, is_outbound)
				   : on_oversize[conf->oversize];
		break;
	case VIRUS_OVERLOAD: /* whatever is accepted on errors: overload is over soon */
		d.action = VIRUS_ACT_TEMPFAIL;
		break;
	case VIRUS_NO_ENGINE:
	case VIRUS_DEADLINE:
	case VIRUS_CRASHED:
	case VIRUS_ENGINE_ERROR:
	case VIRUS_OUTCOMES:
		d.action = on_errors[conf->on_error];
		break;
	}
	return d;
}
