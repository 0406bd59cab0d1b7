/* A text in Markdown. Links are shown with their address and lead nowhere. */
import { useMemo } from 'react';
import { readMarkdown, type Block, type Inline } from '../model/markdown';

export function Markdown({ text }: { readonly text: string }) {
  const blocks = useMemo(() => readMarkdown(text), [text]);
  return (
    <div className="markdown" dir="auto">
      {blocks.map((block, index) => (
        <BlockView key={index} block={block} />
      ))}
    </div>
  );
}

function BlockView({ block }: { readonly block: Block }) {
  switch (block.kind) {
    case 'heading':
      return (
        <p className={`md-heading level-${Math.min(block.level, 3)}`}>
          <Runs runs={block.text} />
        </p>
      );
    case 'paragraph':
      return (
        <p>
          <Runs runs={block.text} />
        </p>
      );
    case 'quote':
      return (
        <blockquote>
          <Runs runs={block.text} />
        </blockquote>
      );
    case 'code':
      return (
        <pre dir="ltr" tabIndex={0}>
          {block.text}
        </pre>
      );
    case 'rule':
      return <hr />;
    case 'list': {
      const items = block.items.map((item, index) => (
        <li key={index} style={{ marginInlineStart: `${item.depth * 18}px` }}>
          <Runs runs={item.text} />
        </li>
      ));
      return block.ordered ? <ol>{items}</ol> : <ul>{items}</ul>;
    }
    case 'table':
      return (
        <table>
          <thead>
            <tr>
              {block.head.map((cell, index) => (
                <th key={index}>
                  <Runs runs={cell} />
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {block.rows.map((row, index) => (
              <tr key={index}>
                {row.map((cell, at) => (
                  <td key={at}>
                    <Runs runs={cell} />
                  </td>
                ))}
              </tr>
            ))}
          </tbody>
        </table>
      );
  }
}

function Runs({ runs }: { readonly runs: readonly Inline[] }) {
  return runs.map((run, index) => {
    if (run.kind === 'code') return <code key={index}>{run.text}</code>;
    if (run.kind === 'strong') return <strong key={index}>{run.text}</strong>;
    if (run.kind === 'em') return <em key={index}>{run.text}</em>;
    if (run.kind !== 'link') return run.text;
    return (
      <span key={index} className="md-link" title={run.url}>
        {run.text} <span className="dim">({run.url})</span>
      </span>
    );
  });
}
