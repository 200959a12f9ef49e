/*
 * Facts on the wire: a head of fixed size, then the tokens.  Both sides are the same
 * program on the same host, so numbers are as they are in memory; but the sender may have
 * been taken over by a message, so every one is checked.
 */
#include "controller/facts.h"

#include "lib/base/limits.h"

#define IS_SCANNED 1u
#define IS_MESSAGE 2u

struct head {
	unsigned char digest[GP_SHA256_SIZE];
	uint32_t words, flags, n_tokens, message_id_len;
	char message_id[FACTS_MESSAGE_ID_MAX + 6]; /* a multiple of 8 with what is before */
};

void facts_encode(const struct facts *facts, struct gp_buf *out)
{
	struct head head = {.words = facts->words, .n_tokens = facts->n_tokens};

	memcpy(head.digest, facts->digest, sizeof(head.digest));
	head.flags = (facts->is_scanned ? IS_SCANNED : 0) | (facts->is_message ? IS_MESSAGE : 0);
	head.message_id_len = (uint32_t)strlen(facts->message_id);
	memcpy(head.message_id, facts->message_id, head.message_id_len);
	gp_buf_add(out, &head, sizeof(head));
	gp_buf_add(out, facts->tokens, facts->n_tokens * sizeof(*facts->tokens));
}

int facts_decode(struct gp_str bytes, struct facts *ret)
{
	struct head head;
	struct facts facts = {.words = 0};

	if (bytes.len < sizeof(head))
		return GP_EINVAL;
	memcpy(&head, bytes.ptr, sizeof(head));
	if (head.n_tokens > GP_MAX_TOKENS || head.message_id_len > FACTS_MESSAGE_ID_MAX ||
	    bytes.len - sizeof(head) != head.n_tokens * sizeof(*facts.tokens))
		return GP_EINVAL;
	memcpy(facts.digest, head.digest, sizeof(facts.digest));
	facts.words = head.words;
	facts.is_scanned = head.flags & IS_SCANNED;
	facts.is_message = head.flags & IS_MESSAGE;
	memcpy(facts.message_id, head.message_id, head.message_id_len);
	facts.n_tokens = head.n_tokens;
	facts.tokens = (const uint64_t *)(const void *)(bytes.ptr + sizeof(head));
	*ret = facts;
	return GP_OK;
}
