/*
 * Office documents: the first byte says under which name, the rest is the file.  Whatever it is: the
 * number of links is bounded, links are links, and the same file read again shows the same.
 */
#include "lib/score/rule_ole.h"
#include "tests/fuzz/fuzz.h"

static void check(const struct gp_ole *ole)
{
	FUZZ_CHECK(ole->n_uris <= GP_OLE_URIS_MAX);
	FUZZ_CHECK((ole->n_uris > 0) == (ole->found[GP_OLE_URI].len > 0));
	for (size_t i = 0; i < ole->n_uris; i++)
		FUZZ_CHECK(gp_str_istarts(ole->uris[i], GP_STR("http")));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const names[] = {"a.doc", "a.docm", "a.zip", "a.csv", "a.bin"};
	static struct gp_rule_set *set;
	static struct gp_pcre *pcre;
	struct gp_ole one = {0}, two = {0};
	struct gp_arena *a;

	if (size == 0)
		return 0;
	if (!set) {
		gp_rule_set_load_text("f.cf", GP_STR("olemacro_extended_scan 1\n"), NULL, NULL, &set);
		pcre = gp_pcre_new(0);
	}
	a = gp_arena_new(0);
	for (int i = 0; i < 2; i++)
		gp_ole_read(set, pcre, a, gp_str(names[data[0] % GP_ARRAY_SIZE(names)]),
			    gp_str_n(data + 1, size - 1), i ? &two : &one);
	check(&one);
	for (size_t i = 0; i < GP_OLE_FINDS; i++)
		FUZZ_CHECK(gp_str_eq(one.found[i], two.found[i]));
	gp_arena_free(a);
	return 0;
}
