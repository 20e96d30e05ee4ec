// SPDX-License-Identifier: GPL-3.0-or-later
import type { ComponentChildren } from 'preact'
import { useState } from 'preact/hooks'
import type { Connection } from '../chain/connection.ts'
import type { PageOf, PageTerms } from '../chain/count.ts'
import { Show, useLoaded } from './async.tsx'
import { Pages } from './pages.tsx'
import { type Column, Table } from './table.tsx'

/** A list of what a contract has, the newest first, a page at a time, read anew with each block. */
export function Listing<T>({
  connection,
  label,
  what,
  none,
  page,
  read,
  columns,
  keyOf,
}: {
  readonly connection: Connection
  /** Of the table. */
  readonly label: string
  /** Of the message while it is read: "the jobs". */
  readonly what: string
  /** In place of an empty table. */
  readonly none: ComponentChildren
  /** Rows that are shown at once. */
  readonly page: number
  readonly read: (terms: PageTerms) => Promise<PageOf<T>>
  readonly columns: readonly Column<T>[]
  readonly keyOf: (row: T) => string
}) {
  const { block } = connection.head.value
  const [skip, setSkip] = useState(0)
  const list = useLoaded(() => read({ count: page, skip }), [skip], block)
  return (
    <Show loaded={list} what={what}>
      {({ count, rows }) =>
        count === 0 ? (
          <p>{none}</p>
        ) : (
          <>
            <Table {...{ label, columns, rows, keyOf }} />
            <Pages {...{ count, page, skip }} onSkip={setSkip} />
          </>
        )
      }
    </Show>
  )
}
