import { useEffect } from 'react';
import burr from '../ui/icons/burr.svg';
import failed from '../ui/icons/failed.svg';
import lost from '../ui/icons/lost.svg';
import ok from '../ui/icons/ok.svg';
import running from '../ui/icons/running.svg';
import waiting from '../ui/icons/waiting.svg';
import type { RunStatus } from '../model/api';

const ICONS: Readonly<Record<RunStatus, string>> = { failed, lost, ok, running, unknown: running, waiting };

/** The title and icon of the browser's tab. */
export function useTitle(title: string, status: RunStatus | null = null): void {
  useEffect(() => {
    document.title = title;
    const link = document.querySelector<HTMLLinkElement>('link[rel="icon"]');
    if (link) link.href = status === null ? burr : ICONS[status];
  }, [title, status]);
}
