/* Source code, coloured once the colouring has been loaded; plain until then. */
import type { ElementContent, Root, RootContent } from 'hast';
import { useEffect, useState, type ReactNode } from 'react';

type Highlight = (code: string) => Root;

let highlight: Highlight | null = null;

async function loadHighlight(): Promise<Highlight> {
  const { colour } = await import('./highlight');
  highlight = colour;
  return colour;
}

export function Code({ text }: { readonly text: string }) {
  const [colour, setColour] = useState<Highlight | null>(() => highlight);
  useEffect(() => {
    if (colour !== null) return;
    let shown = true;
    void loadHighlight().then((loaded) => {
      if (shown) setColour(() => loaded);
    });
    return () => {
      shown = false;
    };
  }, [colour]);
  return (
    <pre className="code" dir="ltr" tabIndex={0}>
      <code>{colour === null ? text : colour(text).children.map(render)}</code>
    </pre>
  );
}

function render(node: RootContent | ElementContent, index: number): ReactNode {
  if (node.type === 'text') return node.value;
  if (node.type !== 'element') return null;
  const names = node.properties.className;
  return (
    <span key={index} className={Array.isArray(names) ? names.join(' ') : undefined}>
      {node.children.map(render)}
    </span>
  );
}
