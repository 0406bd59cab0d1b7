/* A list of objects with the same plain fields. */
import { useState } from 'react';
import { formatCount } from '../base/number';
import { brief, type Table } from '../model/exact';

const ROWS_SHOWN = 50;
const CELL_MOST = 200;

export function ValueTable({ table }: { readonly table: Table }) {
  const [shown, setShown] = useState(ROWS_SHOWN);
  const left = table.rows.length - shown;
  return (
    <div className="value-table" tabIndex={0} role="group" aria-label="Table">
      <table>
        <thead>
          <tr>
            <th className="index" aria-label="Index" />
            {table.columns.map((name) => (
              <th key={name}>
                <bdi>{name}</bdi>
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {table.rows.slice(0, shown).map((row, index) => (
            <tr key={index}>
              <td className="index">{index}</td>
              {table.columns.map((name) => {
                const cell = row.get(name);
                const text =
                  typeof cell === 'string' ? cell : cell === undefined ? '' : brief(cell, CELL_MOST);
                return (
                  <td key={name} className={typeof cell === 'number' ? 'num' : undefined} title={text}>
                    <bdi>{text}</bdi>
                  </td>
                );
              })}
            </tr>
          ))}
        </tbody>
      </table>
      {left > 0 && (
        <button type="button" className="json-more" onClick={() => setShown(shown + ROWS_SHOWN * 5)}>
          Show more ({formatCount(left)} left)
        </button>
      )}
    </div>
  );
}
