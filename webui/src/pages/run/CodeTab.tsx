import { Code } from '../../ui/Code';
import { useFacts } from './context';
import { Nothing } from './Nothing';

export function CodeTab({ action: name }: { readonly action: string | null }) {
  const { machine } = useFacts();
  const action = machine.actions.find((candidate) => candidate.name === name);
  if (!action) return <Nothing>This action is missing from the recorded graph.</Nothing>;
  const facts: readonly (readonly [string, readonly string[]])[] = [
    ['reads', action.reads],
    ['writes', action.writes],
    ['inputs', action.inputs],
    ['optional inputs', action.optionalInputs],
  ];
  return (
    <>
      <dl className="signature">
        {facts
          .filter(([, names]) => names.length > 0)
          .map(([word, names]) => (
            <div key={word}>
              <dt>{word}</dt>
              <dd className="mono">{names.join(', ')}</dd>
            </div>
          ))}
      </dl>
      {action.code.trim() === '' ? <Nothing>No code was recorded.</Nothing> : <Code text={action.code} />}
    </>
  );
}
