/*
 * Eval functions over attached office documents, under SpamAssassin's names
 * (Mail::SpamAssassin::Plugin::OLEVBMacro).
 */
#include "lib/score/rule_eval.h"
#include "lib/score/rule_ole.h"

/* what: enum gp_ole_find */
static bool check_ole(struct gp_eval *e, const struct gp_rule_eval *row, const struct gp_str *args,
		      size_t n_args)
{
	struct gp_ole *ole = e->memo[GP_EVAL_OLE];

	if (!ole) {
		ole = e->memo[GP_EVAL_OLE] = GP_ARENA_NEW(e->arena, struct gp_ole);
		gp_ole_read_all(e->set, e->pcre, e->arena, e->in->message, ole);
	}
	e->evidence = ole->found[row->what];
	for (size_t i = 0; row->what == GP_OLE_URI && i < ole->n_uris; i++)
		gp_symbol_detail_add(e->arena, &e->detail, ole->uris[i]);
	for (size_t i = 0; row->what == GP_OLE_MHTML_URI && i < ole->n_mhtml; i++)
		gp_symbol_detail_add(e->arena, &e->detail, ole->mhtml[i]);
	return ole->found[row->what].len > 0;
}

const struct gp_rule_eval gp_rule_evals_ole[] = {
	{"check_olemacro", 0, 0, check_ole, GP_OLE_MACRO, false},
	{"check_oleobject", 0, 0, check_ole, GP_OLE_OBJECT, false},
	{"check_olertfobject", 0, 0, check_ole, GP_OLE_RTF_OBJECT, false},
	{"check_olemacro_csv", 0, 0, check_ole, GP_OLE_CSV, false},
	{"check_olemacro_malice", 0, 0, check_ole, GP_OLE_MALICE, false},
	{"check_olemacro_renamed", 0, 0, check_ole, GP_OLE_RENAMED, false},
	{"check_olemacro_encrypted", 0, 0, check_ole, GP_OLE_ENCRYPTED, false},
	{"check_olemacro_zip_password", 0, 0, check_ole, GP_OLE_PASSWORD, false},
	{"check_olemacro_download_exe", 0, 0, check_ole, GP_OLE_DOWNLOAD, false},
	{"check_olemacro_redirect_uri", 0, 0, check_ole, GP_OLE_URI, false},
	{"check_olemacro_mhtml_uri", 0, 0, check_ole, GP_OLE_MHTML_URI, false},
	{0},
};
