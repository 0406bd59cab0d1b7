/* chat.c: a chat assistant with two tools, a little knowledge, and a model that is a few canned lines.
 *
 *     cc chat.c $(pkg-config --cflags --libs burr)
 *
 * Shows spans inside a step, attributes with OpenTelemetry's gen_ai.* names, an answer that streams, and a
 * run that waits for its user between turns.
 *
 * In the UI: project demo_chat, run chat-1-animals, the waterfall of a `respond` step: retrieve and its
 * parts, rank, call_model with its tokens, the stream. In chat-3-sums two turns end in `answer_error`. */
#include "sample.h"

#include <burr/burr.h>
#include <stdio.h>
#include <string.h>

static const char project[] = "demo_chat";

/* What the assistant knows. */
static const struct fact {
	const char *about;
	const char *text;
} facts[] = {
	{"giraffe", "A giraffe sleeps less than two hours a day, and mostly on its feet."},
	{"octopus", "An octopus has three hearts, and two of them stop while it swims."},
	{"honey", "Honey keeps for thousands of years, as long as the jar stays closed."},
	{"Lisbon", "In Lisbon it is sunny, 24 degrees, with a light wind from the sea."},
	{"Oslo", "In Oslo it snows, and it is 3 degrees below zero."},
	{NULL, "I do not know that yet. Ask me about animals, the weather or sums."},
};

static const char *find_fact(const char *question)
{
	const struct fact *fact = facts;
	while (fact->about && !strstr(question, fact->about))
		fact++;
	return fact->text;
}

/* About as many as a real model would count. */
static int64_t count_tokens(const char *text)
{
	return (int64_t)strlen(text) / 4 + 1;
}

/* Append {"role": …, "content": …} to the chat history. */
static void say(burr_step *step, const char *role, const char *content)
{
	burr_json *message = burr_step_json(step);
	burr_json_object(message, NULL);
	burr_json_text(message, "role", role);
	burr_json_text(message, "content", content);
	burr_json_end(message);
	burr_append_json(step, "chat", burr_json_str(message));
}

/* What is logged while a span is open belongs to that span: here, to the call of the model. */
static void log_model_call(burr_step *step, const char *model, const char *prompt, const char *answer)
{
	burr_step_log_text(step, "gen_ai.operation.name", "chat");
	burr_step_log_text(step, "gen_ai.request.model", model);
	burr_step_log_int(step, "gen_ai.usage.input_tokens", count_tokens(prompt));
	burr_step_log_int(step, "gen_ai.usage.output_tokens", count_tokens(answer));
}

static const char *ask_small_model(burr_step *step, const char *question, const char *answer)
{
	burr_step_begin_span(step, "call_model");
	sample_pause_ms(35);
	log_model_call(step, "canned-small", question, answer);
	burr_step_end_span(step);
	return answer;
}

/* The turn begins: the one action that takes an input. */
BURR_ACTION(prompt, "", "chat question tool tool_result problem", "question")
{
	const char *question = burr_input_text(step, "question", "");
	burr_set_text(step, "question", question);
	burr_unset(step, "tool");
	burr_unset(step, "tool_result");
	burr_unset(step, "problem");
	say(step, "user", question);
	return BURR_OK;
}

BURR_ACTION(check_safety, "question", "problem", "")
{
	const char *question = burr_get_text(step, "question");
	const char *verdict = ask_small_model(step, question, strstr(question, "lock") ? "unsafe" : "safe");
	if (!strcmp(verdict, "unsafe"))
		burr_set_text(step, "problem", "I would rather not help with other people's locks.");
	return BURR_OK;
}

BURR_ACTION(decide_tool, "question", "tool", "")
{
	const char *question = burr_get_text(step, "question");
	const char *choice = strstr(question, "weather")       ? "weather"
			     : strpbrk(question, "0123456789") ? "calculator"
							       : "none";
	ask_small_model(step, question, choice);
	if (strcmp(choice, "none") != 0)
		burr_set_text(step, "tool", choice);
	return BURR_OK;
}

BURR_ACTION(use_tool, "tool question", "tool_result problem", "")
{
	const char *tool = burr_get_text(step, "tool");
	const char *question = burr_get_text(step, "question");
	char sum[64];
	double a = 0, b = 0;
	char op = 0;

	burr_step_begin_span(step, tool);
	burr_step_log_text(step, "gen_ai.tool.name", tool);
	sample_pause_ms(60);
	if (!strcmp(tool, "weather")) {
		burr_set_text(step, "tool_result", find_fact(question));
	} else if (sscanf(question, "What is %lf %c %lf", &a, &op, &b) != 3) {
		burr_set_text(step, "problem", "I could not read that sum.");
	} else if (op == '/' && b == 0) {
		burr_set_text(step, "problem", "Nothing can be divided by zero.");
	} else {
		double result = op == '+' ? a + b : op == '-' ? a - b : op == '*' ? a * b : a / b;
		snprintf(sum, sizeof(sum), "That makes %g.", result);
		burr_set_text(step, "tool_result", sum);
	}
	burr_step_end_span(step);
	return BURR_OK;
}

