/* All that is known of a step, as it stands. */
import { useMemo } from 'react';
import type { Exact } from '../../base/jsonText';
import type { Step, Value } from '../../model/api';
import { read } from '../../model/exact';
import { useRecords } from '../../state/run';
import { CopyButton } from '../../ui/CopyButton';
import { JsonTree } from '../../ui/JsonTree';
import { useFacts } from './context';

interface RawProps {
  readonly step: Step;
  readonly onLoad: (pointer: string) => Promise<Exact>;
}

/* Fields that hold what an application recorded. */
const VALUES = ['inputs', 'via', 'result', 'exception', 'state', 'value'];

export function RawTab({ step, onLoad }: RawProps) {
  const { place } = useFacts();
  const { data } = useRecords(place, step.record_count > 0 ? step.number : null);
  const entries = useMemo(() => Object.entries(step).filter(([name]) => name !== 'now'), [step]);
  const raw = useMemo(() => {
    const all = new Map<string, Exact>(entries.map(([name, value]) => [name, exactOf(name, value)]));
    const records = (data?.records ?? []).map(
      (record) =>
        new Map<string, Exact>(Object.entries(record).map(([name, value]) => [name, exactOf(name, value)])),
    );
    return records.length > 0 ? all.set('records', records) : all;
  }, [entries, data]);
  const text = () => `{${entries.map(([name, value]) => member(name, value)).join(',')}}`;
  return (
    <>
      <p className="raw-tools">
        <CopyButton className="button" label="Copy as JSON" text={text} />
      </p>
      <JsonTree value={raw} label="Records of the step" onLoad={onLoad} />
    </>
  );
}

function member(name: string, value: unknown): string {
  return `${JSON.stringify(name)}:${VALUES.includes(name) ? (value as string) : JSON.stringify(value)}`;
}

/* What is no recorded value is plain JSON: names, numbers, times. */
function exactOf(name: string, value: unknown): Exact {
  return read((VALUES.includes(name) ? value : JSON.stringify(value)) as Value);
}
