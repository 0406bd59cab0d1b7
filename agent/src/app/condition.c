/* Compiling a condition: a recursive descent over the bytes, no tokens kept. */
#include "app/condition.h"

#include "base/clean.h"
#include "base/error.h"
#include "base/json.h"

enum { NODE_NONE = UINT32_MAX };

struct parser {
	const char *start;
	const char *pos;
	const char *end;
	unsigned depth;
	struct condition *out;
	burr_error *err;
	burr_status status;
};

void condition_fini(struct condition *condition)
{
	free(condition->nodes);
	buf_fini(&condition->pool);
	*condition = (struct condition)CONDITION_INIT;
}

static uint32_t parse_or(struct parser *p);

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool is_name_start(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || (unsigned char)c >= 0x80;
}

static bool is_name(char c)
{
	return is_name_start(c) || is_digit(c);
}

static uint32_t no_memory(struct parser *p)
{
	if (p->status == BURR_OK)
		p->status = burr_fail(p->err, BURR_ENOMEM, "condition: out of memory");
	return NODE_NONE;
}

static uint32_t wrong_at(struct parser *p, const char *pos, const char *what)
{
	if (p->status == BURR_OK)
		p->status =
			burr_fail(p->err, BURR_EINVAL, "column %zu: %s", (size_t)(pos - p->start) + 1, what);
	return NODE_NONE;
}

static void skip_spaces(struct parser *p)
{
	while (p->pos < p->end && strchr(" \t\r\n", *p->pos) && *p->pos)
		p->pos++;
}

static size_t name_len(const char *pos, const char *end)
{
	const char *start = pos;
	if (pos < end && is_name_start(*pos))
		while (pos < end && is_name(*pos))
			pos++;
	return (size_t)(pos - start);
}

/* The word or sign, if it comes next; a word must end there, and a path does not begin with one. */
static bool take(struct parser *p, const char *text)
{
	skip_spaces(p);
	size_t len = strlen(text);
	if ((size_t)(p->end - p->pos) < len || memcmp(p->pos, text, len) != 0)
		return false;
	if (is_name(*text) && p->pos + len < p->end && (is_name(p->pos[len]) || p->pos[len] == '.'))
		return false;
	p->pos += len;
	return true;
}

static uint32_t add_node(struct parser *p, struct condition_node node)
{
	struct condition *out = p->out;
	if (p->status != BURR_OK)
		return NODE_NONE;
	if (out->count == out->cap) {
		uint32_t cap = out->cap ? out->cap * 2 : 8;
		struct condition_node *nodes = realloc(out->nodes, cap * sizeof(*nodes));
		if (!nodes)
			return no_memory(p);
		out->nodes = nodes;
		out->cap = cap;
	}
	out->nodes[out->count] = node;
	return out->count++;
}

static uint32_t add_pair(
	struct parser *p, enum condition_kind kind, enum condition_op op, uint32_t left, uint32_t right)
{
	if (left == NODE_NONE || right == NODE_NONE)
		return NODE_NONE;
	return add_node(p, (struct condition_node){.kind = kind, .op = op, .left = left, .right = right});
}

/* A node for what was appended to the pool since text_at. */
static uint32_t add_text(struct parser *p, enum condition_kind kind, size_t text_at)
{
	struct buf *pool = &p->out->pool;
	if (pool->failed)
		return no_memory(p);
	return add_node(p, (struct condition_node){.kind = kind,
				   .text_at = (uint32_t)text_at,
				   .text_len = (uint32_t)(pool->len - text_at)});
}

static uint32_t add_literal(struct parser *p, struct slice json)
{
	size_t at = p->out->pool.len;
	buf_append_slice(&p->out->pool, json);
	return add_text(p, COND_LITERAL, at);
}

/* One escaped byte inside quotes; false for an unknown escape. */
static bool take_escape(struct parser *p, struct buf *plain)
{
	static const char from[] = "\\\"'nrt";
	static const char to[] = "\\\"'\n\r\t";
	const char *at = p->pos + 1 < p->end && p->pos[1] ? strchr(from, p->pos[1]) : NULL;
	if (!at)
		return false;
	buf_append_char(plain, to[at - from]);
	p->pos += 2;
	return true;
}

