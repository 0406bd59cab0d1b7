import type { Axis } from '../../model/axis';

interface Props {
  readonly fromUs: number | null;
  readonly toUs: number | null;
  readonly axis: Axis;
  readonly colour: string;
  readonly open: boolean;
  readonly className: string;
}

/** When something ran. What lies outside the axis is told by a mark at its edge. */
export function Bar({ fromUs, toUs, axis, colour, open, className }: Props) {
  const start = fromUs ?? toUs;
  if (start === null) return null;
  const end = Math.max(toUs ?? start, start);
  if (start > axis.endUs) return <i className="beyond after" />;
  if (end < axis.startUs) return <i className="beyond before" />;
  const left = axis.at(start);
  const width = axis.at(end) - left;
  return (
    <span
      className={`bar ${className}${open ? ' open' : ''}`}
      style={{
        left: `min(${(left * 100).toFixed(3)}%, calc(100% - 3px))`,
        width: `${(width * 100).toFixed(3)}%`,
        background: colour,
      }}
    />
  );
}

export function Tick({ us, axis }: { readonly us: number; readonly axis: Axis }) {
  if (us < axis.startUs || us > axis.endUs) return null;
  return <i className="tick" style={{ left: `${(axis.at(us) * 100).toFixed(3)}%` }} />;
}
