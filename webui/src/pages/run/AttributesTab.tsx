import { useMemo, useState } from 'react';
import { formatCount, plural } from '../../base/number';
import { formatDuration } from '../../base/time';
import type { Step } from '../../model/api';
import { usOf } from '../../model/axis';
import { detailsOf } from '../../model/details';
import { read } from '../../model/exact';
import { useRecords } from '../../state/run';
import { JsonTree } from '../../ui/JsonTree';
import { useFacts } from './context';
import { Nothing } from './Nothing';

const SHOWN = 100;

export function AttributesTab({ step }: { readonly step: Step }) {
  const { place } = useFacts();
  const { data } = useRecords(place, step.record_count > 0 ? step.number : null);
  const [shown, setShown] = useState(SHOWN);
  const details = useMemo(() => detailsOf(data?.records ?? [], []), [data]);
  const attributes = details.filter((detail) => detail.kind === 'attribute');
  const spans = details.filter((detail) => detail.kind === 'span').length;
  const startUs = usOf(step.started);
  if (step.record_count > 0 && !data) return null;
  if (attributes.length === 0)
    return (
      <Nothing>
        No attributes were logged in this step.
        {spans > 0 && ` Its ${plural(spans, 'span')} open below its row (l).`}
      </Nothing>
    );
  return (
    <>
      <ul className="attributes">
        {attributes.slice(0, shown).map((attribute, index) => (
          <li key={index}>
            <div className="attribute-head">
              <b className="mono cut" title={attribute.key}>
                <bdi>{attribute.key}</bdi>
              </b>
              {attribute.spanName !== null && <span className="dim cut">in {attribute.spanName}</span>}
              {Object.entries(attribute.tags).map(([tag, value]) => (
                <span key={tag} className="chip">
                  {tag}={typeof value === 'string' ? value : JSON.stringify(value)}
                </span>
              ))}
              {attribute.atUs !== null && startUs !== null && (
                <span className="dim at">after {formatDuration(attribute.atUs - startUs)}</span>
              )}
            </div>
            <JsonTree value={read(attribute.value)} label={attribute.key} />
          </li>
        ))}
      </ul>
      {attributes.length > shown && (
        <button type="button" className="json-more" onClick={() => setShown(shown + SHOWN * 5)}>
          Show more ({formatCount(attributes.length - shown)} left)
        </button>
      )}
      {(data?.leftOut ?? 0) > 0 && (
        <p className="dim">{plural(data?.leftOut ?? 0, 'record')} of this step could not be sent at once.</p>
      )}
    </>
  );
}
