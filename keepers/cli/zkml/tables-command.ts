// SPDX-License-Identifier: GPL-3.0-or-later
// tables: multiples of a key's points beside it.
import { openFolder, readFolderKey, type TablesWritten, writeTables } from '../../zkml/index.ts'
import { type Terminal, withTerminal } from './terminal.ts'

type TablesCommandOptions = { readonly size?: number; readonly threads?: number; readonly json?: boolean }

export async function tablesCommand(folder: string, options: TablesCommandOptions): Promise<void> {
  await withTerminal(options, async (terminal) => {
    const written = await tablesOf(folder, options, terminal)
    terminal.result(written, tablesText(written))
  })
}

/** Makes the tables. Checks the folder's key first, because nothing would refuse tables of a damaged key. */
export async function tablesOf(
  folder: string,
  { size, threads }: TablesCommandOptions,
  terminal: Pick<Terminal, 'progress' | 'signal'>,
): Promise<TablesWritten> {
  const { path } = await readFolderKey(await openFolder(folder))
  return writeTables(path, {
    signal: terminal.signal,
    ...(size === undefined ? {} : { mib: size }),
    ...(threads === undefined ? {} : { threads }),
    onProgress: ({ query, done, total }) => terminal.progress(`table ${query} ${Math.floor((100 * done) / total)} %`),
  })
}

export function tablesText({ path, bytes, tables }: TablesWritten): string {
  const mib = (count: number) => `${(count / 2 ** 20).toFixed(1)} MiB`
  const lines = tables.map(({ query, bytes: size, additions }) => {
    const saved = Math.round(100 * (1 - additions.with / additions.without))
    return `  ${query.padEnd(3)}${mib(size).padStart(10)}  ${saved} % fewer additions, as counted`
  })
  const none = 'No query gains within this size; the file is empty of points.'
  return [`${path}  ${mib(bytes)}`, ...(lines.length === 0 ? [none] : lines)].join('\n')
}
