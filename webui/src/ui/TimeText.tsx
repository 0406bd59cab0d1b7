import { epochMs, explainTime, formatAgo, formatDateTime, type Time } from '../base/time';

interface Props {
  readonly time: Time | null;
  /** With it, the time is told relative to now. */
  readonly now?: number;
}

export function TimeText({ time, now }: Props) {
  if (time === null) return <span className="dim">–</span>;
  const relative = now === undefined ? null : formatAgo(epochMs(time), now);
  return (
    <time
      dateTime={time.text}
      title={relative === null ? explainTime(time) : `${formatDateTime(time)}\n${explainTime(time)}`}
    >
      {relative ?? formatDateTime(time)}
    </time>
  );
}
