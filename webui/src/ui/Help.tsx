import { useEffect, useRef } from 'react';
import { listKeys } from './keys';

const NAMES: Readonly<Record<string, string>> = {
  ArrowDown: '↓',
  ArrowUp: '↑',
  ArrowLeft: '←',
  ArrowRight: '→',
  Escape: 'Esc',
};

export function Help({ onClose }: { readonly onClose: () => void }) {
  const dialog = useRef<HTMLDialogElement>(null);
  useEffect(() => {
    dialog.current?.showModal();
  }, []);
  /* At once: the dialog's own event comes later, when the next key may have asked for it again. */
  const close = () => {
    dialog.current?.close();
    onClose();
  };
  const byName = new Map<string, ReturnType<typeof listKeys>[number]['bindings'][number][]>();
  for (const group of listKeys())
    byName.set(group.name, [...(byName.get(group.name) ?? []), ...group.bindings]);
  return (
    <dialog
      ref={dialog}
      className="help"
      aria-label="Keyboard shortcuts"
      onClose={onClose}
      onCancel={(event) => {
        event.preventDefault();
        close();
      }}
      onClick={(event) => {
        if (event.target === dialog.current) close();
      }}
      onKeyDown={(event) => {
        if (event.key !== '?') return;
        event.preventDefault(); // or it would open it again
        close();
      }}
    >
      <h2>Keyboard</h2>
      <div className="help-groups">
        {[...byName].map(([name, bindings]) => (
          <section key={name}>
            <h3>{name}</h3>
            <ul>
              {bindings.map((binding) => (
                <li key={binding.label}>
                  <span>{binding.label}</span>
                  <span>
                    {binding.keys.map((key, index) => (
                      <span key={key}>
                        {index > 0 && ' '}
                        {key.split(' ').map((part) => (
                          <kbd key={part}>{NAMES[part] ?? part}</kbd>
                        ))}
                      </span>
                    ))}
                  </span>
                </li>
              ))}
            </ul>
          </section>
        ))}
      </div>
    </dialog>
  );
}
