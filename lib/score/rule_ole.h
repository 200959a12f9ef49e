/*
 * Office documents among the attachments, and within ZIP files there: macros, embedded objects,
 * passwords, links to elsewhere, as Mail::SpamAssassin::Plugin::OLEVBMacro looks for them.
 *
 * By marks that such files have somewhere in them, not by reading their structure; of ZIP files the
 * list of members is read, and what these hold.
 */
#ifndef GP_SCORE_RULE_OLE_H
#define GP_SCORE_RULE_OLE_H

#include "lib/mail/message.h"
#include "lib/score/rule_int.h"
#include "lib/score/rule_pcre.h"

enum gp_ole_find {
	GP_OLE_MACRO,
	GP_OLE_OBJECT,
	GP_OLE_RTF_OBJECT,
	GP_OLE_CSV,	  /* a table that starts a program */
	GP_OLE_MALICE,	  /* a macro that runs by itself */
	GP_OLE_RENAMED,	  /* with the extension of something else; olemacro_extended_scan */
	GP_OLE_ENCRYPTED,
	GP_OLE_PASSWORD,  /* in a ZIP file with a password */
	GP_OLE_DOWNLOAD,  /* code that fetches a program */
	GP_OLE_URI,	  /* a link to be followed when it is opened */
	GP_OLE_MHTML_URI,
	GP_OLE_FINDS,
};

#define GP_OLE_URIS_MAX 10
#define GP_OLE_MHTML_MAX 5

struct gp_ole {
	struct gp_str found[GP_OLE_FINDS]; /* the file's name or the link; empty: not found */
	struct gp_str uris[GP_OLE_URIS_MAX], mhtml[GP_OLE_MHTML_MAX];
	size_t n_uris, n_mhtml;
};

/* Adds what one file shows, by its name.  Everything lives in the arena. */
void gp_ole_read(const struct gp_rule_set *set, struct gp_pcre *pcre, struct gp_arena *a,
		 struct gp_str name, struct gp_str data, struct gp_ole *ole);
/* Of all attachments, as many as olemacro_num_mime says. */
void gp_ole_read_all(const struct gp_rule_set *set, struct gp_pcre *pcre, struct gp_arena *a,
		     const struct gp_message *m, struct gp_ole *ret);

#endif
