/* The frame around every page: where one is, whether the page is current, theme and help. */
import { Component, lazy, Suspense, useCallback, useEffect, useState, type ReactNode } from 'react';
import { Link, Navigate, Route, Routes, useLocation, useMatch, useNavigate } from 'react-router-dom';
import { filePath, projectsPath, runsPath, statusPath } from '../state/links';
import type { LiveStatus } from '../state/eventStream';
import { setTheme, useTheme, type Theme } from '../state/preferences';
import { useChanges, useLiveStatus, useOutdated } from '../state/queries';
import { Help } from '../ui/Help';
import { listenToKeys, useKeys } from '../ui/keys';
import { Notice } from '../ui/Notice';
import { ProjectsPage } from './projects/ProjectsPage';
import { RunsPage } from './runs/RunsPage';
import { useFileDrop } from './useFileDrop';

const RunPage = lazy(() => import('./run/RunPage'));
const FilePage = lazy(() => import('./file/FilePage'));
const StatusPage = lazy(() => import('./status/StatusPage'));

export function App() {
  const [help, setHelp] = useState(false);
  const navigate = useNavigate();
  const location = useLocation();
  const project = useProject();
  useEffect(() => listenToKeys(), []);
  useFileDrop(useCallback(() => navigate(filePath()), [navigate]));
  useKeys('Anywhere', [
    { keys: ['?'], label: 'Show all keys', run: () => setHelp(true) },
    { keys: ['g p'], label: 'Go to projects', run: () => navigate(projectsPath()) },
    { keys: ['g s'], label: 'Go to the status', run: () => navigate(statusPath()) },
    { keys: ['g f'], label: 'Look into a log file', run: () => navigate(filePath()) },
    ...(project === null
      ? []
      : [{ keys: ['g r'], label: 'Go to the runs', run: () => navigate(runsPath(project)) }]),
    { keys: ['Escape'], label: 'Leave a field, close this', run: () => undefined },
  ]);
  return (
    <div className="app">
      <a className="skip" href="#main">
        Skip to content
      </a>
      <TopBar onHelp={() => setHelp(true)} />
      <main id="main">
        <Boundary key={location.pathname}>
          <Suspense fallback={null}>
            <Routes>
              <Route path="/" element={<ProjectsPage />} />
              <Route path="/p/:project" element={<RunsPage />} />
              <Route path="/p/:project/run/:app" element={<RunPage />} />
              <Route path="/status" element={<StatusPage />} />
              <Route path="/file" element={<FilePage />} />
              <Route path="/index.html" element={<Navigate to="/" replace />} />
              <Route path="*" element={<Missing />} />
            </Routes>
          </Suspense>
        </Boundary>
      </main>
      {help && <Help onClose={() => setHelp(false)} />}
    </div>
  );
}

function useProject(): string | null {
  const ofRuns = useMatch('/p/:project');
  const ofRun = useMatch('/p/:project/run/:app');
  return ofRun?.params.project ?? ofRuns?.params.project ?? null;
}

function TopBar({ onHelp }: { readonly onHelp: () => void }) {
  const project = useProject();
  const app = useMatch('/p/:project/run/:app')?.params.app ?? null;
  const isStatus = useMatch('/status') !== null;
  const isFile = useMatch('/file') !== null;
  return (
    <header className="topbar">
      <Link to={projectsPath()} className="brand" aria-label="burr: all projects">
        <svg viewBox="0 0 32 32" aria-hidden="true">
          <g stroke="currentColor" strokeWidth="2.6" strokeLinecap="round">
            <path d="M16 3v26M3 16h26M6.8 6.8l18.4 18.4M25.2 6.8 6.8 25.2" />
          </g>
          <circle cx="16" cy="16" r="7" fill="currentColor" />
          <circle cx="16" cy="16" r="3" fill="var(--paper)" />
        </svg>
        burr
      </Link>
      <nav className="crumbs" aria-label="Place">
        {(isStatus || isFile) && (
          <>
            <span aria-hidden="true">/</span>
            <span aria-current="page">{isStatus ? 'Status' : 'File'}</span>
          </>
        )}
        {project !== null && (
          <>
            <span aria-hidden="true">/</span>
            <Link to={runsPath(project)} className="cut" aria-current={app === null ? 'page' : undefined}>
              <bdi>{project}</bdi>
            </Link>
          </>
        )}
        {app !== null && (
          <>
            <span aria-hidden="true">/</span>
            <span className="cut" aria-current="page" title={app}>
              <bdi>{app}</bdi>
            </span>
          </>
        )}
      </nav>
      <Liveness />
      <ThemeSwitch />
      <button type="button" className="button plain" onClick={onHelp} aria-label="Keyboard shortcuts">
        <kbd>?</kbd>
      </button>
    </header>
  );
}

