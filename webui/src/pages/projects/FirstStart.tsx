/* What somebody sees who has just installed burr: the shortest way to a first run. */
import { storeLine } from '../../model/reproduce';
import { useStore } from '../../state/queries';
import { Code } from '../../ui/Code';
import { CopyButton } from '../../ui/CopyButton';

const C_PROGRAM = `#include <burr/burr.h>
#include <stdio.h>

BURR_ACTION(count, "count", "count", "")
{
	burr_set_int(step, "count", burr_get_int(step, "count") + 1);
	return BURR_OK;
}

BURR_ACTION(done, "count", "", "")
{
	return burr_set_result(step, "count", burr_get_json(step, "count"));
}

int main(void)
{
	burr_error err = BURR_ERROR_INIT;
	burr_app *app = NULL;
	burr_builder *b = burr_builder_new();

	burr_with_action(b, &count);
	burr_with_action(b, &done);
	burr_with_transition(b, "count", "count", "count < 10");
	burr_with_transition(b, "count", "done", NULL);
	burr_with_entrypoint(b, "count");
	burr_with_state(b, "{\\"count\\": 0}");
	burr_with_tracker(b, "my_first_project");
	if (burr_build(b, &app, &err) || burr_app_run(app, "done", NULL, &err))
		fprintf(stderr, "%s\\n", err.message);
	else
		printf("%s\\n", burr_app_url(app));
	burr_app_free(app);
	return err.code ? 1 : 0;
}
`;

const C_BUILD = 'cc first.c $(pkg-config --cflags --libs burr) -o first && ./first';
const PYTHON = '.with_tracker("local", project="my_first_project")';
const DEMO = 'burr demo';

export function FirstStart() {
  const store = useStore();
  return (
    <div className="page first-start">
      <h1>No runs yet</h1>
      <p className="dim">
        Runs appear here by themselves, as soon as an application on this machine records its first step.
      </p>
      {typeof store === 'string' && (
        <section>
          <h2>Tell programs where this store is</h2>
          <Command text={storeLine(store)} />
        </section>
      )}
      <section>
        <h2>Look around with samples</h2>
        <Command text={DEMO} />
      </section>
      <section>
        <h2>
          Track a program in C <CopyButton className="json-more" label="copy" text={() => C_PROGRAM} />
        </h2>
        <Code text={C_PROGRAM} />
        <Command text={C_BUILD} />
      </section>
      <section>
        <h2>Track a Burr application in Python</h2>
        <p className="dim">
          One line among those of its <code>ApplicationBuilder</code>. Burr’s own tracker writes into the same
          store.
        </p>
        <Command text={PYTHON} />
      </section>
    </div>
  );
}

function Command({ text }: { readonly text: string }) {
  return (
    <div className="command">
      <code>{text}</code>
      <CopyButton className="button" label="Copy" text={() => text} />
    </div>
  );
}
