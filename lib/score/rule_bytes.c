/*
 * Sets of bytes, and those that have a name in patterns.
 */
#include "lib/score/rule_bytes.h"

const struct gp_byte_set gp_byte_set_all = {{UINT64_MAX, UINT64_MAX, UINT64_MAX, UINT64_MAX}};

void gp_byte_set_join(struct gp_byte_set *s, const struct gp_byte_set *other)
{
	for (size_t i = 0; i < GP_ARRAY_SIZE(s->bits); i++)
		s->bits[i] |= other->bits[i];
}

void gp_byte_set_invert(struct gp_byte_set *s)
{
	for (size_t i = 0; i < GP_ARRAY_SIZE(s->bits); i++)
		s->bits[i] = ~s->bits[i];
}

/* Both cases of every letter that is there in one. */
void gp_byte_set_fold(struct gp_byte_set *s)
{
	for (unsigned char c = 'a'; c <= 'z'; c++) {
		unsigned char upper = (unsigned char)(c - 'a' + 'A');

		if (gp_byte_set_has(s, c))
			gp_byte_set_add(s, upper);
		else if (gp_byte_set_has(s, upper))
			gp_byte_set_add(s, c);
	}
}

static bool is_word(unsigned char c)
{
	return gp_is_alnum((char)c) || c == '_';
}

static bool is_space(unsigned char c)
{
	return gp_is_space((char)c);
}

static bool is_digit(unsigned char c)
{
	return gp_is_digit((char)c);
}

static bool is_blank(unsigned char c)
{
	return c == ' ' || c == '\t' || c == 0xa0;
}

static bool is_vertical(unsigned char c)
{
	return (c >= '\n' && c <= '\r') || c == 0x85;
}

static bool is_not_newline(unsigned char c)
{
	return c != '\n';
}

static bool is_alpha(unsigned char c)
{
	return gp_is_alpha((char)c);
}

static bool is_alnum(unsigned char c)
{
	return gp_is_alnum((char)c);
}

static bool is_upper(unsigned char c)
{
	return c >= 'A' && c <= 'Z';
}

static bool is_lower(unsigned char c)
{
	return c >= 'a' && c <= 'z';
}

static bool is_punct(unsigned char c)
{
	return c > ' ' && c < 127 && !gp_is_alnum((char)c);
}

static bool is_control(unsigned char c)
{
	return c < ' ' || c == 127;
}

static bool is_print(unsigned char c)
{
	return c >= ' ' && c < 127;
}

static bool is_graph(unsigned char c)
{
	return c > ' ' && c < 127;
}

static bool is_xdigit(unsigned char c)
{
	return gp_is_digit((char)c) || (gp_lower((char)c) >= 'a' && gp_lower((char)c) <= 'f');
}

static void set_of(struct gp_byte_set *s, bool (*fn)(unsigned char))
{
	*s = (struct gp_byte_set){0};
	for (unsigned c = 0; c < 256; c++)
		if (fn((unsigned char)c))
			gp_byte_set_add(s, (unsigned char)c);
}

bool gp_byte_set_shorthand(struct gp_byte_set *s, char c)
{
	static const struct {
		char letter;
		bool (*fn)(unsigned char);
	} table[] = {{'d', is_digit}, {'w', is_word}, {'s', is_space}, {'h', is_blank},
		     {'v', is_vertical}, {'N', is_not_newline}};

	for (size_t i = 0; i < GP_ARRAY_SIZE(table); i++) {
		bool is_inverse = c != table[i].letter;

		if (gp_lower(c) != gp_lower(table[i].letter) || (is_inverse && c == 'n'))
			continue;
		set_of(s, table[i].fn);
		if (is_inverse)
			gp_byte_set_invert(s);
		return true;
	}
	return false;
}

bool gp_byte_set_named(struct gp_byte_set *s, struct gp_str name)
{
	static const struct {
		const char *name;
		bool (*fn)(unsigned char);
	} table[] = {{"alpha", is_alpha}, {"alnum", is_alnum},	 {"digit", is_digit},
		     {"lower", is_lower}, {"upper", is_upper},	 {"space", is_space},
		     {"punct", is_punct}, {"xdigit", is_xdigit}, {"word", is_word},
		     {"cntrl", is_control}, {"print", is_print}, {"graph", is_graph}};

	for (size_t i = 0; i < GP_ARRAY_SIZE(table); i++) {
		if (!gp_str_eq(name, gp_str(table[i].name)))
			continue;
		set_of(s, table[i].fn);
		return true;
	}
	*s = gp_byte_set_all;
	return false;
}