const LIVENESS: Readonly<Record<LiveStatus, readonly [string, string]>> = {
  connecting: ['connecting', 'Connecting to the server'],
  live: ['live', 'The server pushes what is new'],
  polling: ['live by polling', 'Something on the way keeps the stream back; what is new comes as answers'],
  lost: ['disconnected, reconnecting…', 'What is shown may be out of date'],
};

function Liveness() {
  const status = useLiveStatus();
  const outdated = useOutdated();
  const [word, title] = LIVENESS[status];
  return (
    <>
      {outdated && (
        <button type="button" className="button" onClick={() => window.location.reload()}>
          Another version runs now: reload
        </button>
      )}
      <Link to={statusPath()} className={`liveness ${status}`} title={`${title}. To the collector’s status`}>
        <span className="dot" aria-hidden="true" />
        <span className="word" role="status">
          {word}
        </span>
      </Link>
    </>
  );
}

const NEXT_THEME: Readonly<Record<Theme, Theme>> = { system: 'light', light: 'dark', dark: 'system' };
const THEME_SIGN: Readonly<Record<Theme, string>> = {
  system: 'M8 2a6 6 0 1 0 0 12zm0 0a6 6 0 0 1 0 12',
  light:
    'M8 5a3 3 0 1 0 0 6 3 3 0 0 0 0-6M8 1v2m0 10v2M1 8h2m10 0h2M3 3l1.4 1.4m7.2 7.2L13 13M3 13l1.4-1.4m7.2-7.2L13 3',
  dark: 'M13.5 9.5A6 6 0 0 1 6.5 2.5a6 6 0 1 0 7 7z',
};

function ThemeSwitch() {
  const theme = useTheme();
  return (
    <button
      type="button"
      className="button plain theme-switch"
      title={`Colours: ${theme}`}
      aria-label={`Colours: ${theme}. Change to ${NEXT_THEME[theme]}`}
      onClick={() => setTheme(NEXT_THEME[theme])}
    >
      <svg viewBox="0 0 16 16" aria-hidden="true">
        <path
          d={THEME_SIGN[theme]}
          fill={theme === 'light' ? 'none' : 'currentColor'}
          fillOpacity={theme === 'system' ? 0.55 : 1}
          stroke="currentColor"
          strokeWidth="1.3"
          strokeLinecap="round"
        />
      </svg>
    </button>
  );
}

function Missing() {
  /* So that the frame can say whether the server is there. */
  useChanges('projects', () => Promise.resolve());
  return (
    <Notice title="There is no such page">
      <p>
        The address may be cut off. <Link to={projectsPath()}>All projects</Link>
      </p>
    </Notice>
  );
}

/* A fault in a page must not take the frame, and the way out of it, along. */
class Boundary extends Component<{ readonly children: ReactNode }, { readonly fault: string | null }> {
  override readonly state: { readonly fault: string | null } = { fault: null };

  static getDerivedStateFromError(error: unknown) {
    return { fault: error instanceof Error ? error.message : String(error) };
  }

  override render() {
    if (this.state.fault === null) return this.props.children;
    return (
      <Notice title="This page failed" retry={() => this.setState({ fault: null })}>
        <p className="mono">{this.state.fault}</p>
      </Notice>
    );
  }
}
