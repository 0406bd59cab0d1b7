/* A recorded text by what it is: an image that holds itself, Markdown, or plain, the long ones cut. */
import { useState } from 'react';
import { cut } from '../base/json';
import { formatCount } from '../base/number';
import { isImage, looksLikeMarkdown } from '../model/exact';
import { Markdown } from './Markdown';

const TEXT_SHOWN = 1500;

export function Text({ text }: { readonly text: string }) {
  const [whole, setWhole] = useState(false);
  const [plain, setPlain] = useState(false);
  if (isImage(text)) return <img className="recorded" src={text} alt="recorded in the value" />;
  const markdown = looksLikeMarkdown(text);
  const shown = whole || text.length <= TEXT_SHOWN ? text : `${cut(text, TEXT_SHOWN)}…`;
  return (
    <div className="text">
      {markdown && !plain ? (
        <Markdown text={shown} />
      ) : (
        <div className="text-plain" dir="auto">
          {shown}
        </div>
      )}
      {text.length > TEXT_SHOWN && (
        <button type="button" className="json-more" onClick={() => setWhole(!whole)}>
          {whole ? 'Show less' : `Show all ${formatCount(text.length)} characters`}
        </button>
      )}
      {markdown && (
        <button type="button" className="json-more" onClick={() => setPlain(!plain)}>
          {plain ? 'as Markdown' : 'as written'}
        </button>
      )}
    </div>
  );
}
