// SPDX-License-Identifier: GPL-3.0-or-later
import type { ComponentChildren } from 'preact'
import { Scrollable } from './scrollable.tsx'

/** Name of a column, and what a row has in it. */
export type Column<T> = readonly [name: string, cell: (row: T, index: number) => ComponentChildren]

/** Rows of one kind, each with the same columns, in a table that may be wider than the window. */
export function Table<T>({
  label,
  columns,
  rows,
  keyOf,
}: {
  readonly label: string
  readonly columns: readonly Column<T>[]
  readonly rows: readonly T[]
  readonly keyOf: (row: T, index: number) => string
}) {
  return (
    <Scrollable label={label}>
      <table>
        <thead>
          <tr>
            {columns.map(([name]) => (
              <th key={name} scope="col">
                {name}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {rows.map((row, i) => (
            <tr key={keyOf(row, i)}>
              {columns.map(([name, cell]) => (
                <td key={name}>{cell(row, i)}</td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </Scrollable>
  )
}
