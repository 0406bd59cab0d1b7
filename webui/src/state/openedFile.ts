/* The file that the reader has opened in this tab. It stays in the tab: no server is told, and a reload forgets it. */
import { useSyncExternalStore } from 'react';
import { isObject, type Json, type JsonObject } from '../base/json';
import { readLog, type LogFile } from '../model/logFile';

export interface OpenedFile {
  readonly name: string;
  readonly bytes: number;
  readonly log: LogFile;
  readonly graph: JsonObject | null;
  /** Why it cannot be shown; null: it can. */
  readonly fault: string | null;
}

const watchers = new Set<() => void>();
let opened: OpenedFile | null = null;

export function useOpenedFile(): OpenedFile | null {
  return useSyncExternalStore(
    (watcher) => {
      watchers.add(watcher);
      return () => watchers.delete(watcher);
    },
    () => opened,
  );
}

/** Opens a run's log.jsonl, and its graph.json if that is among the files. */
export async function openFiles(files: readonly File[]): Promise<void> {
  const graphFile = files.find((file) => file.name === 'graph.json');
  const logFile =
    files.find((file) => file.name.endsWith('.jsonl')) ?? files.find((file) => file !== graphFile);
  opened = await read(logFile, graphFile);
  for (const watcher of watchers) watcher();
}

async function read(logFile: File | undefined, graphFile: File | undefined): Promise<OpenedFile> {
  const facts = { name: logFile?.name ?? graphFile?.name ?? '', bytes: logFile?.size ?? 0 };
  const nothing = { ...facts, log: { steps: [], damaged: [] }, graph: null };
  if (!logFile) return { ...nothing, fault: 'There is no log.jsonl among what was dropped.' };
  try {
    const log = readLog(await logFile.text());
    const graph = graphFile ? readGraph(await graphFile.text()) : null;
    const fault = log.steps.length === 0 ? 'No line of it is a record of a step.' : null;
    return { ...facts, log, graph, fault };
  } catch (error) {
    return { ...nothing, fault: error instanceof Error ? error.message : String(error) };
  }
}

/* What is no graph is left out, as the server leaves it out. */
function readGraph(text: string): JsonObject | null {
  try {
    const value = JSON.parse(text) as Json;
    return isObject(value) ? value : null;
  } catch {
    return null;
  }
}

/** The files of a drop: those of a folder, where one was dropped. */
export async function filesOf(transfer: DataTransfer): Promise<readonly File[]> {
  const entries = [...transfer.items].map((item) => item.webkitGetAsEntry());
  const files = [...transfer.files];
  const folder = entries.find((entry): entry is FileSystemDirectoryEntry => entry?.isDirectory === true);
  if (!folder) return files;
  const inside = await new Promise<FileSystemEntry[]>((resolve, reject) =>
    folder.createReader().readEntries(resolve, reject),
  );
  return Promise.all(
    inside
      .filter((entry): entry is FileSystemFileEntry => entry.isFile)
      .map((entry) => new Promise<File>((resolve, reject) => entry.file(resolve, reject))),
  );
}
