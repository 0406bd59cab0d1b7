/* A bar between two panes: drag it, or focus it and use the arrow keys. */
import { useRef } from 'react';
import { clamp } from '../base/number';

interface Props {
  readonly direction: 'vertical' | 'horizontal';
  readonly label: string;
  /** The first pane's share, 0 to 1. */
  readonly share: number;
  readonly onChange: (share: number) => void;
}

const LEAST = 0.2;
const MOST = 0.8;

export function Splitter({ direction, label, share, onChange }: Props) {
  const bar = useRef<HTMLDivElement>(null);
  const move = (x: number, y: number) => {
    const box = bar.current?.parentElement?.getBoundingClientRect();
    if (!box) return;
    const next = direction === 'vertical' ? (x - box.left) / box.width : (y - box.top) / box.height;
    onChange(clamp(next, LEAST, MOST));
  };
  return (
    <div
      ref={bar}
      className={`splitter ${direction}`}
      role="separator"
      tabIndex={0}
      aria-label={label}
      aria-orientation={direction}
      aria-valuenow={Math.round(share * 100)}
      aria-valuemin={LEAST * 100}
      aria-valuemax={MOST * 100}
      onPointerDown={(event) => {
        event.currentTarget.setPointerCapture(event.pointerId);
        event.preventDefault();
      }}
      onPointerMove={(event) => {
        if (event.currentTarget.hasPointerCapture(event.pointerId)) move(event.clientX, event.clientY);
      }}
      onKeyDown={(event) => {
        const step = { ArrowLeft: -0.02, ArrowUp: -0.02, ArrowRight: 0.02, ArrowDown: 0.02 }[event.key];
        if (step === undefined) return;
        event.preventDefault();
        event.stopPropagation();
        onChange(clamp(share + step, LEAST, MOST));
      }}
    />
  );
}
