/* A file dropped anywhere on the page is opened, in place of the browser's leaving the page for it. */
import { useEffect } from 'react';
import { filesOf, openFiles } from '../state/openedFile';

export function useFileDrop(onOpened: () => void): void {
  useEffect(() => {
    const isFiles = (event: DragEvent) => event.dataTransfer?.types.includes('Files') === true;
    const onOver = (event: DragEvent) => {
      if (isFiles(event)) event.preventDefault();
    };
    const onDrop = (event: DragEvent) => {
      if (!event.dataTransfer || !isFiles(event)) return;
      event.preventDefault();
      void filesOf(event.dataTransfer).then(openFiles).then(onOpened);
    };
    document.addEventListener('dragover', onOver);
    document.addEventListener('drop', onDrop);
    return () => {
      document.removeEventListener('dragover', onOver);
      document.removeEventListener('drop', onDrop);
    };
  }, [onOpened]);
}
