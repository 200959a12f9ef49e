/*
 * What the two files about office documents share.
 */
#ifndef GP_SCORE_RULE_OLE_INT_H
#define GP_SCORE_RULE_OLE_INT_H

#include "lib/mail/zip.h"
#include "lib/score/rule_ole.h"

/* Inflated of one member, and of all of a message: what a real document's parts come to, not
 * what a bomb does. */
#define GP_OLE_MEMBER_MAX ((size_t)4 << 20)
#define GP_OLE_BYTES_MAX ((size_t)16 << 20)
#define GP_OLE_DEPTH_MAX 4 /* of ZIP files in ZIP files, whatever olemacro_zip_depth says */

struct gp_ole_work {
	const struct gp_rule_set *set;
	struct gp_pcre *pcre;
	struct gp_arena *arena;
	struct gp_ole *ole;
	size_t left; /* of GP_OLE_BYTES_MAX */
};

/* Does the pattern of a setting match, or the one that stands for it? */
bool gp_ole_matches(struct gp_ole_work *w, const char *setting, const char *otherwise,
		    struct gp_str text);
/* Notes the first file or link of the kind. */
void gp_ole_found(struct gp_ole_work *w, enum gp_ole_find what, struct gp_str seen);

/* A member's content in `out`, which is empty before; false if it cannot be read or is too much. */
bool gp_ole_content(struct gp_ole_work *w, const struct gp_zip *zip, const struct gp_zip_member *m,
		    struct gp_buf *out);

bool gp_ole_is_office(struct gp_str data); /* of the time before 2007 */
bool gp_ole_is_zip(struct gp_str name, struct gp_str data);

/* Those that say something say whether it is an office document. */
bool gp_ole_check_encrypted(struct gp_ole_work *w, struct gp_str name, struct gp_str data);
bool gp_ole_check_old(struct gp_ole_work *w, struct gp_str name, struct gp_str data);
bool gp_ole_check_members(struct gp_ole_work *w, struct gp_str name, struct gp_str data);
void gp_ole_check_download(struct gp_ole_work *w, struct gp_str name, struct gp_str data);
void gp_ole_check_csv(struct gp_ole_work *w, struct gp_str name, struct gp_str data);

#endif
