/* Every allocation of a whole run fails once, each in its own turn: the answer is BURR_ENOMEM and nothing
 * leaks or crashes. Linked with --wrap for malloc, calloc and realloc. */
#include "app/testing.h"

static long allocations_left = -1; /* -1: all succeed */

void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__real_realloc(void *memory, size_t size);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_realloc(void *memory, size_t size);

static bool fails_now(void)
{
	return allocations_left >= 0 && allocations_left-- == 0;
}

void *__wrap_malloc(size_t size)
{
	return fails_now() ? NULL : __real_malloc(size);
}

void *__wrap_calloc(size_t count, size_t size)
{
	return fails_now() ? NULL : __real_calloc(count, size);
}

void *__wrap_realloc(void *memory, size_t size)
{
	return fails_now() ? NULL : __real_realloc(memory, size);
}

BURR_ACTION(work, "n name list", "n name list", "by?")
{
	burr_step_begin_span_after(step, "span", "0:9 0:8");
	burr_step_log_text(step, "k", burr_get_text(step, "name"));
	burr_increment(step, "n", burr_input_int(step, "by", 1));
	burr_set_text(step, "name", burr_input_text(step, "by", "a\n"));
	burr_append_text(step, "list", burr_step_state_json(step));
	burr_json *j = burr_step_json(step);
	burr_json_object(j, NULL);
	burr_json_int(j, "n", 1);
	burr_json_end(j);
	burr_append_json(step, "list", burr_json_str(j));
	burr_step_emit_text(step, "item");
	return burr_set_result_int(step, "n", burr_get_int(step, "n"));
}

static bool is_big(burr_step *step, void *ctx)
{
	(void)ctx;
	return burr_get_int(step, "n") > 1 && *burr_get_text(step, "name");
}

static void ignore(const burr_event *event, void *ctx)
{
	(void)event;
	(void)ctx;
}

static burr_builder *make_builder(void)
{
	burr_builder *b = burr_builder_new();
	burr_hooks hooks = BURR_HOOKS_INIT;
	hooks.pre_run_step = ignore;
	burr_with_hooks(b, &hooks, NULL);
	burr_with_action(b, &work);
	burr_with_source(b, "other.c", "text");
	burr_with_transition(b, "work", "work", "(n < 1 or name == 'a\\'\\n') and 'x' in list");
	burr_with_transition_predicate(b, "work", "work", "is_big", "n name", is_big, NULL);
	burr_with_transition(b, "work", "work", "default");
	burr_with_state(b, "{\"n\": 0, \"name\": \"\\u0041\\n\", \"list\": []}");
	burr_with_entrypoint(b, "work");
	burr_with_identifiers(b, "a", "p", 0);
	burr_with_spawning_parent(b, "b", 1, "q");
	return b;
}

/* A failed step runs again, so what one call leaves open the next finishes. */
static burr_status run_all(burr_app *app, burr_error *err)
{
	burr_run_options options = BURR_RUN_OPTIONS_INIT;
	burr_iterator *it = NULL;
	const char *action = NULL;
	options.halt_before = "work";
	burr_status status = burr_app_step(app, "{}", &action, err);
	if (status == BURR_OK)
		status = burr_app_run_until(app, &options, err);
	if (status == BURR_OK)
		status = burr_app_iterate(app, &options, &it, err);
	if (status == BURR_OK)
		status = burr_iterator_next(it, &action, err);
	burr_iterator_free(it);
	return status;
}

static void test_each_allocation(void **context)
{
	(void)context;
	long n = 0;
	for (burr_status status = BURR_ENOMEM; status != BURR_OK; n++) {
		burr_error err = BURR_ERROR_INIT;
		burr_app *app = NULL;
		allocations_left = n;
		status = burr_build(make_builder(), &app, &err);
		if (status == BURR_OK)
			status = run_all(app, &err);
		bool reached = allocations_left < 0;
		allocations_left = -1;
		if (reached && status != BURR_ENOMEM && status != BURR_OK)
			fail_msg("allocation %ld: %s: %s", n, burr_status_name(status), err.message);
		if (reached && status == BURR_OK)
			status = BURR_ENOMEM; /* one that could be done without: go on to the next */
		burr_app_free(app);
	}
	assert_true(n > 100);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_each_allocation),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