static uint32_t parse_text(struct parser *p)
{
	CLEAN(buf_fini) struct buf plain = BUF_INIT;
	const char *open = p->pos++;
	buf_append(&plain, "", 0);
	while (p->pos < p->end && *p->pos != *open) {
		if (*p->pos != '\\')
			buf_append_char(&plain, *p->pos++);
		else if (!take_escape(p, &plain))
			return wrong_at(
				p, p->pos, "unknown escape in text (there are \\\\ \\\" \\' \\n \\r \\t)");
	}
	if (p->pos == p->end)
		return wrong_at(p, open, "text without its closing quote");
	p->pos++;
	CLEAN(buf_fini) struct buf json = BUF_INIT;
	json_put_text(&json, buf_slice(&plain));
	if (plain.failed || json.failed)
		return no_memory(p);
	return add_literal(p, buf_slice(&json));
}

static uint32_t parse_number(struct parser *p)
{
	const char *start = p->pos;
	while (p->pos < p->end &&
		(is_name(*p->pos) || *p->pos == '.' ||
			(strchr("+-", *p->pos) && *p->pos && (p->pos == start || strchr("eE", p->pos[-1])))))
		p->pos++;
	struct slice number = {start, (size_t)(p->pos - start)};
	double value;
	if (json_validate(number, NULL, NULL) != BURR_OK || !json_to_double(number, &value))
		return wrong_at(p, start, "not a number");
	return add_literal(p, number);
}

static bool path_part_follows(const struct parser *p)
{
	return p->pos + 1 < p->end && *p->pos == '.' && is_name(p->pos[1]);
}

static uint32_t parse_path(struct parser *p)
{
	const char *start = p->pos;
	p->pos += name_len(p->pos, p->end);
	while (path_part_follows(p)) {
		p->pos++;
		while (p->pos < p->end && is_name(*p->pos))
			p->pos++;
	}
	if (p->pos < p->end && *p->pos == '.')
		return wrong_at(p, p->pos, "a name or an index must follow the dot");
	if (p->pos < p->end && *p->pos == '(')
		return wrong_at(p, start, "there are no functions in conditions");
	size_t at = p->out->pool.len;
	buf_append(&p->out->pool, start, (size_t)(p->pos - start));
	return add_text(p, COND_PATH, at);
}

static uint32_t parse_group(struct parser *p)
{
	const char *open = p->pos - 1;
	if (p->depth == CONDITION_MAX_DEPTH)
		return wrong_at(p, open, "nested too deeply");
	p->depth++;
	uint32_t node = parse_or(p);
	p->depth--;
	if (node != NODE_NONE && !take(p, ")"))
		return wrong_at(p, p->pos, p->pos == p->end ? "a closing ) is missing" : "expected )");
	return node;
}

static bool word_is_next(struct parser *p, const char *word)
{
	const char *pos = p->pos;
	bool found = take(p, word);
	p->pos = pos;
	return found;
}

static uint32_t parse_operand(struct parser *p)
{
	static const char *const literals[][2] = {{"true", "true"}, {"True", "true"}, {"false", "false"},
		{"False", "false"}, {"null", "null"}, {"None", "null"}};
	skip_spaces(p);
	if (p->pos == p->end)
		return wrong_at(p, p->pos, "a value is missing at the end");
	if (take(p, "("))
		return parse_group(p);
	if (*p->pos == '"' || *p->pos == '\'')
		return parse_text(p);
	if (is_digit(*p->pos) || *p->pos == '-')
		return parse_number(p);
	for (size_t i = 0; i < sizeof(literals) / sizeof(*literals); i++)
		if (take(p, literals[i][0]))
			return add_literal(p, slice_of(literals[i][1]));
	if (word_is_next(p, "and") || word_is_next(p, "or") || word_is_next(p, "in"))
		return wrong_at(p, p->pos, "a value is missing here");
	if (is_name_start(*p->pos))
		return parse_path(p);
	return wrong_at(p, p->pos, "expected a key, a number or text");
}

