/* Ready to be pasted: look at the state again, make a test of it, go on from it in a new run, resume this one. */
import type { Step } from '../../model/api';
import { recipesFor, storeLine } from '../../model/reproduce';
import { useStore } from '../../state/queries';
import { Code } from '../../ui/Code';
import { CopyButton } from '../../ui/CopyButton';
import { useFacts } from './context';
import { Nothing } from './Nothing';

const LANGUAGES = { shell: 'Shell', c: 'C', python: 'Python, with Burr' } as const;

export function ReproduceTab({ step }: { readonly step: Step }) {
  const { place, detail, machine } = useFacts();
  const store = useStore();
  if (store === undefined) return null; /* nobody is to copy what leads to another store */
  const recipes = recipesFor({
    store,
    project: place.project,
    appId: place.app_id,
    partitionKey: detail.partition_key,
    sequenceId: step.sequence_id,
    failedLast: detail.status === 'failed',
    action: step.action,
    ended: step.status !== 'open',
    machine,
  });
  return (
    <>
      {step.status !== 'ok' && (
        <Nothing>
          {step.status === 'failed'
            ? 'The step failed: whoever goes on from it runs its action again, on the state before it.'
            : 'The step has not ended, so it left no state to go on from; the step before did.'}
        </Nothing>
      )}
      {step.superseded && <Nothing>A later attempt replaced this step: these go on from that one.</Nothing>}
      {store !== null && (
        <Nothing>
          This store is not the usual one: programs find it by <code>{storeLine(store)}</code>
        </Nothing>
      )}
      {recipes.map((recipe) => (
        <section key={`${recipe.language}${recipe.title}`} className="recipe">
          <h3 className="part">
            {LANGUAGES[recipe.language]} <span className="dim">{recipe.title}</span>{' '}
            <CopyButton className="json-more" label="copy" text={() => recipe.code} />
          </h3>
          {recipe.language === 'shell' ? (
            <pre className="code" dir="ltr" tabIndex={0}>
              {recipe.code}
            </pre>
          ) : (
            <Code text={recipe.code} />
          )}
        </section>
      ))}
    </>
  );
}
