/* failure.c: orders that fail on their way. One stays failed, the other is mended and goes on where it
 * stopped.
 *
 * Shows    burr_step_fail, which undoes what the step wrote and stops the run; burr_initialize_from, which
 *          resumes a recorded run at the step that failed
 * Build    cc failure.c $(pkg-config --cflags --libs burr)
 * Look at  project demo_failure: order-1001 ends in a failed `charge_card`, with the error and the provider's
 *          answer; order-1002 fails there too, then its next step takes another card and the order is sent */
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
	return amount_cents > 0 && strncmp(card, "4000", 4) ? 200 : 402;
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

/* Everything but where the order begins. */
static burr_builder *new_order(const char *app_id)
{
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
	return b;
}

/* Build, run to the end, and tell how it went. An order that fails is no failure of this program. */
static burr_status process(burr_builder *b, const char *inputs_json, burr_error *err)
{
	burr_app *app = NULL;
	burr_status status = burr_build(b, &app, err);
	if (status != BURR_OK)
		return status;

	status = burr_app_run(app, NULL, inputs_json, err);
	if (status == BURR_OK)
		printf("%s is done: %s\n", burr_app_id(app), burr_app_state_json(app));
	else if (status == BURR_EACTION)
		printf("%s has failed: %s\n", burr_app_id(app), err->message);
	printf("  %s\n", burr_app_url(app));
	burr_app_free(app);
	return status == BURR_EACTION ? BURR_OK : status;
}

static burr_status take_order(const char *app_id, const char *order_json, burr_error *err)
{
	burr_builder *b = new_order(app_id);
	burr_with_entrypoint(b, "add_up");
	burr_with_state(b, order_json);
	return process(b, NULL, err);
}

/* State and place come from what is recorded; here from this process, as well from one that died last week.
 * The step that failed runs again, this time with an input. */
static burr_status resume_order(const char *app_id, const char *inputs_json, burr_error *err)
{
	burr_initialize_options last_step = BURR_INITIALIZE_OPTIONS_INIT;
	burr_builder *b = new_order(app_id);
	burr_initialize_from(b, &last_step);
	return process(b, inputs_json, err);
}

int main(void)
{
	burr_error err = BURR_ERROR_INIT;
	char lost[SAMPLE_ID_SIZE];
	char mended[SAMPLE_ID_SIZE];

	sample_new_id(project, "order-1001", lost);
	sample_new_id(project, "order-1002", mended);
	if (take_order(lost, order_1001, &err) || take_order(mended, order_1002, &err) ||
		resume_order(mended, other_card, &err)) {
		fprintf(stderr, "failure: %s\n", err.message);
		return 1;
	}
	return 0;
}
