// SPDX-License-Identifier: GPL-3.0-or-later
// Ties a deployment's journal to one chain, so that the journal of an earlier local node is not resumed on a new one.
import { mkdir, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
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

/** The journal belongs to another chain. Nothing was changed. */
export class ForeignJournalError extends Error {
  override readonly name = 'ForeignJournalError'
  readonly exitCode = 78
}

/** Ignition's own list of the contracts it deployed, by future. */
const ADDRESSES = 'deployed_addresses.json'

/**
 * Opens the journal folder for a chain. Marks a new folder with the chain's genesis; in an existing one, checks the genesis and that the
 * listed contracts exist. Removes the journal of another development chain, because that chain is gone. Throws ForeignJournalError for the
 * journal of any other chain.
 */
export async function openJournal(
  folder: string,
  chain: ChainState,
  hasCode: (address: string) => Promise<boolean>,
): Promise<ChainState> {
  const file = join(folder, 'chain.json')
  const marked = await readJson(file)
  if (marked === null) {
    const entries = await readdir(folder).catch(() => [])
    if (entries.length > 0) {
      throw new ForeignJournalError(`${folder} holds something else than a journal: name another folder with --state`)
    }
  } else {
    const found = schema.parse(marked)
    const same = found.chainId === chain.chainId && found.genesis === chain.genesis
    // The genesis alone is not enough: development chains that start in the same second have the same one.
    if (same && (await allExist(folder, hasCode))) return found
    if (found.chainId !== DEVELOPMENT_CHAIN || chain.chainId !== DEVELOPMENT_CHAIN) {
      throw new ForeignJournalError(
        `the journal in ${folder} belongs to chain ${found.chainId} with genesis ${found.genesis}, ` +
          `not to ${same ? 'this chain, which lacks its contracts' : `chain ${chain.chainId} with genesis ${chain.genesis}`}: ` +
          'name another folder with --state',
      )
    }
    await rm(folder, { recursive: true })
  }
  await writeAtomically(file, schema.parse(chain))
  return chain
}

async function allExist(folder: string, hasCode: (address: string) => Promise<boolean>): Promise<boolean> {
  const addresses = z.record(z.string(), z.string()).parse((await readJson(join(folder, ADDRESSES))) ?? {})
  for (const address of Object.values(addresses)) if (!(await hasCode(address))) return false
  return true
}

/** The content of a JSON file, or null if there is no file. */
async function readJson(file: string): Promise<unknown> {
  try {
    return JSON.parse(await readFile(file, 'utf8'))
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null
    throw error
  }
}

/** Writes a JSON file completely or not at all. */
export async function writeAtomically(file: string, value: unknown): Promise<void> {
  await mkdir(dirname(file), { recursive: true })
  const temporary = `${file}.${process.pid}.tmp`
  await writeFile(temporary, `${JSON.stringify(value, null, 2)}\n`)
  await rename(temporary, file)
}
