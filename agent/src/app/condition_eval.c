/* Evaluating a condition on a state, and telling what it saw. */
#include "app/condition.h"

#include "base/clean.h"
#include "base/error.h"
#include "base/json.h"

struct eval {
	const struct condition *condition;
	const struct state *state;
	burr_error *err;
	burr_status status;
};

static void no_memory(struct eval *e)
{
	if (e->status == BURR_OK)
		e->status = burr_fail(e->err, BURR_ENOMEM, "condition: out of memory");
}

static struct slice json_bool(bool value)
{
	return value ? SLICE_LIT("true") : SLICE_LIT("false");
}

struct slice condition_find(const struct state *state, struct slice path)
{
	const char *dot = memchr(path.data, '.', path.len);
	struct slice key = {path.data, dot ? (size_t)(dot - path.data) : path.len};
	const struct state_entry *entry = state_find(state, key);
	if (!entry)
		return SLICE_NONE;
	if (!dot)
		return state_value(entry);
	return json_find_path(state_value(entry), (struct slice){dot + 1, path.len - key.len - 1});
}

/* Empty containers and empty text are as false as Python has them. */
static bool truth(struct slice value)
{
	struct slice key;
	struct slice member;
	struct json_iter it = json_iter(value);
	double number = 0;
	switch (json_kind_of(value)) {
	case JSON_TRUE:
		return true;
	case JSON_NUMBER:
		return !json_to_double(value, &number) || number != 0;
	case JSON_STRING:
		return value.len > 2;
	case JSON_ARRAY:
		return json_next_element(&it, &member);
	case JSON_OBJECT:
		return json_next_member(&it, &key, &member);
	default:
		return false;
	}
}

static int order_numbers(struct slice a, struct slice b)
{
	return json_number_order(json_number_of(a), json_number_of(b));
}

static int order_bytes(struct slice a, struct slice b)
{
	size_t len = a.len < b.len ? a.len : b.len;
	int sign = len ? memcmp(a.data, b.data, len) : 0;
	if (sign)
		return sign;
	return a.len < b.len ? -1 : a.len > b.len;
}

/* The text of a string value: borrowed where it has no escapes, else put into out. False without memory. */
static bool plain_text(struct slice value, struct buf *out, struct slice *out_text)
{
	*out_text = (struct slice){value.data + 1, value.len - 2};
	if (!memchr(value.data, '\\', value.len))
		return true;
	json_to_text(value, out);
	*out_text = buf_slice(out);
	return !out->failed;
}

/* -1, 0 or 1; without memory that is noted and the texts count as the same. */
static int order_text(struct eval *e, struct slice a, struct slice b)
{
	CLEAN(buf_fini) struct buf a_buf = BUF_INIT;
	CLEAN(buf_fini) struct buf b_buf = BUF_INIT;
	struct slice a_text;
	struct slice b_text;
	if (plain_text(a, &a_buf, &a_text) && plain_text(b, &b_buf, &b_text))
		return order_bytes(a_text, b_text);
	no_memory(e);
	return 0;
}

static bool equal(struct eval *e, struct slice a, struct slice b);

static bool equal_arrays(struct eval *e, struct slice a, struct slice b)
{
	struct json_iter a_it = json_iter(a);
	struct json_iter b_it = json_iter(b);
	struct slice a_item;
	struct slice b_item;
	while (json_next_element(&a_it, &a_item))
		if (!json_next_element(&b_it, &b_item) || !equal(e, a_item, b_item))
			return false;
	return !json_next_element(&b_it, &b_item);
}

static bool object_has_all(struct eval *e, struct slice object, struct slice of, size_t *out_count)
{
	CLEAN(buf_fini) struct buf key = BUF_INIT;
	struct json_iter it = json_iter(of);
	struct slice escaped;
	struct slice value;
	for (*out_count = 0; json_next_member(&it, &escaped, &value); (*out_count)++) {
		buf_clear(&key);
		if (!json_unescape(escaped, &key)) {
			no_memory(e);
			return false;
		}
		struct slice other = json_find_slice(object, buf_slice(&key));
		if (!other.data || !equal(e, value, other))
			return false;
	}
	return true;
}

