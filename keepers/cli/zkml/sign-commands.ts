// SPDX-License-Identifier: GPL-3.0-or-later
// sign-key, sign: the commands of a publisher of private content. Keys and signed inputs are secret; no message quotes them.
import { randomBytes } from 'node:crypto'
import { open, readFile } from 'node:fs/promises'
import {
  type ContentSignature,
  commitInput,
  eddsaMaterial,
  eddsaPublicKey,
  encodeInput,
  openFolder,
  randomSalt,
  SEED_BYTES,
  signContent,
  signedCommitment,
} from '../../zkml/index.ts'
import { readInput, writeInput } from './samples.ts'
import { badData, usage, withTerminal } from './terminal.ts'
import { visibilityText } from './visibility.ts'

export async function signKeyCommand(options: { readonly out: string; readonly json?: boolean }): Promise<void> {
  await withTerminal(options, async (terminal) => {
    const seed = randomBytes(SEED_BYTES)
    const handle = await open(options.out, 'wx', 0o600).catch((error: NodeJS.ErrnoException) => {
      // A key that stands in a registry cannot be drawn again.
      throw error.code === 'EEXIST' ? usage(`${options.out} exists, and is not replaced`) : error
    })
    try {
      await handle.writeFile(`0x${seed.toString('hex')}\n`)
      await handle.sync()
    } finally {
      await handle.close()
    }
    const material = eddsaMaterial(eddsaPublicKey(seed))
    terminal.result(
      { key: options.out, kind: 'EddsaPoseidon', material },
      `${options.out}: keep it secret\nEddsaPoseidon  ${material}`,
    )
  })
}

export async function signCommand(
  folder: string,
  options: {
    readonly input: string
    readonly index?: number
    readonly tag: bigint
    readonly key: string
    readonly out: string
    readonly json?: boolean
  },
): Promise<void> {
  await withTerminal(options, async (terminal) => {
    const seed = await readKey(options.key)
    const { manifest, program } = await openFolder(folder)
    if (manifest.input !== 'signed') {
      throw usage(
        `the circuit in ${folder} shows its input as ${visibilityText(manifest.input)}; compile with --input signed`,
      )
    }
    const { input, integers } = await readInput(options.input, options.index)
    const encoded = integers ? input : encodeInput(program, input)
    const salt = randomSalt()
    const signed = signContent(seed, commitInput(encoded, program.input, salt), options.tag)
    await writeInput(options.out, { input: encoded, salts: { input: salt }, signed })
    const shown = signedCommitment(signed.publicKey, signed.tag)
    terminal.result(
      { out: options.out, material: eddsaMaterial(signed.publicKey), inputCommitment: String(shown) },
      `${options.out}: for the prover, and nobody else\ninput commitment  ${shown}`,
    )
  })
}

/** Signed content as integers, with the salt of its commitment. */
export type Signed = {
  readonly input: ArrayLike<number>
  readonly salt: bigint
  readonly signed: ContentSignature
}

/** Reads the output of `sign`. @throws an error with exit code 65 naming the missing field */
export async function readSigned(path: string): Promise<Signed> {
  if (!path.endsWith('.json')) throw usage(`${path}: signed content is a .json file`)
  const { input, integers, salts, signed } = await readInput(path, undefined)
  if (signed === undefined || salts.input === undefined || !integers) {
    throw badData(`${path} holds no signed content: integers, the input's salt and a signature`)
  }
  return { input, salt: salts.input, signed }
}

/** The seed in a key file. @throws an error with exit code 65 that does not quote the file */
export async function readKey(path: string): Promise<Uint8Array> {
  const text = await readFile(path, 'utf8')
  if (!/^0x[0-9a-f]{64}\s*$/.test(text)) throw badData(`${path} holds no key of cohort zkml sign-key`)
  return Buffer.from(text.trim().slice(2), 'hex')
}
