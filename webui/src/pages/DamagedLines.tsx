/* Lines of a log that are no records, with their places: told when somebody asks. */
import type { ReactNode } from 'react';
import { formatCount, plural } from '../base/number';

export interface DamagedLine {
  /** From 1. */
  readonly line: number;
  /** What it begins with. */
  readonly head: string;
  /** Why it is no record. */
  readonly reason: string;
}

interface Props {
  readonly count: number;
  readonly lines: readonly DamagedLine[];
  readonly onOpen?: () => void;
  /** Below the lines. */
  readonly children?: ReactNode;
}

export function DamagedLines({ count, lines, onOpen, children }: Props) {
  return (
    <details
      className="damage"
      onToggle={(event) => {
        if (event.currentTarget.open) onOpen?.();
      }}
    >
      <summary>{plural(count, 'damaged line')}</summary>
      <div className="damage-lines">
        <p className="dim">They could not be read, and cost nothing else.</p>
        <ul>
          {lines.map(({ line, head, reason }) => (
            <li key={line}>
              <b>line {formatCount(line)}</b>
              <span className="dim"> {reason}</span>
              <code>{head}</code>
            </li>
          ))}
        </ul>
        {children}
      </div>
    </details>
  );
}
