/* Ready to be pasted: look at the state again, go on from it in a new run, resume this one. */
import type { Step } from '../../model/api';
import { recipesFor } from '../../model/reproduce';
import { Code } from '../../ui/Code';
import { CopyButton } from '../../ui/CopyButton';
import { useFacts } from './context';
import { Nothing } from './Nothing';

const LANGUAGES = { shell: 'Shell', c: 'C', python: 'Python, with Burr' } as const;

export function ReproduceTab({ step }: { readonly step: Step }) {
  const { place, detail } = useFacts();
  const recipes = recipesFor({
    project: place.project,
    appId: place.app_id,
    partitionKey: detail.partition_key,
    sequenceId: step.sequence_id,
    failedLast: detail.status === 'failed',
    action: step.action,
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
