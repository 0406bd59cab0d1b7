#include "app/hooks.h"

#include "base/error.h"

#include <stdlib.h>
#include <string.h>

static burr_status insert(struct hooks *hooks, size_t at, const burr_hooks *set, void *ctx, burr_error *err)
{
	if (!set || set->size < sizeof(set->size))
		return burr_fail(err, BURR_EINVAL, "burr_with_hooks: no hooks, or their size is not set");
	struct hook_set *sets = realloc(hooks->sets, (hooks->count + 1) * sizeof(*sets));
	if (!sets)
		return burr_fail(err, BURR_ENOMEM, "burr_with_hooks: out of memory");
	hooks->sets = sets;
	memmove(sets + at + 1, sets + at, (hooks->count - at) * sizeof(*sets));
	memset(&sets[at], 0, sizeof(sets[at]));
	memcpy(&sets[at].hooks, set, set->size < sizeof(*set) ? set->size : sizeof(*set));
	sets[at].ctx = ctx;
	hooks->count++;
	return BURR_OK;
}

burr_status hooks_add(struct hooks *hooks, const burr_hooks *set, void *ctx, burr_error *err)
{
	return insert(hooks, hooks->count, set, ctx, err);
}

burr_status hooks_add_first(struct hooks *hooks, const burr_hooks *set, void *ctx, burr_error *err)
{
	return insert(hooks, 0, set, ctx, err);
}

void hooks_fini(struct hooks *hooks)
{
	for (size_t i = 0; i < hooks->count; i++)
		if (hooks->sets[i].hooks.close)
			hooks->sets[i].hooks.close(hooks->sets[i].ctx);
	free(hooks->sets);
	*hooks = (struct hooks){NULL, 0};
}

burr_status hooks_created(const struct hooks *hooks, const burr_event *event, burr_error *err)
{
	for (size_t i = 0; i < hooks->count; i++) {
		const struct hook_set *set = &hooks->sets[i];
		if (!set->hooks.post_application_create)
			continue;
		burr_status status = set->hooks.post_application_create(event, set->ctx, err);
		if (status != BURR_OK)
			return status;
	}
	return BURR_OK;
}

void hooks_call(const struct hooks *hooks, size_t member, const burr_event *event)
{
	for (size_t i = 0; i < hooks->count; i++) {
		burr_hook hook;
		memcpy(&hook, (const char *)&hooks->sets[i].hooks + member, sizeof(hook));
		if (hook)
			hook(event, hooks->sets[i].ctx);
	}
}
