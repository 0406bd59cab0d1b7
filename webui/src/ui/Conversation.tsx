/* Messages between roles. */
import { useState } from 'react';
import { formatCount } from '../base/number';
import type { Exact } from '../base/jsonText';
import { cutOf, write, type Message } from '../model/exact';
import { Text } from './Text';

const LAST_SHOWN = 12;

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
            <bdi>{message.role}</bdi>
          </div>
          <div className="talk-text">
            <Text text={textOf(message.content)} />
          </div>
        </div>
      ))}
    </div>
  );
}

function textOf(content: Exact): string {
  const marker = cutOf(content);
  if (marker?.kind === 'string') return `${textOf(marker.head)}…`;
  return typeof content === 'string' ? content : write(content);
}
