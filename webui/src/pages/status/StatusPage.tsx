/* The collector as its owner sees it: what comes in, what waits, what went wrong. Asked for every two seconds while it is looked at. */
import { useQuery } from '@tanstack/react-query';
import { useState, type ReactNode } from 'react';
import { Link } from 'react-router-dom';
import { get } from '../../api/client';
import { formatBytes, formatCount, plural } from '../../base/number';
import { formatDuration, parseTime } from '../../base/time';
import type { Status } from '../../model/api';
import { recordRate, troublesOf } from '../../model/collector';
import { runPath } from '../../state/links';
import { useChanges } from '../../state/queries';
import { CopyButton } from '../../ui/CopyButton';
import { TimeText } from '../../ui/TimeText';
import { NoData, StaleBar } from '../QueryStates';
import { useTitle } from '../useTitle';
import './status.css';

const EVERY_MS = 2000;

export default function StatusPage() {
  useTitle('Status · burr');
  const { data, dataUpdatedAt, error, refetch } = useQuery({
    queryKey: ['status'],
    queryFn: ({ signal }) => get('/api/v1/status', {}, signal),
    refetchInterval: EVERY_MS,
  });
  /* So that the frame can say whether the server is there. */
  useChanges('projects', () => Promise.resolve());
  const rate = useRate(data, dataUpdatedAt);
  const retry = () => void refetch();
  if (data === undefined) return <NoData what="the status" error={error} retry={retry} />;
  return (
    <>
      <StaleBar error={error} retry={retry} />
      <div className="page status-page">
        <div className="page-head">
          <h1>Status</h1>
          <span className="dim">
            burr {data.version}, up {formatDuration(data.uptime_s * 1e6)}
          </span>
        </div>
        <Troubles status={data} />
        <div className="status-groups">
          <Ingest status={data} rate={rate} />
          <Losses status={data} />
          <Index status={data} />
          <Server status={data} />
        </div>
      </div>
    </>
  );
}

/* The rate between the two newest answers. */
function useRate(status: Status | undefined, atMs: number): number | null {
  const [seen, setSeen] = useState<{
    readonly status: Status;
    readonly atMs: number;
    readonly rate: number | null;
  } | null>(null);
  if (status && status !== seen?.status) {
    const rate = recordRate(seen, { status, atMs });
    setSeen({ status, atMs, rate });
    return rate;
  }
  return seen?.rate ?? null;
}

function Troubles({ status }: { readonly status: Status }) {
  const troubles = troublesOf(status);
  if (troubles.length === 0 && status.trouble === '')
    return <p className="all-well">All is well: nothing was lost, and nothing waits for a person.</p>;
  return (
    <section className="troubles" aria-label="Troubles">
      <ul>
        {troubles.map((text) => (
          <li key={text}>{text}</li>
        ))}
      </ul>
      {status.trouble !== '' && (
        <p>
          The last reason why something was not stored: <code>{status.trouble}</code>
        </p>
      )}
      {status.later_apps.length > 0 && (
        <ul className="later-apps">
          {status.later_apps.map((app) => (
            <li key={`${app.project}/${app.app_id}`}>
              <Link to={runPath(app.project, app.app_id)}>
                <bdi>{app.project}</bdi> / <bdi>{app.app_id}</bdi>
              </Link>
              , since <TimeText time={parseTime(app.since)} />: {app.reason}
            </li>
          ))}
        </ul>
      )}
    </section>
  );
}

interface GroupProps {
  readonly title: string;
  readonly children: ReactNode;
}

function Group({ title, children }: GroupProps) {
  return (
    <section className="status-group">
      <h2>{title}</h2>
      <dl>{children}</dl>
    </section>
  );
}

interface FactProps {
  readonly name: string;
  readonly hint: string;
  /** It should be 0. */
  readonly bad?: boolean;
  readonly children: ReactNode;
}

function Fact({ name, hint, bad = false, children }: FactProps) {
  return (
    <div className="status-fact" title={hint}>
      <dt>{name}</dt>
      <dd className={bad ? 'error' : ''}>{children}</dd>
    </div>
  );
}

