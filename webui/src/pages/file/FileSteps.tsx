/* The steps of the file, of which only those on the screen are drawn. */
import { useEffect } from 'react';
import { formatDuration } from '../../base/time';
import type { FileStep } from '../../model/logFile';
import { Status } from '../../ui/Status';
import { ROW_PX, useRows } from '../run/useRows';

interface Props {
  readonly steps: readonly FileStep[];
  readonly current: number;
  readonly hue: (action: string | null) => string;
  readonly onSelect: (number: number) => void;
}

export function FileSteps({ steps, current, hue, onSelect }: Props) {
  const { reveal, ...rows } = useRows(steps.length, current);
  useEffect(() => reveal(current, 'near'), [reveal, current]);
  return (
    <div className="file-steps" ref={rows.scroller} onScroll={rows.onScroll} tabIndex={0} aria-label="Steps">
      <ol style={{ height: rows.heightPx }}>
        {steps.slice(rows.drawFrom, rows.drawTo).map((step) => (
          <li
            key={step.number}
            className="file-step"
            style={{ top: step.number * ROW_PX }}
            aria-current={step.number === current ? 'step' : undefined}
          >
            <button type="button" onClick={() => onSelect(step.number)}>
              <span className="seq num">{step.sequenceId ?? '–'}</span>
              <Status kind={step.status === 'open' ? 'abandoned' : step.status} />
              <i className="swatch" style={{ background: hue(step.action) }} />
              <bdi className="cut">{step.action ?? 'unnamed action'}</bdi>
              <span className="took num dim">
                {step.durationUs === null ? '' : formatDuration(step.durationUs)}
              </span>
            </button>
          </li>
        ))}
      </ol>
    </div>
  );
}
