/*
 * Walking an option table.
 */
#include "cli/opt.h"

#include <string.h>

#include "lib/base/num.h"

static const struct gp_opt *find_long(const struct gp_opt *table, struct gp_str name)
{
	for (; table->name; table++)
		if (gp_str_eq(gp_str(table->name), name))
			return table;
	return NULL;
}

static const struct gp_opt *find_letter(const struct gp_opt *table, char letter)
{
	for (; table->name; table++)
		if (table->letter == letter)
			return table;
	return NULL;
}

static const char *near_miss(const struct gp_opt *table, struct gp_str name)
{
	const char *best = NULL;
	unsigned least = 3;

	for (; table->name; table++) {
		unsigned d = gp_str_distance(gp_str(table->name), name);

		if (d < least) {
			least = d;
			best = table->name;
		}
	}
	return best;
}

static int store(const struct gp_opt *o, const char *value, struct gp_arena *arena, void *values,
		 struct gp_diag *diag)
{
	void *slot = (char *)values + o->offset;
	uint64_t n = 0;

	switch (o->kind) {
	case GP_OPT_FLAG:
		*(bool *)slot = true;
		break;
	case GP_OPT_STRING:
		*(const char **)slot = value;
		break;
	case GP_OPT_LIST:
		*gp_vec_push(arena, (struct gp_opt_list *)slot) = value;
		break;
	case GP_OPT_UINT:
		if (gp_num_parse_uint(gp_str(value), 10, &n) || n > 1000000000) {
			gp_diag_set(diag, "--%s: \"%s\" is not a whole number", o->name, value);
			return GP_EINVAL;
		}
		*(unsigned *)slot = (unsigned)n;
		break;
	}
	return GP_OK;
}

/* One "--name[=value]" word; takes the next word when the value stands there. */
static int parse_long(const struct gp_opt *table, struct gp_arena *arena, char **argv, int *i,
		      void *values, struct gp_diag *diag)
{
	struct gp_str word = gp_str(argv[*i] + 2);
	size_t eq = gp_str_find_chr(word, '=', 0);
	struct gp_str name = gp_str_sub(word, 0, eq);
	const struct gp_opt *o = find_long(table, name);
	const char *value = eq < word.len ? word.ptr + eq + 1 : NULL;

	if (!o) {
		const char *near = near_miss(table, name);

		gp_diag_set(diag, "unknown option --%.*s%s%s%s", GP_STR_FMT(name),
			    near ? " (did you mean --" : "", near ? near : "", near ? "?)" : "");
		return GP_EINVAL;
	}
	if (o->kind == GP_OPT_FLAG && value) {
		gp_diag_set(diag, "--%s takes no value", o->name);
		return GP_EINVAL;
	}
	if (o->kind != GP_OPT_FLAG && !value)
		value = argv[++*i];
	if (o->kind != GP_OPT_FLAG && !value) {
		gp_diag_set(diag, "--%s needs %s", o->name, o->arg);
		return GP_EINVAL;
	}
	return store(o, value, arena, values, diag);
}

/* One "-abc" word. */
static int parse_letters(const struct gp_opt *table, struct gp_arena *arena, char **argv, int *i,
			 void *values, struct gp_diag *diag)
{
	for (const char *p = argv[*i] + 1; *p; p++) {
		const struct gp_opt *o = find_letter(table, *p);
		const char *value = NULL;
		int r;

		if (!o) {
			gp_diag_set(diag, "unknown option -%c", *p);
			return GP_EINVAL;
		}
		if (o->kind != GP_OPT_FLAG) {
			value = p[1] ? p + 1 : argv[++*i];
			if (!value) {
				gp_diag_set(diag, "-%c needs %s", *p, o->arg);
				return GP_EINVAL;
			}
		}
		r = store(o, value, arena, values, diag);
		if (r || value)
			return r;
	}
	return GP_OK;
}

int gp_opt_parse(const struct gp_opt *table, struct gp_arena *arena, int argc, char **argv,
		 void *values, struct gp_opt_list *ret_operands, struct gp_diag *diag)
{
	bool options_ended = false;

	for (int i = 1; i < argc; i++) {
		int r = GP_OK;

		if (options_ended || argv[i][0] != '-' || !argv[i][1])
			*gp_vec_push(arena, ret_operands) = argv[i];
		else if (strcmp(argv[i], "--") == 0)
			options_ended = true;
		else if (argv[i][1] == '-')
			r = parse_long(table, arena, argv, &i, values, diag);
		else
			r = parse_letters(table, arena, argv, &i, values, diag);
		if (r)
			return r;
	}
	return GP_OK;
}

void gp_opt_print(const struct gp_opt *table, FILE *out)
{
	for (; table->name; table++) {
		char left[48];

		snprintf(left, sizeof(left), "%c%c%s--%s%s%s", table->letter ? '-' : ' ',
			 table->letter ? table->letter : ' ', table->letter ? ", " : "  ",
			 table->name, table->arg ? " " : "", table->arg ? table->arg : "");
		fprintf(out, "  %-24s %s\n", left, table->help);
	}
}

void gp_opt_print_names(const struct gp_opt *table, FILE *out)
{
	for (; table->name; table++)
		fprintf(out, "--%s\n", table->name);
}
