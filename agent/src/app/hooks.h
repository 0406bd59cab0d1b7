/* app/hooks.h: the sets of callbacks of an application, in their order. */
#ifndef APP_HOOKS_H
#define APP_HOOKS_H

#include <burr/app.h>

struct hook_set {
	burr_hooks hooks;
	void *ctx;
};

struct hooks {
	struct hook_set *sets;
	size_t count;
};

/* Behind the others, or in front of them (the tracker). On failure, which is BURR_EINVAL (no size) or
 * BURR_ENOMEM, close is not called: the set is still the caller's. */
burr_status hooks_add(struct hooks *hooks, const burr_hooks *set, void *ctx, burr_error *err);
burr_status hooks_add_first(struct hooks *hooks, const burr_hooks *set, void *ctx, burr_error *err);

/* Calls close of each. */
void hooks_fini(struct hooks *hooks);

burr_status hooks_created(const struct hooks *hooks, const burr_event *event, burr_error *err);

/* Call one member of each set, named by its place: hooks_call(h, offsetof(burr_hooks, pre_run_step), &event).
 */
void hooks_call(const struct hooks *hooks, size_t member, const burr_event *event);

#endif