static bool equal(struct eval *e, struct slice a, struct slice b)
{
	enum json_kind kind = json_kind_of(a);
	size_t a_count = 0;
	size_t b_count = 0;
	if (kind != json_kind_of(b))
		return false;
	if (kind == JSON_NUMBER)
		return order_numbers(a, b) == 0;
	if (kind == JSON_STRING)
		return order_text(e, a, b) == 0;
	if (kind == JSON_ARRAY)
		return equal_arrays(e, a, b);
	if (kind == JSON_OBJECT)
		return object_has_all(e, b, a, &a_count) && object_has_all(e, a, b, &b_count);
	return true;
}

static const char *kind_name(struct slice value)
{
	switch (json_kind_of(value)) {
	case JSON_OBJECT:
		return "object";
	case JSON_ARRAY:
		return "list";
	case JSON_STRING:
		return "text";
	case JSON_NUMBER:
		return "number";
	case JSON_NULL:
		return "null";
	default:
		return "boolean";
	}
}

/* "count (number 3)", for messages. */
static void describe(const struct condition *condition, const struct condition_node *node, struct slice value,
	struct buf *out)
{
	enum { SHOWN = 40 };
	if (node->kind == COND_PATH)
		buf_printf(out, "%.*s (", SLICE_ARG(condition_text(condition, node)));
	buf_append_str(out, kind_name(value));
	if (json_kind_of(value) != JSON_NULL)
		buf_printf(out, " %.*s%s", (int)(value.len < SHOWN ? value.len : SHOWN), value.data,
			value.len < SHOWN ? "" : "…");
	if (node->kind == COND_PATH)
		buf_append_char(out, ')');
}

static const struct condition_node *node_at(const struct eval *e, uint32_t index)
{
	return &e->condition->nodes[index];
}

static bool cannot(struct eval *e, const struct condition_node *node, const char *verb, struct slice left,
	struct slice right)
{
	CLEAN(buf_fini) struct buf text = BUF_INIT;
	describe(e->condition, node_at(e, node->left), left, &text);
	buf_printf(&text, " cannot be %s ", verb);
	describe(e->condition, node_at(e, node->right), right, &text);
	if (e->status == BURR_OK)
		e->status =
			burr_fail(e->err, BURR_EINVAL, "%s", text.failed ? "values of two types" : text.data);
	return false;
}

static bool in_array(struct eval *e, struct slice item, struct slice array)
{
	struct json_iter it = json_iter(array);
	struct slice value;
	while (json_next_element(&it, &value))
		if (equal(e, item, value))
			return true;
	return false;
}

static bool in_text(struct eval *e, struct slice part, struct slice whole)
{
	CLEAN(buf_fini) struct buf part_buf = BUF_INIT;
	CLEAN(buf_fini) struct buf whole_buf = BUF_INIT;
	struct slice part_text;
	struct slice whole_text;
	if (!plain_text(part, &part_buf, &part_text) || !plain_text(whole, &whole_buf, &whole_text)) {
		no_memory(e);
		return false;
	}
	return !part_text.len || memmem(whole_text.data, whole_text.len, part_text.data, part_text.len);
}

static bool in_object(struct eval *e, struct slice key, struct slice object)
{
	CLEAN(buf_fini) struct buf text = BUF_INIT;
	if (json_to_text(key, &text))
		return json_find_slice(object, buf_slice(&text)).data != NULL;
	no_memory(e);
	return false;
}

static bool contains(
	struct eval *e, const struct condition_node *node, struct slice item, struct slice container)
{
	bool is_text = json_kind_of(item) == JSON_STRING;
	switch (json_kind_of(container)) {
	case JSON_ARRAY:
		return in_array(e, item, container);
	case JSON_STRING:
		if (is_text)
			return in_text(e, item, container);
		break;
	case JSON_OBJECT:
		if (is_text)
			return in_object(e, item, container);
		break;
	case JSON_NULL:
		return false;
	default:
		break;
	}
	return cannot(e, node, "looked for in", item, container);
}

