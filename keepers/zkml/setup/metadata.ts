// SPDX-License-Identifier: GPL-3.0-or-later
// The file beside a proving key that says where it came from: `<key>.zkey.json`.
import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { z } from 'zod'
import { parseJson } from '../json.ts'
import { type Part, piecesOf } from '../parts.ts'
import { SetupError } from './errors.ts'
import { writeAtomically } from './section-file.ts'

const hex = (bytes: number) => z.string().regex(new RegExp(`^0x[0-9a-f]{${2 * bytes}}$`))

const schema = z.strictObject({
  format: z.literal('cohort-proving-key'),
  version: z.literal(1),
  /** `local`: one party knew the secrets and could forge proofs. `ceremony`: safe if one contributor was honest. */
  setup: z.enum(['local', 'ceremony']),
  circuit: z.strictObject({
    /** SHA-256 of the r1cs file. */
    r1csSha256: hex(32),
    constraints: z.int().positive(),
    variables: z.int().positive(),
    publicSignals: z.int().nonnegative(),
  }),
  /** Only for Groth16 in two rounds: the number of challenges, and the wires committed to before them. */
  rounds: z.strictObject({ challenges: z.int().positive(), firstRound: z.int().positive() }).optional(),
  zkeySha256: hex(32),
  /** keccak256 of the verification key, as the Solidity verifier's `vkHash()` gives it. */
  vkHash: hex(32),
  /** SHA-256 of the ceremony's transcript; only for a ceremony. */
  transcriptSha256: hex(32).optional(),
  /** ISO 8601. */
  createdAt: z.iso.datetime(),
})

export type KeyMetadata = z.infer<typeof schema>
export type SetupKind = KeyMetadata['setup']

/** Where the metadata of a key is kept. */
export function metadataPath(zkeyPath: string): string {
  return `${zkeyPath}.json`
}

export async function writeKeyMetadata(zkeyPath: string, metadata: KeyMetadata): Promise<void> {
  await writeAtomically(metadataPath(zkeyPath), `${JSON.stringify(schema.parse(metadata), null, 2)}\n`)
}

/** Reads the metadata beside a key. Throws SetupError `metadata-mismatch` when it is absent or does not parse. */
export async function readKeyMetadata(zkeyPath: string): Promise<KeyMetadata> {
  const path = metadataPath(zkeyPath)
  let text: string
  try {
    text = await readFile(path, 'utf8')
  } catch (error) {
    throw new SetupError(
      'metadata-mismatch',
      `${path}: ${(error as Error).message}; the set-up writes it beside the key`,
      {
        cause: error,
      },
    )
  }
  let json: unknown
  try {
    json = parseJson(text)
  } catch (error) {
    throw new SetupError('metadata-mismatch', `${path}: ${(error as Error).message}`, { cause: error })
  }
  return parseKeyMetadata(json, path)
}

/** Checks what a key's metadata say. @param where names the document in errors @throws SetupError `metadata-mismatch` */
export function parseKeyMetadata(json: unknown, where: string): KeyMetadata {
  const parsed = schema.safeParse(json)
  if (!parsed.success) throw new SetupError('metadata-mismatch', `${where}: ${z.prettifyError(parsed.error)}`)
  return parsed.data
}

/** SHA-256 of a file, 0x and 64 hexadecimal digits. */
export async function sha256File(path: string): Promise<string> {
  const hash = createHash('sha256')
  for await (const chunk of createReadStream(path, { highWaterMark: 1 << 20 })) hash.update(chunk as Buffer)
  return `0x${hash.digest('hex')}`
}

/** SHA-256 of bytes, in the same form. */
export function sha256(bytes: Part): string {
  const hash = createHash('sha256')
  for (const piece of piecesOf(bytes, 1 << 20)) hash.update(piece.bytes)
  return `0x${hash.digest('hex')}`
}
