/* failure.c: orders that fail on their way. One stays failed, the other goes on where it stopped.
 *
 *     cc failure.c $(pkg-config --cflags --libs burr)
 *
 * Shows burr_step_fail, which undoes what the step wrote and stops the run, and burr_initialize_from, which
 * goes on with a recorded run at the step that failed.
 *
 * In the UI: project demo_failure. order-1001 ends in a failed `charge_card`, with the error and the payment
 * provider's answer. order-1002 fails there too; then it takes another card, and the order is shipped. */
#include "sample.h"

#include <burr/burr.h>
#include <stdio.h>
#include <string.h>

static const char project[] = "demo_failure";
static const char order_1001[] = "{\"item\": \"teapot\", \"quantity\": 2, \"price_cents\": 2490, "
				 "\"card\": \"4000-0000-0000-0002\"}";
static const char order_1002[] = "{\"item\": \"kettle\", \"quantity\": 1, \"price_cents\": 5900, "
				 "\"card\": \"4000-0000-0000-0002\"}";
static const char other_card[] = "{\"card\": \"4242-4242-4242-4242\"}";

/* Stands for a payment provider: an HTTP status. It declines cards that begin with 4000. */
static int charge(const char *card, int64_t amount_cents)
{
	sample_pause_ms(80);
	return amount_cents > 0 && strncmp(card, "4000", 4) != 0 ? 200 : 402;
}

BURR_ACTION(add_up, "quantity price_cents", "total_cents", "")
{
	return burr_set_int(
		step, "total_cents", burr_get_int(step, "quantity") * burr_get_int(step, "price_cents"));
}

BURR_ACTION(reserve_stock, "item quantity", "reservation", "")
{
	char text[100];
	sample_pause_ms(20);
	snprintf(text, sizeof(text), "%lld x %s, shelf 7", (long long)burr_get_int(step, "quantity"),
		burr_get_text(step, "item"));
	return burr_set_text(step, "reservation", text);
}

/* Takes the order's card, or another one by input. */
BURR_ACTION(charge_card, "card total_cents", "card paid", "card?")
{
	const char *card = burr_input_text(step, "card", burr_get_text(step, "card"));
	int64_t amount_cents = burr_get_int(step, "total_cents");

	burr_step_begin_span(step, "POST /v1/charges");
	int answer = charge(card, amount_cents);
	burr_step_log_int(step, "http.response.status_code", answer);
	burr_step_end_span(step);

	burr_set_text(step, "card", card); /* undone when the step fails */
	if (answer != 200)
		return burr_step_fail(step, "payment provider answered %d: card %.4s… declined for %lld.%02d",
			answer, card, (long long)amount_cents / 100, (int)(amount_cents % 100));
	return burr_set_bool(step, "paid", true);
}

BURR_ACTION(ship, "reservation paid", "parcel", "")
{
	sample_pause_ms(30);
	return burr_set_text(step, "parcel", "on its way");
}

/* Go on with an order where its records end: here those of this process, as well those of one that died last
 * week. An order of which nothing is recorded yet begins with the defaults, so one function does for both. */
static burr_status process(
	const char *app_id, const char *order_json, const char *inputs_json, burr_error *err)
{
	burr_initialize_options recorded = BURR_INITIALIZE_OPTIONS_INIT;
	burr_app *app = NULL;
	burr_builder *b = burr_builder_new();

	burr_with_action(b, &add_up);
	burr_with_action(b, &reserve_stock);
	burr_with_action(b, &charge_card);
	burr_with_action(b, &ship);
	burr_with_transition(b, "add_up", "reserve_stock", NULL);
	burr_with_transition(b, "reserve_stock", "charge_card", NULL);
	burr_with_transition(b, "charge_card", "ship", "paid");
	burr_with_identifiers(b, app_id, "shop_1", BURR_NO_SEQUENCE_ID);
	burr_with_tracker(b, project);
	recorded.default_state_json = order_json;
	recorded.default_entrypoint = "add_up";
	burr_initialize_from(b, &recorded);

	burr_status status = burr_build(b, &app, err);
	if (status != BURR_OK)
		return status;
	status = burr_app_run(app, NULL, inputs_json, err);
	if (status == BURR_OK)
		printf("%s is shipped: %s\n", app_id, burr_app_state_json(app));
	else if (status == BURR_EACTION)
		printf("%s has failed: %s\n", app_id, err->message);
	printf("  %s\n", burr_app_url(app));
	burr_app_free(app);
	return status == BURR_EACTION ? BURR_OK : status; /* a failed order is no failure of this program */
}

int main(void)
{
	burr_error err = BURR_ERROR_INIT;
	char lost[SAMPLE_ID_SIZE];
	char mended[SAMPLE_ID_SIZE];

	sample_new_id(project, "order-1001", lost);
	sample_new_id(project, "order-1002", mended);
	if (process(lost, order_1001, NULL, &err) || process(mended, order_1002, NULL, &err) ||
		process(mended, order_1002, other_card, &err)) { /* charge_card once more, with an input */
		fprintf(stderr, "failure: %s\n", err.message);
		return 1;
	}
	return 0;
}