/* Deliver the answer word by word, as a model would. */
static void stream(burr_step *step, const char *answer)
{
	char word[64];
	while (*answer && burr_step_check(step) == BURR_OK) {
		size_t len = strcspn(answer, " ");
		len += answer[len] == ' ';
		snprintf(word, sizeof(word), "%.*s", (int)len, answer);
		sample_pause_ms(12);
		burr_step_emit_text(step, word);
		answer += len;
	}
}

BURR_STREAMING_ACTION(respond, "question tool_result", "chat", "")
{
	const char *question = burr_get_text(step, "question");
	const char *answer =
		burr_has(step, "tool_result") ? burr_get_text(step, "tool_result") : find_fact(question);

	/* Spans nest: one that begins inside another is its child. */
	const char *retrieved = burr_step_begin_span(step, "retrieve");
	burr_step_begin_span(step, "embed_question");
	sample_pause_ms(15);
	burr_step_end_span(step);
	burr_step_begin_span(step, "search");
	sample_pause_ms(25);
	burr_step_log_int(step, "documents_found", 4);
	burr_step_end_span(step);
	burr_step_end_span(step);

	/* One may name another that it had to wait for. */
	const char *ranked = burr_step_begin_span_after(step, "rank", retrieved);
	sample_pause_ms(20);
	burr_step_end_span(step);

	burr_step_begin_span_after(step, "call_model", ranked);
	stream(step, answer);
	log_model_call(step, "canned-large", question, answer);
	burr_step_end_span(step);

	say(step, "assistant", answer);
	return BURR_OK;
}

BURR_ACTION(answer_error, "problem", "chat", "")
{
	const char *problem = burr_get_text(step, "problem");
	say(step, "assistant", problem);
	return burr_step_emit_text(step, problem);
}

/* Items arrive as JSON: for these plain words, text in quotes. */
static burr_status print_item(const char *action, const char *item_json, void *ctx)
{
	(void)action;
	(void)ctx;
	printf("%.*s", (int)strlen(item_json) - 2, item_json + 1);
	return BURR_OK;
}

/* One turn: until the assistant has answered. What comes next is `prompt`, which waits for the user. */
static burr_status take_turn(burr_app *app, const char *question, burr_error *err)
{
	burr_run_options options = BURR_RUN_OPTIONS_INIT;
	burr_json *inputs = burr_json_new();
	burr_json_object(inputs, NULL);
	burr_json_text(inputs, "question", question);
	burr_json_end(inputs);

	options.halt_after = "respond answer_error";
	options.inputs_json = burr_json_str(inputs);
	options.on_item = print_item;
	printf("  > %s\n  ", question);
	burr_status status = burr_app_run_until(app, &options, err);
	printf("\n");
	burr_json_free(inputs);
	return status;
}

static burr_status converse(const char *name, const char *user, const char *const *questions, burr_error *err)
{
	char app_id[SAMPLE_ID_SIZE];
	burr_app *app = NULL;
	burr_builder *b = burr_builder_new();

	sample_new_id(project, name, app_id);
	burr_with_action(b, &prompt);
	burr_with_action(b, &check_safety);
	burr_with_action(b, &decide_tool);
	burr_with_action(b, &use_tool);
	burr_with_action(b, &respond);
	burr_with_action(b, &answer_error);
	burr_with_transition(b, "prompt", "check_safety", NULL);
	burr_with_transition(b, "check_safety", "answer_error", "problem");
	burr_with_transition(b, "check_safety", "decide_tool", NULL);
	burr_with_transition(b, "decide_tool", "use_tool", "tool");
	burr_with_transition(b, "decide_tool", "respond", NULL);
	burr_with_transition(b, "use_tool", "answer_error", "problem");
	burr_with_transition(b, "use_tool", "respond", NULL);
	burr_with_transition(b, "respond answer_error", "prompt", NULL);
	burr_with_entrypoint(b, "prompt");
	burr_with_state(b, "{\"chat\": []}");
	burr_with_identifiers(b, app_id, user, BURR_NO_SEQUENCE_ID);
	burr_with_tracker(b, project);

	burr_status status = burr_build(b, &app, err);
	if (status == BURR_OK)
		printf("%s (%s)\n", app_id, user);
	while (status == BURR_OK && *questions)
		status = take_turn(app, *questions++, err);
	if (status == BURR_OK)
		printf("  %s\n", burr_app_url(app));
	burr_app_free(app);
	return status;
}

int main(void)
{
	static const char *const animals[] = {"How long does a giraffe sleep?",
		"And how many hearts has an octopus?", "What about unicorns?", NULL};
	static const char *const travel[] = {
		"How is the weather in Lisbon?", "Is the weather in Oslo any better?", NULL};
	static const char *const sums[] = {"What is 6 * 7?", "What is 1 / 0?",
		"How do I open my neighbour's lock?", "Why does honey keep?", NULL};
	burr_error err = BURR_ERROR_INIT;

	if (converse("chat-1-animals", "user_1", animals, &err) ||
		converse("chat-2-weather", "user_1", travel, &err) ||
		converse("chat-3-sums", "user_2", sums, &err)) {
		fprintf(stderr, "chat: %s\n", err.message);
		return 1;
	}
	return 0;
}
