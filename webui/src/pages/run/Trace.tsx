/* An exception's text: the line that names the error, then where it came from. */
import { readTraceback } from '../../model/traceback';
import { CopyButton } from '../../ui/CopyButton';

export function Trace({ text }: { readonly text: string }) {
  const trace = readTraceback(text);
  return (
    <>
      <p className="trace-headline">
        <bdi>{trace.headline}</bdi>
        <CopyButton className="json-more" label="copy all" text={() => text} />
      </p>
      {trace.lines.length > 1 && (
        <pre dir="ltr">
          {trace.lines.map((line, index) =>
            line.kind === 'frame' ? (
              <div key={index} className="frame">
                <span className="dim">{line.file}</span>:{line.line} <b>{line.where}</b>
              </div>
            ) : (
              <div key={index} className="trace-text">
                {line.text || ' '}
              </div>
            ),
          )}
        </pre>
      )}
    </>
  );
}
