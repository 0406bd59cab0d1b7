import { Link, useNavigate } from 'react-router-dom';
import { formatCount, plural } from '../../base/number';
import { parseTime } from '../../base/time';
import type { Indexing, RunStatus } from '../../model/api';
import {
  arrangeProjects,
  dayOf,
  projectKind,
  type Day,
  type Project,
  type ProjectSort,
} from '../../model/project';
import { filePath, runsPath } from '../../state/links';
import { useActivity, useNow, useProjects } from '../../state/queries';
import { useUrlQuery } from '../../state/url';
import { Bars } from '../../ui/Bars';
import { FilterField } from '../../ui/FilterField';
import { Notice } from '../../ui/Notice';
import { SortHeader } from '../../ui/SortHeader';
import { Status } from '../../ui/Status';
import { TimeText } from '../../ui/TimeText';
import { IndexingNote, IndexingNotice } from '../Indexing';
import { NoData, StaleBar } from '../QueryStates';
import { useRowKeys } from '../useRowKeys';
import { useTitle } from '../useTitle';
import { FirstStart } from './FirstStart';

export function ProjectsPage() {
  useTitle('Projects · burr');
  const { data, error, refetch } = useProjects();
  const retry = () => void refetch();
  if (data === undefined) return <NoData what="projects" error={error} retry={retry} />;
  const { projects, indexing } = data;
  return (
    <>
      <StaleBar error={error} retry={retry} />
      {projects.length > 0 ? (
        <ProjectTable projects={projects} indexing={indexing} />
      ) : indexing ? (
        <IndexingNotice indexing={indexing} />
      ) : (
        <FirstStart />
      )}
    </>
  );
}

function readSort(text: string | null): ProjectSort {
  return text === 'name' || text === 'runs' || text === 'failed' ? text : 'activity';
}

const COLUMNS: readonly (readonly [sort: ProjectSort | null, word: string, className: string])[] = [
  ['name', 'Project', ''],
  [null, 'Last 24 hours', 'cell-day'],
  ['failed', 'Failed, lost, running', 'cell-statuses'],
  ['runs', 'Runs', 'num'],
  ['activity', 'Last activity', 'num'],
];

interface TableProps {
  readonly projects: readonly Project[];
  readonly indexing: Indexing | null;
}

function ProjectTable({ projects, indexing }: TableProps) {
  const [query, change] = useUrlQuery();
  const filter = query.get('q') ?? '';
  const sort = readSort(query.get('sort'));
  const shown = arrangeProjects(projects, filter, sort);
  const { data: activity } = useActivity();
  const now = useNow(10_000);
  const navigate = useNavigate();
  const active = useRowKeys(
    shown.map(({ name }) => name),
    {
      open: (index) => {
        const project = shown[index];
        if (project) navigate(runsPath(project.name));
      },
      reveal: (index) =>
        document.querySelectorAll('.projects .row-link')[index]?.scrollIntoView({ block: 'nearest' }),
    },
  );
  return (
    <div className="page">
      <div className="page-head">
        <h1>Projects</h1>
        <span className="dim" role="status">
          {filter === ''
            ? plural(projects.length, 'project')
            : `${formatCount(shown.length)} of ${formatCount(projects.length)}`}
        </span>
        <IndexingNote indexing={indexing} />
        <FilterField
          className="grow"
          label="Find a project"
          placeholder="Find a project"
          shortcut="/"
          value={filter}
          onChange={(value) => change({ q: value })}
        />
      </div>
      <div className="table projects" role="table" aria-label="Projects">
        <div className="table-head table-row" role="row">
          {COLUMNS.map(([column, word, className]) =>
            column === null ? (
              <span key={word} role="columnheader" className={className}>
                {word}
              </span>
            ) : (
              <SortHeader
                key={word}
                className={className}
                direction={sort !== column ? null : column === 'name' ? 'ascending' : 'descending'}
                onSort={() => change({ sort: column === 'activity' ? null : column })}
              >
                {word}
              </SortHeader>
            ),
          )}
        </div>
        {shown.map((project, index) => (
          <div
            key={project.name}
            className="table-row"
            role="row"
            data-active={index === active || undefined}
          >
            <ProjectCells project={project} day={activity && dayOf(activity, project.name)} now={now} />
          </div>
        ))}
      </div>
      {shown.length === 0 && (
        <Notice title="No project matches">
          <button type="button" className="button" onClick={() => change({ q: null })}>
            Show all {formatCount(projects.length)}
          </button>
        </Notice>
      )}
      <p className="dim aside">
        A run from elsewhere: drop its <code>log.jsonl</code> on any page, or{' '}
        <Link to={filePath()}>choose it</Link>.
      </p>
    </div>
  );
}

/* What somebody looks for who opens the page: trouble, and what goes on. */
const TOLD: readonly RunStatus[] = ['failed', 'lost', 'running'];

interface CellsProps {
  readonly project: Project;
  readonly day: Day | undefined;
  readonly now: number;
}

function ProjectCells({ project, day, now }: CellsProps) {
  const kind = projectKind(project.name);
  return (
    <>
      <span role="cell" className="with-chip">
        <Link className="row-link cut" to={runsPath(project.name)} title={project.name}>
          <bdi>{project.name}</bdi>
        </Link>
        {kind !== 'own' && <span className="chip">{kind}</span>}
      </span>
      <span role="cell" className="cell-day">
        {day && day.runCount > 0 && (
          <Bars
            bars={day.hours.map((hour) => ({ whole: hour.runCount, part: hour.failedCount }))}
            label={`${plural(day.runCount, 'run')} active in the last 24 hours, ${formatCount(day.failedCount)} failed or lost`}
          />
        )}
      </span>
      <span role="cell" className="cell-statuses">
        {TOLD.filter((status) => project.statuses[status] > 0).map((status) => (
          <Link
            key={status}
            to={`${runsPath(project.name)}?filter=status:${status}`}
            className="status-count"
          >
            <Status kind={status} /> {formatCount(project.statuses[status])}
          </Link>
        ))}
      </span>
      <span role="cell" className="num">
        {formatCount(project.run_count)}
      </span>
      <span role="cell" className="num dim">
        <TimeText time={parseTime(project.last_activity)} now={now} />
      </span>
    </>
  );
}
