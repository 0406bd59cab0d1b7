/* Lists of {role, content}: what chat models speak, worth showing as a conversation. */
import { isArray, isObject, type Json } from '../base/json';

export interface Message {
  readonly role: string;
  readonly content: Json;
}

export function asConversation(value: Json): readonly Message[] | null {
  if (!isArray(value) || value.length === 0) return null;
  const messages: Message[] = [];
  for (const item of value) {
    if (!isObject(item) || typeof item.role !== 'string' || !Object.hasOwn(item, 'content')) return null;
    messages.push({ role: item.role, content: item.content ?? null });
  }
  return messages;
}
