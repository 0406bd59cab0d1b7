/* Messages between roles. Images are shown from data: addresses only: nothing is ever fetched from elsewhere. */
import { useState } from 'react';
import { cut } from '../base/json';
import { formatCount } from '../base/number';
import type { Message } from '../model/conversation';

const LAST_SHOWN = 12;
const TEXT_SHOWN = 1500;

export function Conversation({ messages }: { readonly messages: readonly Message[] }) {
  const [all, setAll] = useState(false);
  const hidden = all ? 0 : Math.max(messages.length - LAST_SHOWN, 0);
  return (
    <div className="talk">
      {hidden > 0 && (
        <button type="button" className="json-more" onClick={() => setAll(true)}>
          Show {formatCount(hidden)} earlier
        </button>
      )}
      {messages.slice(hidden).map((message, index) => (
        <div key={hidden + index} className={`talk-message ${message.role === 'user' ? 'user' : ''}`}>
          <div className="talk-role" title={message.role}>
            {message.role}
          </div>
          <Content content={message.content} />
        </div>
      ))}
    </div>
  );
}

function Content({ content }: { readonly content: Message['content'] }) {
  const [whole, setWhole] = useState(false);
  if (typeof content === 'string' && /^data:image\/(png|jpe?g|gif|webp);base64,/.test(content))
    return <img src={content} alt="recorded in the message" />;
  const text = typeof content === 'string' ? content : JSON.stringify(content, null, 2);
  return (
    <div className="talk-text">
      {whole || text.length <= TEXT_SHOWN ? text : `${cut(text, TEXT_SHOWN)}… `}
      {!whole && text.length > TEXT_SHOWN && (
        <button type="button" className="json-more" onClick={() => setWhole(true)}>
          Show all {formatCount(text.length)} characters
        </button>
      )}
    </div>
  );
}
