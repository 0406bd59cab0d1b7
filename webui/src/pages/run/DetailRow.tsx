/* What was recorded in a step, a row each, on the same time axis. */
import { plural } from '../../base/number';
import { formatDuration } from '../../base/time';
import type { Axis } from '../../model/axis';
import { summariseStream, type ChildDetail, type Detail, type StreamDetail } from '../../model/details';
import { brief, read } from '../../model/exact';
import { Bar, Tick } from './Bar';

interface Props {
  readonly detail: Exclude<Detail, ChildDetail>;
  readonly depth: number;
  readonly axis: Axis;
  readonly nowUs: number | null;
}

export function DetailRow({ detail, depth, axis, nowUs }: Props) {
  const indent = indentOf(depth);
  switch (detail.kind) {
    case 'span': {
      const { name, id, startUs, endUs } = detail;
      const tookUs = startUs !== null && endUs !== null ? endUs - startUs : null;
      return (
        <div className="step-row detail">
          <span className="detail-name cut" style={indent} title={`${name ?? 'span'} (${id})`}>
            <span className="kind">span</span>{' '}
            {name === null ? <span className="dim">{id}, never begun</span> : <bdi>{name}</bdi>}
          </span>
          <span className="num took">
            {tookUs !== null ? formatDuration(tookUs) : endUs === null ? 'open' : '–'}
          </span>
          <span className="lane">
            <Bar
              fromUs={startUs}
              toUs={endUs ?? nowUs}
              axis={axis}
              colour="var(--ink-3)"
              open={endUs === null}
              className="span"
            />
          </span>
        </div>
      );
    }
    case 'attribute': {
      const value = read(detail.value);
      return (
        <div className="step-row detail">
          <span
            className="detail-name wide cut"
            style={indent}
            title={`${detail.key} = ${brief(value, 300)}`}
          >
            <span className="kind">attr</span> <bdi>{detail.key}</bdi>{' '}
            <span className="mono dim">
              <bdi>{brief(value, 80)}</bdi>
            </span>
          </span>
          <span className="lane">{detail.atUs !== null && <Tick us={detail.atUs} axis={axis} />}</span>
        </div>
      );
    }
    case 'stream':
      return <StreamRow stream={detail} axis={axis} nowUs={nowUs} indent={indent} />;
  }
}

/** How far a row stands in: deep ones no further than can be read. */
export function indentOf(depth: number) {
  return { paddingInlineStart: `${Math.min(depth, 24) * 14}px` };
}

interface StreamProps {
  readonly stream: StreamDetail;
  readonly axis: Axis;
  readonly nowUs: number | null;
  readonly indent: { readonly paddingInlineStart: string };
}

function StreamRow({ stream, axis, nowUs, indent }: StreamProps) {
  const { delayUs, totalUs, itemsPerSecond } = summariseStream(stream);
  const facts = [
    delayUs !== null && `first after ${formatDuration(delayUs)}`,
    stream.itemCount !== null && plural(stream.itemCount, 'item'),
    itemsPerSecond !== null && `${itemsPerSecond.toPrecision(3)}/s`,
  ].filter((fact) => fact !== false);
  return (
    <div className="step-row detail">
      <span className="detail-name cut" style={indent} title={facts.join(', ')}>
        <span className="kind">stream</span> <span className="dim">{facts.join(', ') || 'begun'}</span>
      </span>
      <span className="num took">{totalUs !== null ? formatDuration(totalUs) : 'open'}</span>
      <span className="lane">
        <Bar
          fromUs={stream.beginUs}
          toUs={stream.endUs ?? nowUs}
          axis={axis}
          colour="var(--accent)"
          open={stream.endUs === null}
          className="span"
        />
        {stream.firstUs !== null && <Tick us={stream.firstUs} axis={axis} />}
      </span>
    </div>
  );
}
