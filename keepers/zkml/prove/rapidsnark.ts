// SPDX-License-Identifier: GPL-3.0-or-later
// Proving with a rapidsnark binary, when the operator has one: `<binary> key.zkey witness.wtns proof.json public.json`.
import { execFile } from 'node:child_process'
import { access, constants, mkdtemp, open, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { parseZkey, type ZkeyHeader } from '../setup/zkey.ts'
import { type ProveOptions, type Prover, type ProverBackend, readKey } from './backend.ts'
import { ProveError } from './errors.ts'
import { type ProofWithSignals, parseProof, parsePublicSignals } from './proof.ts'
import { encodeWitnessFile, witnessOf } from './witness-file.ts'

const run = promisify(execFile)

/** The binary is named by the operator, never searched for. Witnesses pass through a private temporary folder. */
export function rapidsnarkBackend(binary: string): ProverBackend {
  return {
    name: 'rapidsnark',
    async open(key, options) {
      await access(binary, constants.X_OK).catch((error) => {
        throw new ProveError('backend-failed', `rapidsnark: ${binary} cannot be executed; check the configured path`, {
          cause: error,
        })
      })
      const bytes = await readKey(key)
      const name = key instanceof Uint8Array ? 'zkey' : typeof key === 'string' ? key : key.name
      const { header } = parseZkey(bytes, name)
      options?.signal?.throwIfAborted()
      const folder = await mkdtemp(join(tmpdir(), 'cohort-prove-'))
      // Of an open file the binary gets a copy of its own: its name may be another file's by now.
      const path = typeof key === 'string' ? key : join(folder, 'key.zkey')
      if (typeof key !== 'string') await writeFile(path, bytes, { mode: 0o600 })
      return new RapidsnarkProver(binary, path, folder, header)
    },
  }
}

class RapidsnarkProver implements Prover {
  readonly backend = 'rapidsnark'
  readonly variables: number
  readonly publicSignals: number
  readonly #binary: string
  readonly #key: string
  readonly #folder: string
  #queue: Promise<unknown> = Promise.resolve()
  #calls = 0

  constructor(binary: string, key: string, folder: string, header: ZkeyHeader) {
    this.#binary = binary
    this.#key = key
    this.#folder = folder
    this.variables = header.variables
    this.publicSignals = header.publicSignals
  }

  prove(witness: Uint8Array, options: ProveOptions = {}): Promise<ProofWithSignals> {
    const proof = this.#queue.then(() => this.#prove(witness, options))
    this.#queue = proof.catch(() => undefined)
    return proof
  }

  async close(): Promise<void> {
    await this.#queue
    await rm(this.#folder, { recursive: true, force: true })
  }

  async #prove(witness: Uint8Array, { signal }: ProveOptions): Promise<ProofWithSignals> {
    signal?.throwIfAborted()
    const file = encodeWitnessFile(witnessOf(witness, this.variables))
    const call = String(this.#calls++)
    const path = (name: string) => join(this.#folder, `${call}.${name}`)
    const files = [path('wtns'), path('proof.json'), path('public.json')] as const
    try {
      const handle = await open(files[0], 'wx', 0o600)
      await handle.writeFile(file)
      await handle.close()
      await run(this.#binary, [this.#key, ...files], signal === undefined ? {} : { signal }).catch((error: unknown) => {
        signal?.throwIfAborted()
        const { stderr } = error as { stderr?: string }
        const said = stderr?.trim().split('\n').at(-1) ?? String(error)
        throw new ProveError('backend-failed', `rapidsnark: ${said}`, { cause: error })
      })
      const read = async (path: string) => JSON.parse(await readFile(path, 'utf8')) as unknown
      const proof = (await read(files[1])) as object
      // rapidsnark leaves the name of the curve out.
      return {
        proof: parseProof({ curve: 'bn128', ...proof }),
        publicSignals: parsePublicSignals(await read(files[2])),
      }
    } finally {
      await Promise.all(files.map((path) => rm(path, { force: true })))
    }
  }
}