static bool sign_fits(enum condition_op op, int sign)
{
	switch (op) {
	case OP_LT:
		return sign < 0;
	case OP_LE:
		return sign <= 0;
	case OP_GT:
		return sign > 0;
	default:
		return sign >= 0;
	}
}

static bool compare(struct eval *e, const struct condition_node *node, struct slice left, struct slice right)
{
	enum json_kind kind = json_kind_of(left);
	if (node->op == OP_EQ || node->op == OP_NE)
		return equal(e, left, right) == (node->op == OP_EQ);
	if (node->op == OP_IN || node->op == OP_NOT_IN)
		return contains(e, node, left, right) == (node->op == OP_IN);
	if (kind != json_kind_of(right) || (kind != JSON_NUMBER && kind != JSON_STRING))
		return cannot(e, node, "ordered with", left, right);
	int sign = kind == JSON_NUMBER ? order_numbers(left, right) : order_text(e, left, right);
	return sign_fits(node->op, sign);
}

/* A node's value as JSON text. The tree is at most CONDITION_MAX_LEN nodes deep (a chain of ands leans left).
 */
static struct slice eval_node(struct eval *e, uint32_t index)
{
	const struct condition_node *node = node_at(e, index);
	struct slice value;
	if (e->status != BURR_OK)
		return SLICE_LIT("null");
	switch (node->kind) {
	case COND_LITERAL:
		return condition_text(e->condition, node);
	case COND_PATH:
		value = condition_find(e->state, condition_text(e->condition, node));
		return value.data ? value : SLICE_LIT("null");
	case COND_NOT:
		return json_bool(!truth(eval_node(e, node->left)));
	case COND_AND:
		return json_bool(truth(eval_node(e, node->left)) && truth(eval_node(e, node->right)));
	case COND_OR:
		return json_bool(truth(eval_node(e, node->left)) || truth(eval_node(e, node->right)));
	default:
		value = eval_node(e, node->left);
		return json_bool(compare(e, node, value, eval_node(e, node->right)));
	}
}

burr_status condition_eval(
	const struct condition *condition, const struct state *state, bool *out_holds, burr_error *err)
{
	struct eval e = {condition, state, err, BURR_OK};
	bool holds = truth(eval_node(&e, condition->root));
	if (e.status == BURR_OK)
		*out_holds = holds;
	return e.status;
}

/* The longest beginning of at most max bytes that ends between two characters. */
static struct slice cut_text(struct slice text, size_t max)
{
	if (text.len <= max)
		return text;
	while (max && ((unsigned char)text.data[max] & 0xC0) == 0x80)
		max--;
	return (struct slice){text.data, max};
}

void condition_put_value(const struct state *state, struct slice path, struct buf *out)
{
	struct slice value = condition_find(state, path);
	json_put_key(out, path);
	if (value.len > CONDITION_VALUE_MAX)
		json_put_text(out, cut_text(value, CONDITION_VALUE_MAX));
	else
		json_put_raw(out, value);
}

static bool read_before(const struct condition *condition, uint32_t index)
{
	struct slice path = condition_text(condition, &condition->nodes[index]);
	for (uint32_t i = 0; i < index; i++)
		if (condition->nodes[i].kind == COND_PATH &&
			slice_eq(condition_text(condition, &condition->nodes[i]), path))
			return true;
	return false;
}

void condition_put_values(const struct condition *condition, const struct state *state, struct buf *out)
{
	json_put_open(out, '{');
	for (uint32_t i = 0; i < condition->count; i++)
		if (condition->nodes[i].kind == COND_PATH && !read_before(condition, i))
			condition_put_value(state, condition_text(condition, &condition->nodes[i]), out);
	json_put_close(out, '}');
}