interface CountProps {
  readonly name: string;
  readonly hint: string;
  readonly of: number;
  readonly shouldBeNone?: boolean;
}

function Count({ name, hint, of, shouldBeNone = false }: CountProps) {
  return (
    <Fact name={name} hint={hint} bad={shouldBeNone && of > 0}>
      {formatCount(of)}
    </Fact>
  );
}

function Ingest({ status, rate }: { readonly status: Status; readonly rate: number | null }) {
  return (
    <Group title="Coming in">
      <Count name="Connected processes" hint="Connections of applications, now" of={status.writers} />
      <Fact name="Records a second" hint="Over the last two seconds">
        {rate === null ? '–' : formatCount(Math.round(rate))}
      </Fact>
      <Count name="Records" hint="Taken since the start" of={status.records} />
      <Count name="Batches" hint="In which they came" of={status.batches} />
      <Fact name="Volume" hint="Of these batches">
        {formatBytes(status.bytes)}
      </Fact>
      <Count
        name="Put off"
        hint="Times that a record could not be stored yet, and was tried again"
        of={status.later}
      />
    </Group>
  );
}

function Losses({ status }: { readonly status: Status }) {
  return (
    <Group title="Lost and found">
      <Count
        name="Dropped"
        hint="Records that applications said they had to drop"
        of={status.dropped}
        shouldBeNone
      />
      <Count name="Lost" hint="Records whose side file was gone" of={status.lost} shouldBeNone />
      <Count name="Not storable" hint="Records that can never be stored" of={status.never} shouldBeNone />
      <Count name="No JSON" hint="Records with a value that was no JSON" of={status.invalid} shouldBeNone />
      <Count
        name="No messages"
        hint="What came in and was no message of a tracker"
        of={status.refused}
        shouldBeNone
      />
      <Count
        name="Recovered"
        hint="Records taken out of what dead or stopped applications left"
        of={status.recovered}
      />
      <Count
        name="Spool files"
        hint="Of living applications, and those that could not be emptied"
        of={status.spools}
      />
      <Count name="Set aside" hint="Spool files that were none" of={status.aside} shouldBeNone />
    </Group>
  );
}

function Index({ status }: { readonly status: Status }) {
  const { ready, waiting, indexed, failed } = status.index;
  return (
    <Group title="Index">
      <Fact name="State" hint="Whether all that was there at the start is indexed">
        {ready ? 'ready' : 'being made'}
      </Fact>
      <Count name="Runs behind" hint="Runs still to be looked at" of={waiting} />
      <Count name="Lines indexed" hint="Since the start" of={indexed} />
      <Count name="Unreadable runs" hint="Runs whose log could not be read" of={failed} shouldBeNone />
    </Group>
  );
}

const DURABILITY: Readonly<Record<Status['durability'], string>> = {
  os: 'the kernel decides when records reach the disk',
  group: 'a power loss takes at most 100 ms of records',
  power: 'a power loss takes nothing that was acknowledged',
};

function Server({ status }: { readonly status: Status }) {
  const { clients, listeners, queued, requests, refused } = status.http;
  return (
    <Group title="This collector">
      <Fact name="Store" hint={status.store}>
        <code className="cut">{status.store}</code>
        <CopyButton className="json-more" label="copy" text={() => status.store} />
      </Fact>
      <Fact name="Address" hint={status.url}>
        <code className="cut">{status.url}</code>
      </Fact>
      <Fact name="Durability" hint={DURABILITY[status.durability]}>
        {status.durability}
      </Fact>
      <Fact name="Started" hint="When">
        <TimeText time={parseTime(status.started)} />
      </Fact>
      <Fact name="Process" hint="Its number">
        {status.pid}
      </Fact>
      <Fact
        name="Connections"
        hint="Of browsers and other clients, now; and how many of them listen to what changes"
      >
        {formatCount(clients)}, {plural(listeners, 'event stream')}
      </Fact>
      <Count name="Requests" hint="Since the start" of={requests} />
      <Count name="Requests waiting" hint="Now" of={queued} />
      <Count name="Requests refused" hint="For want of room" of={refused} shouldBeNone />
    </Group>
  );
}
