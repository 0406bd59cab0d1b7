import { useState } from 'react';
import type { Exact } from '../../base/jsonText';
import { formatBytes } from '../../base/number';
import type { Step } from '../../model/api';
import { cutOf, read } from '../../model/exact';
import { readTraceback } from '../../model/traceback';
import { CopyButton } from '../../ui/CopyButton';
import { Nothing } from './Nothing';

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
  const trace = readTraceback(text);
  return (
    <div className="trace">
      <p className="trace-headline">
        <bdi>{trace.headline}</bdi>
        <CopyButton className="json-more" label="copy all" text={() => text} />
      </p>
      {trace.lines.length > 1 && (
        <pre dir="ltr">
          {trace.lines.map((line, index) =>
            line.kind === 'frame' ? (
              <div key={index} className="frame">
                <span className="dim">{line.file}</span>:{line.line} <b>{line.where}</b>
              </div>
            ) : (
              <div key={index} className="trace-text">
                {line.text || ' '}
              </div>
            ),
          )}
        </pre>
      )}
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
