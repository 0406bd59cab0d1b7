/* The runs of a project: a filter, and the table of what it leaves. All of the view is in the address. */
import { useEffect, useState } from 'react';
import { Link, useParams } from 'react-router-dom';
import { ApiError } from '../../api/client';
import { formatCount, plural } from '../../base/number';
import type { RunSummary } from '../../model/api';
import type { KnownValues } from '../../model/completion';
import { faultOf, toggleTerm } from '../../model/filter';
import { allRuns, type RunList, type RunSort } from '../../model/runs';
import { projectsPath } from '../../state/links';
import { useSavedFilters } from '../../state/preferences';
import { useNames } from '../../state/queries';
import { useRunList } from '../../state/runList';
import { useUrlQuery } from '../../state/url';
import { useKeys } from '../../ui/keys';
import { Notice } from '../../ui/Notice';
import { IndexingNote, IndexingNotice } from '../Indexing';
import { NoData, StaleBar } from '../QueryStates';
import { useTitle } from '../useTitle';
import { FilterBox } from './FilterBox';
import { RunTable } from './RunTable';

const SORTS = ['last', 'first', 'duration', 'steps', 'failed', 'tokens'];

function readSort(text: string | null): RunSort {
  return text !== null && SORTS.includes(text.replace(/^-/, '')) ? (text as RunSort) : '-last';
}

export function RunsPage() {
  const project = useParams().project ?? '';
  return <ProjectRuns key={project} project={project} />;
}

function ProjectRuns({ project }: { readonly project: string }) {
  useTitle(`${project} · burr`);
  const [query, change] = useUrlQuery();
  const filter = query.get('filter') ?? '';
  const sort = readSort(query.get('sort'));
  /* A tree of all runs; but what was looked for is shown wherever it stands. */
  const roots = query.has('roots') ? query.get('roots') === '1' : filter === '';
  const question = { project, filter, sort, roots };
  const { list, error, refreshError, retry, loadMore, setInView } = useRunList(question);
  const shown = useLastGood(list, JSON.stringify(question));
  const [saved, toggleSaved] = useSavedFilters();
  const [visited, setVisited] = useState(false);
  const names = useNames(project, visited);
  const refusal = error instanceof ApiError && error.kind === 'refused' ? error.message : null;
  const fault = refusal === null ? null : faultOf(filter, refusal);
  const clear = () => change({ filter: null }, 'push');
  const setRoots = () => change({ roots: roots ? '0' : '1' });
  useKeys('Here', [{ keys: ['r'], label: 'Roots only, or all runs', run: setRoots }]);

  return (
    <div className="page full">
      <StaleBar error={refreshError} retry={() => void retry()} />
      <div className="page-head">
        <h1 className="cut" title={project}>
          <bdi>{project}</bdi>
        </h1>
        <span className="dim nowrap" role="status">
          {list && <Count list={list} filtered={filter !== ''} roots={roots} />}
        </span>
        <IndexingNote indexing={list?.indexing ?? null} />
        <button type="button" className="button roots-switch" aria-pressed={roots} onClick={setRoots}>
          Roots only
        </button>
      </div>
      <FilterBox
        value={filter}
        fault={fault}
        known={shown ? { ...names, ...knownRuns(allRuns(shown.list)) } : names}
        onVisit={() => setVisited(true)}
        saved={saved}
        onSave={toggleSaved}
        onChange={(text, how) => change({ filter: text }, how)}
      />
      {shown && (list || fault || error === null) ? (
        <RunTable
          key={shown.question}
          project={project}
          list={shown.list}
          sort={sort}
          stale={!list}
          opened={query.getAll('open')}
          onOpen={(open) => change({ open })}
          onSort={(next) => change({ sort: next === '-last' ? null : next })}
          onTerm={(key, value) => change({ filter: toggleTerm(filter, key, value) }, 'push')}
          onEnd={loadMore}
          onInView={setInView}
          empty={
            shown.list.indexing ? (
              <IndexingNotice indexing={shown.list.indexing} />
            ) : (
              <Empty filtered={filter !== ''} onClear={clear} />
            )
          }
        />
      ) : fault ? (
        <Notice title="The server does not understand this filter">
          <ShowAll onClick={clear} />
        </Notice>
      ) : (
        <NoData what="the runs" error={error} retry={() => void retry()} />
      )}
    </div>
  );
}

interface Shown {
  readonly list: RunList;
  readonly question: string;
}

/* Until the answer to another question is there, and where there is none as the filter is wrong, the last list stays on the screen. */
function useLastGood(list: RunList | undefined, question: string): Shown | null {
  const [good, setGood] = useState<Shown | null>(null);
  useEffect(() => {
    if (list) setGood({ list, question });
  }, [list, question]);
  return list ? { list, question } : good;
}

interface CountProps {
  readonly list: RunList;
  readonly filtered: boolean;
  readonly roots: boolean;
}

function Count({ list, filtered, roots }: CountProps) {
  const noun = roots ? 'root run' : 'run';
  if (list.total !== null) return <>{`${plural(list.total, noun)}${filtered ? ' found' : ''}`}</>;
  const loaded = allRuns(list).length;
  return <>{list.next === null ? `${plural(loaded, noun)} found` : `${formatCount(loaded)}+ ${noun}s`}</>;
}

interface EmptyProps {
  readonly filtered: boolean;
  readonly onClear: () => void;
}

function Empty({ filtered, onClear }: EmptyProps) {
  return filtered ? (
    <Notice title="No run fits this filter">
      <ShowAll onClick={onClear} />
    </Notice>
  ) : (
    <Notice title="No runs in this project">
      <p>
        They appear here by themselves. <Link to={projectsPath()}>All projects</Link>
      </p>
    </Notice>
  );
}

function ShowAll({ onClick }: { readonly onClick: () => void }) {
  return (
    <button type="button" className="button" onClick={onClick}>
      Show all runs
    </button>
  );
}

/* Of ids the field offers those that are here: there may be a hundred thousand. */
function knownRuns(runs: readonly RunSummary[]): KnownValues {
  return {
    app: runs.map((run) => run.app_id),
    parent: runs.filter((run) => run.child_count > 0).map((run) => run.app_id),
  };
}
