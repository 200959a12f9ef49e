/*
 * A list with an index by name.
 */
#include "lib/score/symbol.h"

#include <math.h>
#include <stdint.h>
#include <stdlib.h>

void gp_symbols_init(struct gp_symbols *s, struct gp_arena *a)
{
	*s = (struct gp_symbols){.arena = a};
	gp_map_init(&s->by_name, a, false);
}

static size_t index_of(const struct gp_symbols *s, const char *name)
{
	return (size_t)(uintptr_t)gp_map_get(&s->by_name, gp_str(name));
}

struct gp_symbol *gp_symbols_add(struct gp_symbols *s, const char *name, double score,
				 const char *description)
{
	size_t i = index_of(s, name);
	struct gp_symbol *symbol;

	if (i) {
		symbol = &s->list.items[i - 1];
		symbol->score += score;
		symbol->hits++;
		if (description)
			symbol->description = description;
		return symbol;
	}
	symbol = gp_vec_push(s->arena, &s->list);
	*symbol = (struct gp_symbol){.name = name,
				     .score = score,
				     .description = description ? description : "",
				     .hits = 1};
	gp_map_set(&s->by_name, gp_str(name), (void *)(uintptr_t)s->list.len);
	return symbol;
}

void gp_symbol_detail_add(struct gp_arena *a, struct gp_str *detail, struct gp_str line)
{
	size_t from = detail->len + (detail->len > 0);
	char *text = gp_arena_alloc(a, from + line.len + 1);

	if (detail->len) {
		memcpy(text, detail->ptr, detail->len);
		text[detail->len] = '\n';
	}
	for (size_t i = 0; i < line.len; i++)
		text[from + i] = line.ptr[i] == '\n' ? ' ' : line.ptr[i];
	*detail = gp_str_n(text, from + line.len);
}

const struct gp_symbol *gp_symbols_find(const struct gp_symbols *s, const char *name)
{
	size_t i = index_of(s, name);

	return i ? &s->list.items[i - 1] : NULL;
}

double gp_symbols_sum(const struct gp_symbols *s)
{
	double sum = 0;

	for (size_t i = 0; i < s->list.len; i++)
		sum += s->list.items[i].score;
	sum = round(sum * 1000) / 1000;
	return sum == 0 ? 0 : sum; /* no -0 */
}

static int compare(const void *a, const void *b)
{
	const struct gp_symbol *x = a, *y = b;

	if (x->score != y->score)
		return x->score > y->score ? -1 : 1;
	return strcmp(x->name, y->name);
}

void gp_symbols_sort(struct gp_symbols *s)
{
	if (s->list.len == 0)
		return;
	qsort(s->list.items, s->list.len, sizeof(*s->list.items), compare);
	for (size_t i = 0; i < s->list.len; i++)
		gp_map_set(&s->by_name, gp_str(s->list.items[i].name), (void *)(uintptr_t)(i + 1));
}
