// SPDX-License-Identifier: GPL-3.0-or-later
// Ties a deployment's journal to one chain, so that the journal of yesterday's local node is not resumed on today's.
import { mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { z } from 'zod'

/** Chain id of Hardhat's own development chains, which vanish with their process. */
const DEVELOPMENT_CHAIN = 31337

const schema = z.strictObject({
  chainId: z.int().positive(),
  genesis: z.string().regex(/^0x[0-9a-f]{64}$/),
  /** Height of the chain when the deployment began. */
  fromBlock: z.int().nonnegative(),
})

export type ChainState = z.infer<typeof schema>

/** A journal that belongs to another chain; nothing was touched. */
export class ForeignJournalError extends Error {
  override readonly name = 'ForeignJournalError'
  readonly exitCode = 78
}

/**
 * Opens the journal folder for a chain: a new one is marked with the chain's genesis, a known one is checked. A journal
 * of another development chain is removed (that chain is gone); of any other chain, ForeignJournalError.
 */
export async function openJournal(folder: string, chain: ChainState): Promise<ChainState> {
  const file = join(folder, 'chain.json')
  const found = await readFile(file, 'utf8').then(
    (text) => schema.parse(JSON.parse(text)),
    (error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') return null
      throw error
    },
  )
  if (found !== null) {
    if (found.chainId === chain.chainId && found.genesis === chain.genesis) return found
    if (found.chainId !== DEVELOPMENT_CHAIN || chain.chainId !== DEVELOPMENT_CHAIN) {
      throw new ForeignJournalError(
        `the journal in ${folder} belongs to chain ${found.chainId} with genesis ${found.genesis}, ` +
          `not to chain ${chain.chainId} with genesis ${chain.genesis}: name another folder with --state`,
      )
    }
  }
  // Also a folder without chain.json is cleared: it was left by a run that had not sent anything yet.
  await rm(folder, { recursive: true, force: true })
  await writeAtomically(file, schema.parse(chain))
  return chain
}

/** Writes JSON whole or not at all. */
export async function writeAtomically(file: string, value: unknown): Promise<void> {
  await mkdir(dirname(file), { recursive: true })
  const temporary = `${file}.${process.pid}.tmp`
  await writeFile(temporary, `${JSON.stringify(value, null, 2)}\n`)
  await rename(temporary, file)
}
