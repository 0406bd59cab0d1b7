import { Link, useNavigate } from 'react-router-dom';
import { formatCount, plural } from '../../base/number';
import { arrangeProjects, projectKind, type ProjectSort } from '../../model/project';
import type { Project } from '../../model/types';
import { runsPath } from '../../state/links';
import { useNow, useProjects } from '../../state/queries';
import { useUrlQuery } from '../../state/url';
import { FilterField } from '../../ui/FilterField';
import { Notice } from '../../ui/Notice';
import { TimeText } from '../../ui/TimeText';
import { NoData, StaleBar } from '../QueryStates';
import { useRowKeys } from '../useRowKeys';
import { useTitle } from '../useTitle';
import { FirstStart } from './FirstStart';

export function ProjectsPage() {
  useTitle('Projects · burr');
  const { data, error, refetch } = useProjects();
  const retry = () => void refetch();
  if (data === undefined) return <NoData what="projects" error={error} retry={retry} />;
  return (
    <>
      <StaleBar error={error} retry={retry} />
      {data.length === 0 ? <FirstStart /> : <ProjectTable projects={data} />}
    </>
  );
}

function readSort(text: string | null): ProjectSort {
  return text === 'name' || text === 'runs' ? text : 'activity';
}

function ProjectTable({ projects }: { readonly projects: readonly Project[] }) {
  const [query, change] = useUrlQuery();
  const filter = query.get('q') ?? '';
  const sort = readSort(query.get('sort'));
  const shown = arrangeProjects(projects, filter, sort);
  const now = useNow(10_000);
  const navigate = useNavigate();
  const active = useRowKeys(shown.length, (index) => {
    const project = shown[index];
    if (project) navigate(runsPath(project.id));
  });
  const heading = (by: ProjectSort, word: string, className = '') => (
    <span
      role="columnheader"
      aria-sort={sort === by ? (by === 'name' ? 'ascending' : 'descending') : 'none'}
      className={className}
    >
      <button type="button" onClick={() => change({ sort: by === 'activity' ? null : by })}>
        {word}
        <span aria-hidden="true">{sort === by ? (by === 'name' ? ' ↑' : ' ↓') : ''}</span>
      </button>
    </span>
  );
  return (
    <div className="page">
      <div className="page-head">
        <h1>Projects</h1>
        <span className="dim">
          {filter === ''
            ? plural(projects.length, 'project')
            : `${formatCount(shown.length)} of ${formatCount(projects.length)}`}
        </span>
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
          {heading('name', 'Project')}
          {heading('runs', 'Runs', 'num')}
          {heading('activity', 'Last activity', 'num')}
        </div>
        {shown.map((project, index) => (
          <div key={project.id} className="table-row" role="row" data-active={index === active || undefined}>
            <span role="cell" className="with-chip">
              <Link className="row-link cut" to={runsPath(project.id)}>
                <bdi>{project.name}</bdi>
              </Link>
              {projectKind(project.name) !== 'own' && (
                <span className="chip">{projectKind(project.name)}</span>
              )}
            </span>
            <span role="cell" className="num">
              {formatCount(project.runCount)}
            </span>
            <span role="cell" className="num dim">
              <TimeText time={project.lastActivity} now={now} />
            </span>
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
    </div>
  );
}
