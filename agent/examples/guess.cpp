/* guess.cpp: finds a number between 1 and 100 by halving, in C++11.
 *
 *     c++ guess.cpp $(pkg-config --cflags --libs burr)
 *
 * Shows lambdas as actions, unique_ptr over the library's handles, and an object of one's own behind the
 * actions.
 *
 * In the UI: project demo_cpp, run guess-42: `low` and `high` close in on the number, step by step. */
#include "sample.h"

#include <burr/burr.h>
#include <iostream>
#include <memory>
#include <stdexcept>
#include <string>

namespace
{

const char project[] = "demo_cpp";

/* ---- all that C++ needs around the C calls ---- */

struct app_free {
	void operator()(burr_app *app) const
	{
		burr_app_free(app);
	}
};
using app_ptr = std::unique_ptr<burr_app, app_free>;

/* A status that is not BURR_OK, thrown. Around the library, that is: its callbacks must not throw. */
void check(burr_status status, const burr_error &err)
{
	if (status != BURR_OK)
		throw std::runtime_error(err.message);
}

/* BURR_ACTION works in C++ too. This does the same for a lambda that captures nothing. */
burr_action action(
	int line, const char *name, const char *reads, const char *writes, burr_action_fn run) noexcept
{
	return {sizeof(burr_action), name, reads, writes, "", run, nullptr, __FILE__, line, nullptr, false};
}

/* ---- the game ---- */

/* Knows the number. The actions reach it by burr_step_ctx. */
struct oracle {
	int64_t number;
	bool is_above(int64_t guess) const
	{
		return number > guess;
	}
	bool is_below(int64_t guess) const
	{
		return number < guess;
	}
};

const burr_action guess = action(__LINE__, "guess", "low high", "guess tries", [](burr_step *step) {
	burr_set_int(step, "guess", (burr_get_int(step, "low") + burr_get_int(step, "high")) / 2);
	return burr_increment(step, "tries", 1);
});

const burr_action ask = action(__LINE__, "ask", "guess", "low high answer", [](burr_step *step) {
	const auto *knows = static_cast<const oracle *>(burr_step_ctx(step));
	const int64_t number = burr_get_int(step, "guess");
	if (knows->is_above(number)) {
		burr_set_int(step, "low", number + 1);
		return burr_set_text(step, "answer", "higher");
	}
	if (knows->is_below(number)) {
		burr_set_int(step, "high", number - 1);
		return burr_set_text(step, "answer", "lower");
	}
	return burr_set_text(step, "answer", "right");
});

const burr_action cheer = action(__LINE__, "cheer", "guess tries", "", [](burr_step *step) {
	burr_set_result(step, "number", burr_get_json(step, "guess"));
	return burr_set_result(step, "tries", burr_get_json(step, "tries"));
});

app_ptr build(const char *app_id, oracle &knows)
{
	burr_error err = BURR_ERROR_INIT;
	burr_app *app = nullptr;
	burr_builder *b = burr_builder_new();
	for (const burr_action *each : {&guess, &ask, &cheer})
		burr_with_action(b, each);
	burr_with_transition(b, "guess", "ask", nullptr);
	burr_with_transition(b, "ask", "cheer", "answer == 'right'");
	burr_with_transition(b, "ask", "guess", nullptr);
	burr_with_entrypoint(b, "guess");
	burr_with_state(b, R"({"low": 1, "high": 100, "tries": 0})");
	burr_with_ctx(b, &knows);
	burr_with_identifiers(b, app_id, "player_1", BURR_NO_SEQUENCE_ID);
	burr_with_tracker(b, project);
	check(burr_build(b, &app, &err), err);
	return app_ptr(app);
}

void play(int64_t number)
{
	burr_error err = BURR_ERROR_INIT;
	char app_id[SAMPLE_ID_SIZE];
	sample_new_id(project, ("guess-" + std::to_string(number)).c_str(), app_id);

	oracle knows = {number};
	const app_ptr app = build(app_id, knows);
	check(burr_app_run(app.get(), nullptr, nullptr, &err), err);
	std::cout << app_id << ": " << burr_app_result_json(app.get()) << "\n  " << burr_app_url(app.get())
		  << "\n";
}

} // namespace

int main()
{
	try {
		for (int64_t number : {7, 42, 99})
			play(number);
	} catch (const std::exception &problem) {
		std::cerr << "guess: " << problem.what() << "\n";
		return 1;
	}
	return 0;
}