static bool take_not_in(struct parser *p)
{
	const char *pos = p->pos;
	if (take(p, "not") && take(p, "in"))
		return true;
	p->pos = pos;
	return false;
}

static enum condition_op take_op(struct parser *p)
{
	static const struct {
		const char *text;
		enum condition_op op;
	} ops[] = {{"<=", OP_LE}, {"<", OP_LT}, {">=", OP_GE}, {">", OP_GT}, {"==", OP_EQ}, {"!=", OP_NE},
		{"in", OP_IN}};
	if (take_not_in(p))
		return OP_NOT_IN;
	for (size_t i = 0; i < sizeof(ops) / sizeof(*ops); i++)
		if (take(p, ops[i].text))
			return ops[i].op;
	return OP_NONE;
}

static uint32_t parse_compare(struct parser *p)
{
	uint32_t left = parse_operand(p);
	if (left == NODE_NONE)
		return NODE_NONE;
	enum condition_op op = take_op(p);
	skip_spaces(p);
	if (op == OP_NONE && p->pos < p->end && *p->pos == '=')
		return wrong_at(p, p->pos, "= does not compare; write ==");
	if (op == OP_NONE)
		return left;
	uint32_t node = add_pair(p, COND_COMPARE, op, left, parse_operand(p));
	const char *behind = p->pos;
	if (node != NODE_NONE && take_op(p) != OP_NONE) {
		p->pos = behind;
		skip_spaces(p);
		return wrong_at(p, p->pos, "comparisons do not chain; join them by and");
	}
	return node;
}

static bool take_not(struct parser *p)
{
	skip_spaces(p);
	if (p->pos + 1 < p->end && p->pos[0] == '!' && p->pos[1] == '=')
		return false;
	return take(p, "not") || take(p, "!");
}

static uint32_t parse_not(struct parser *p)
{
	if (!take_not(p))
		return parse_compare(p);
	if (p->depth == CONDITION_MAX_DEPTH)
		return wrong_at(p, p->pos, "nested too deeply");
	p->depth++;
	uint32_t node = parse_not(p);
	p->depth--;
	return add_pair(p, COND_NOT, OP_NONE, node, node);
}

static uint32_t parse_and(struct parser *p)
{
	uint32_t node = parse_not(p);
	while (node != NODE_NONE && (take(p, "and") || take(p, "&&")))
		node = add_pair(p, COND_AND, OP_NONE, node, parse_not(p));
	return node;
}

static uint32_t parse_or(struct parser *p)
{
	uint32_t node = parse_and(p);
	while (node != NODE_NONE && (take(p, "or") || take(p, "||")))
		node = add_pair(p, COND_OR, OP_NONE, node, parse_and(p));
	return node;
}

static void parse_all(struct parser *p, struct slice text)
{
	if (text.len > CONDITION_MAX_LEN) {
		wrong_at(p, p->start + CONDITION_MAX_LEN, "longer than 4096 bytes");
		return;
	}
	if (!utf8_valid(text)) {
		wrong_at(p, p->start, "not valid UTF-8");
		return;
	}
	skip_spaces(p);
	if (p->pos == p->end) {
		wrong_at(p, p->pos, "empty (NULL or \"default\" is the default transition)");
		return;
	}
	p->out->root = parse_or(p);
	skip_spaces(p);
	if (p->status == BURR_OK && p->pos < p->end)
		wrong_at(p, p->pos, "expected and, or, a comparison or the end");
}

burr_status condition_compile(struct condition *out, struct slice text, burr_error *err)
{
	*out = (struct condition)CONDITION_INIT;
	struct parser p = {text.data, text.data, text.data + text.len, 0, out, err, BURR_OK};
	parse_all(&p, text);
	if (p.status != BURR_OK)
		condition_fini(out);
	return p.status;
}
