/* app/condition.h: one text, "count < limit and not done", compiled once and evaluated on a state.
 *
 *     or      = and { ("or" | "||") and }
 *     and     = not { ("and" | "&&") not }
 *     not     = ("not" | "!") not | compare
 *     compare = operand [ ("<" | "<=" | ">" | ">=" | "==" | "!=" | "in" | "not" "in") operand ]
 *     operand = number | text | "true" | "false" | "null" | path | "(" or ")"
 *     path    = name { "." (name | digits) }
 *
 * Compiling and evaluating are pure functions over bytes, capped in length and depth, so any text may be put
 * in. A compiled condition never changes and may be read by several threads. */
#ifndef APP_CONDITION_H
#define APP_CONDITION_H

#include "app/state.h"

/* Nobody writes a longer one by hand; it bounds the tree. */
enum { CONDITION_MAX_LEN = 4096, CONDITION_MAX_DEPTH = 64, CONDITION_VALUE_MAX = 200 };

enum condition_op {
	OP_NONE,
	OP_LT,
	OP_LE,
	OP_GT,
	OP_GE,
	OP_EQ,
	OP_NE,
	OP_IN,
	OP_NOT_IN,
};

enum condition_kind {
	COND_LITERAL,
	COND_PATH,
	COND_NOT,
	COND_AND,
	COND_OR,
	COND_COMPARE,
};

struct condition_node {
	enum condition_kind kind;
	enum condition_op op; /* COND_COMPARE */
	uint32_t left;        /* indexes of nodes; COND_NOT has only left */
	uint32_t right;
	uint32_t text_at; /* in pool: a literal's JSON, or a path */
	uint32_t text_len;
};

struct condition {
	struct condition_node *nodes;
	uint32_t count;
	uint32_t cap;
	uint32_t root;
	struct buf pool;
};

#define CONDITION_INIT                  \
	{                               \
		NULL, 0, 0, 0, BUF_INIT \
	}

/* Errors: BURR_EINVAL "column 9: …" (from 1, in bytes), BURR_ENOMEM. *out must be freed on success only. */
burr_status condition_compile(struct condition *out, struct slice text, burr_error *err);
void condition_fini(struct condition *condition);

/* Errors: BURR_EINVAL (values of two types put in order, both named), BURR_ENOMEM. */
burr_status condition_eval(
	const struct condition *condition, const struct state *state, bool *out_holds, burr_error *err);

/* Append an object of all that the condition reads, {"count":3,"user.name":null}; a value longer than
 * CONDITION_VALUE_MAX bytes becomes text with its beginning. */
void condition_put_values(const struct condition *condition, const struct state *state, struct buf *out);
/* One such member, for what a predicate reads. */
void condition_put_value(const struct state *state, struct slice path, struct buf *out);

/* The value at a path of the state, SLICE_NONE when there is none. */
struct slice condition_find(const struct state *state, struct slice path);

static inline struct slice condition_text(
	const struct condition *condition, const struct condition_node *node)
{
	return (struct slice){condition->pool.data + node->text_at, node->text_len};
}

#endif
