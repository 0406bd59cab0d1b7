import { useEffect, useState } from 'react';
import { copyText } from './copy';

interface Props {
  readonly label: string;
  readonly text: () => string;
  readonly className?: string;
}

export function CopyButton({ label, text, className }: Props) {
  const [told, setTold] = useState<string | null>(null);
  useEffect(() => {
    if (told === null) return;
    const timer = setTimeout(() => setTold(null), 1200);
    return () => clearTimeout(timer);
  }, [told]);
  return (
    <button
      type="button"
      className={className}
      onClick={() => {
        void copyText(text()).then((done) => setTold(done ? 'copied' : 'not allowed'));
      }}
    >
      {told ?? label}
    </button>
  );
}
