import { useState } from 'react';
import type { Exact } from '../../base/jsonText';
import { formatBytes } from '../../base/number';
import type { Step } from '../../model/api';
import { cutOf, read } from '../../model/exact';
import { Nothing } from './Nothing';
import { Trace } from './Trace';

interface Props {
  readonly step: Step;
  readonly onLoad: (pointer: string) => Promise<Exact>;
}

export function ErrorTab({ step, onLoad }: Props) {
  const [whole, setWhole] = useState<{ readonly of: number; readonly text: string } | null>(null);
  if (step.status !== 'failed')
    return (
      <Nothing>
        {step.status === 'open'
          ? 'The step has not ended; it has not failed so far.'
          : 'The step did not fail.'}
      </Nothing>
    );
  const exception = read(step.exception);
  const marker = cutOf(exception);
  const head = marker ? marker.head : exception;
  const text = whole?.of === step.number ? whole.text : typeof head === 'string' ? head : '';
  return (
    <div className="trace">
      <Trace text={text} />
      {marker?.kind === 'string' && whole?.of !== step.number && (
        <button
          type="button"
          className="json-more"
          onClick={() => {
            void onLoad('/exception').then((all) => {
              if (typeof all === 'string') setWhole({ of: step.number, text: all });
            });
          }}
        >
          Load all {formatBytes(marker.bytes)}
        </button>
      )}
    </div>
  );
}
