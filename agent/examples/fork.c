/* fork.c: a trip that gets too dear, and what would have come of it with one decision changed.
 *
 *     cc fork.c $(pkg-config --cflags --libs burr)
 *
 * Shows a fork: a new run that goes on from a step of an earlier one and takes another way, while the earlier
 * one stays as it was.
 *
 * In the UI: project demo_fork. trip-to-prague ends in `stay_home`; trip-to-prague-by-train was forked from
 * its step 1 and ends in `book`. Each leads to the other. */
#include "sample.h"

#include <burr/burr.h>
#include <stdio.h>
#include <string.h>

static const char project[] = "demo_fork";

/* From this step of the first trip the second one goes on. */
enum { DATES_ARE_FOUND = 1 };

BURR_ACTION(read_wishes, "", "city nights budget", "")
{
	burr_set_text(step, "city", "Prague");
	burr_set_int(step, "nights", 3);
	burr_set_int(step, "budget", 600);
	return BURR_OK;
}

BURR_ACTION(find_dates, "nights", "from until", "")
{
	sample_pause_ms(30);
	burr_set_text(step, "from", "2025-05-02");
	burr_set_text(step, "until", "2025-05-05");
	return BURR_OK;
}

/* Left alone, the planner takes what is fastest. */
BURR_ACTION(choose_travel, "city", "travel cost", "travel?")
{
	const char *travel = burr_input_text(step, "travel", "plane");
	sample_pause_ms(60);
	burr_set_text(step, "travel", travel);
	burr_set_int(step, "cost", strcmp(travel, "plane") == 0 ? 330 : 140);
	return BURR_OK;
}

BURR_ACTION(choose_hotel, "city nights cost", "hotel cost", "")
{
	sample_pause_ms(60);
	burr_set_text(step, "hotel", "At the Old Bridge");
	burr_increment(step, "cost", burr_get_int(step, "nights") * 110);
	return BURR_OK;
}

BURR_ACTION(book, "travel hotel cost", "", "")
{
	return burr_set_result_text(step, "decision", "booked");
}

BURR_ACTION(stay_home, "cost budget", "", "")
{
	burr_set_result_int(step, "too_dear_by", burr_get_int(step, "cost") - burr_get_int(step, "budget"));
	return burr_set_result_text(step, "decision", "stay at home");
}

static burr_builder *new_trip(const char *app_id)
{
	burr_builder *b = burr_builder_new();
	burr_with_action(b, &read_wishes);
	burr_with_action(b, &find_dates);
	burr_with_action(b, &choose_travel);
	burr_with_action(b, &choose_hotel);
	burr_with_action(b, &book);
	burr_with_action(b, &stay_home);
	burr_with_transition(b, "read_wishes", "find_dates", NULL);
	burr_with_transition(b, "find_dates", "choose_travel", NULL);
	burr_with_transition(b, "choose_travel", "choose_hotel", NULL);
	burr_with_transition(b, "choose_hotel", "book", "cost <= budget");
	burr_with_transition(b, "choose_hotel", "stay_home", NULL);
	burr_with_identifiers(b, app_id, "traveller_1", BURR_NO_SEQUENCE_ID);
	burr_with_tracker(b, project);
	return b;
}

static burr_status run(burr_builder *b, const char *inputs_json, burr_error *err)
{
	burr_app *app = NULL;
	burr_status status = burr_build(b, &app, err);
	if (status == BURR_OK)
		status = burr_app_run(app, NULL, inputs_json, err);
	if (status == BURR_OK)
		printf("%s: %s\n  %s\n", burr_app_id(app), burr_app_result_json(app), burr_app_url(app));
	burr_app_free(app);
	return status;
}

static burr_status plan_trip(const char *app_id, burr_error *err)
{
	burr_builder *b = new_trip(app_id);
	burr_with_entrypoint(b, "read_wishes");
	return run(b, NULL, err);
}

static burr_status plan_trip_by_train(const char *app_id, const char *earlier_app_id, burr_error *err)
{
	burr_initialize_options earlier = BURR_INITIALIZE_OPTIONS_INIT;
	burr_builder *b = new_trip(app_id);
	earlier.fork_from_app_id = earlier_app_id;
	earlier.fork_from_sequence_id = DATES_ARE_FOUND;
	burr_initialize_from(b, &earlier);
	return run(b, "{\"travel\": \"train\"}", err); /* for choose_travel, which comes next */
}

int main(void)
{
	burr_error err = BURR_ERROR_INIT;
	char trip[SAMPLE_ID_SIZE];
	char by_train[SAMPLE_ID_SIZE];

	sample_new_id(project, "trip-to-prague", trip);
	sample_new_id(project, "trip-to-prague-by-train", by_train);
	if (plan_trip(trip, &err) || plan_trip_by_train(by_train, trip, &err)) {
		fprintf(stderr, "fork: %s\n", err.message);
		return 1;
	}
	return 0;
}
