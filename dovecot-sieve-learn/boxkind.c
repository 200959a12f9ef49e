/*
 * Kinds of folders, and the table of what moves between them teach.
 */
#include "dovecot-sieve-learn/compat.h"

#include <ctype.h>

#include "dovecot-sieve-learn/boxkind.h"
#include "dovecot-sieve-learn/settings.h"
#include "lib/proto/learn.h"

#define SPAM {GP_LEARN_SPAM, 0}
#define SPAM_IF_NEW {GP_LEARN_SPAM, GP_LEARN_IF_NEW}
#define HAM {GP_LEARN_HAM, 0}
#define NOTHING {0, 0}

static const struct gp_lesson lessons[GP_BOX_KINDS][GP_BOX_KINDS] = {
	/* to:		    other    junk	  trash    virtual */
	[GP_BOX_OTHER] =   {NOTHING, SPAM,	  NOTHING, NOTHING},
	[GP_BOX_JUNK] =	   {HAM,     NOTHING,	  NOTHING, NOTHING},
	[GP_BOX_TRASH] =   {NOTHING, SPAM_IF_NEW, NOTHING, NOTHING},
	[GP_BOX_VIRTUAL] = {NOTHING, NOTHING,	  NOTHING, NOTHING},
};

struct gp_lesson gp_lesson_of_copy(enum gp_box_kind from, enum gp_box_kind to)
{
	return lessons[from][to];
}

static enum gp_box_kind kind_by_use(struct mailbox *box)
{
	if (mailbox_has_special_use(box, "\\Junk"))
		return GP_BOX_JUNK;
	return mailbox_has_special_use(box, "\\Trash") ? GP_BOX_TRASH : GP_BOX_OTHER;
}

/* Names in the settings may be written with '/' whatever the namespace has. */
static bool same_name(const char *configured, const char *name, char separator)
{
	for (; *configured != '\0' && *name != '\0'; configured++, name++) {
		if (i_tolower(*configured) != i_tolower(*name) &&
		    !(*configured == '/' && *name == separator))
			return false;
	}
	return *configured == *name;
}

static bool is_named(const char *const *names, const char *name, char separator)
{
	for (; *names != NULL; names++) {
		if (same_name(*names, name, separator))
			return true;
	}
	return false;
}

static enum gp_box_kind kind_of(struct mailbox *box, const struct gp_learn_settings *set)
{
	struct mail_namespace *ns = mailbox_get_namespace(box);
	const char *name = mailbox_get_vname(box);
	enum gp_box_kind kind = kind_by_use(box);

	if (kind != GP_BOX_OTHER)
		return kind;
	if (strncmp(name, ns->prefix, ns->prefix_len) == 0)
		name += ns->prefix_len;
	if (is_named(set->junk_names, name, mail_namespace_get_sep(ns)))
		return GP_BOX_JUNK;
	if (is_named(set->trash_names, name, mail_namespace_get_sep(ns)))
		return GP_BOX_TRASH;
	return GP_BOX_OTHER;
}

static enum gp_box_kind kind_of_ancestors(struct mailbox *box, const struct gp_learn_settings *set)
{
	struct mail_namespace *ns = mailbox_get_namespace(box);
	char *name = t_strdup_noconst(mailbox_get_vname(box)), *cut;
	enum gp_box_kind kind = GP_BOX_OTHER;

	while (kind == GP_BOX_OTHER && (cut = strrchr(name, mail_namespace_get_sep(ns))) != NULL) {
		struct mailbox *parent;

		*cut = '\0';
		if (strlen(name) < ns->prefix_len || *name == '\0')
			break;
		parent = mailbox_alloc(box->list, name, MAILBOX_FLAG_READONLY);
		kind = kind_of(parent, set);
		mailbox_free(&parent);
	}
	return kind;
}

enum gp_box_kind gp_box_kind(struct mailbox *box, const struct gp_learn_settings *set)
{
	enum gp_box_kind kind;

	if (strcmp(box->storage->name, "virtual") == 0)
		return GP_BOX_VIRTUAL;
	T_BEGIN {
		kind = kind_of(box, set);
		if (kind == GP_BOX_OTHER)
			kind = kind_of_ancestors(box, set);
	} T_END;
	return kind;
}
