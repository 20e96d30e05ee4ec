// SPDX-License-Identifier: GPL-3.0-or-later
// The keys of a folder's circuit: set up here, or taken from a ceremony, and checked to belong to it.
import { fstatSync } from 'node:fs'
import { readFile, rm } from 'node:fs/promises'
import { parseJson } from '../json.ts'
import { type Part, readPart } from '../parts.ts'
import { type OpenKey, openKey } from '../prove/backend.ts'
import { tablesPath } from '../prove/tables.ts'
import { type LocalSetupOptions, setupLocal } from '../setup/local.ts'
import { type KeyMetadata, readKeyMetadata, sha256 } from '../setup/metadata.ts'
import { writeAtomically } from '../setup/section-file.ts'
import { setupTwoRound } from '../setup/two-round.ts'
import { parseTwoRoundZkey } from '../setup/two-round-zkey.ts'
import { InferenceError } from './errors.ts'
import { type CircuitFolder, openFolder } from './folder.ts'
import { type CircuitManifest, folderPaths, readManifest, shapeOf } from './manifest.ts'
import { type AnyKey, keyHash, keyToJson, parseKey, readZkey } from './systems.ts'

/** A local set-up of the folder's circuit: proving key, its metadata, verification key. Removes the tables of an earlier key. */
export async function setupFolder(folder: string, options: LocalSetupOptions = {}): Promise<KeyMetadata> {
  const paths = folderPaths(folder)
  const shape = shapeOf((await openFolder(folder)).manifest)
  const metadata =
    shape === undefined
      ? await setupLocal(paths.r1cs, paths.zkey, options)
      : await setupTwoRound(paths.r1cs, paths.zkey, shape, options)
  await rm(tablesPath(paths.zkey), { force: true })
  await exportVerificationKey(folder)
  return metadata
}

/** Writes the verification key of the folder's proving key, which `cohort ceremony finalize` may have put there. */
export async function exportVerificationKey(folder: string): Promise<void> {
  const paths = folderPaths(folder)
  const { system } = await readManifest(folder)
  const { file, close } = await openKey(paths.zkey)
  try {
    const { key } = await readZkey(system, file, paths.zkey)
    await writeAtomically(paths.verificationKey, `${JSON.stringify(keyToJson(key), null, 2)}\n`)
  } finally {
    close()
  }
}

/** A proving key on disk that was found to be whole and to belong to its circuit. */
export type CheckedKey = {
  readonly path: string
  /** The verification key that it contains. */
  readonly key: AnyKey
  /** Whether it bears the mark of a local set-up. */
  readonly local: boolean
  readonly metadata: KeyMetadata
}

/** The folder's key, checked to be whole, to be the one its metadata describes, and to belong to the circuit. */
export async function readFolderKey({ folder, manifest }: CircuitFolder): Promise<CheckedKey> {
  return readKeyFor(manifest, folderPaths(folder).zkey)
}

/**
 * Whether verification_key.json, which is handed to verifiers, is what the proving key contains; true where there is none.
 * @throws ZodError for a file that is no verification key
 */
export async function statesItsKey(folder: string, key: AnyKey): Promise<boolean> {
  const text = await readFile(folderPaths(folder).verificationKey, 'utf8').catch(() => null)
  return text === null || keyHash(parseKey(parseJson(text))) === keyHash(key)
}

/** The same for a key anywhere, such as the one that a ceremony wrote. It passes through memory piece by piece. */
export async function readKeyFor(manifest: CircuitManifest, path: string): Promise<CheckedKey> {
  return withKeyOf(
    manifest,
    path,
    (file) => file,
    async (checked) => checked,
  )
}

/**
 * Calls `use` with the folder's key, checked as above, and the file that was checked, open until it is done. Who proves reads that one: a name may
 * be another file's a moment after the check, such as a key that is made to give witnesses away.
 */
export async function withFolderKey<T>(
  { folder, manifest }: CircuitFolder,
  use: (checked: CheckedKey, source: OpenKey) => Promise<T>,
): Promise<T> {
  // A file that others may write into is read once; then its bytes cannot change either.
  const held = (file: Part) => (othersMayWrite(file) ? readPart(file) : file)
  return withKeyOf(manifest, folderPaths(folder).zkey, held, use)
}

async function withKeyOf<T>(
  manifest: CircuitManifest,
  path: string,
  held: (file: Part) => Part,
  use: (checked: CheckedKey, source: OpenKey) => Promise<T>,
): Promise<T> {
  const opened = await openKey(path).catch((error: Error) => {
    throw new InferenceError('folder-incomplete', `${error.message}; run cohort zkml setup first`, { cause: error })
  })
  try {
    const source = { ...opened, file: held(opened.file) }
    return await use(await check(manifest, path, source.file), source)
  } finally {
    opened.close()
  }
}

/** Another user than this process's, or root. */
function othersMayWrite(file: Part): boolean {
  if (file instanceof Uint8Array || process.getuid === undefined) return false
  const { mode, uid } = fstatSync(file.descriptor)
  return (mode & 0o022) !== 0 || (uid !== 0 && uid !== process.getuid())
}

async function check(manifest: CircuitManifest, path: string, file: Part): Promise<CheckedKey> {
  const metadata = await readKeyMetadata(path)
  const zkeySha256 = sha256(file)
  if (zkeySha256 !== metadata.zkeySha256) {
    throw new InferenceError(
      'folder-mismatch',
      `${path} is not the key that its metadata describes: SHA-256 ${zkeySha256}`,
    )
  }
  if (metadata.circuit.r1csSha256 !== manifest.r1csSha256) {
    throw new InferenceError('folder-mismatch', `${path} is a key for another circuit; run the set-up again`)
  }
  requireRounds(manifest, file, path)
  const found = await readZkey(manifest.system, file, path)
  // A local key bears a mark, and every key its verification key: metadata that say otherwise are forged.
  if (found.local && metadata.setup !== 'local') {
    throw new InferenceError(
      'folder-mismatch',
      `${path} is marked as a local key, its metadata say ${metadata.setup}; get the ceremony's key, or run the set-up again`,
    )
  }
  if (keyHash(found.key) !== metadata.vkHash) {
    throw new InferenceError(
      'folder-mismatch',
      `${path} contains verification key ${keyHash(found.key)}, its metadata say ${metadata.vkHash}; run the set-up again`,
    )
  }
  return { path, ...found, metadata }
}

/** The circuit's id names the wires that are committed to before the challenge; the key must divide them in the same way. */
function requireRounds(manifest: CircuitManifest, file: Part, path: string): void {
  const expected = shapeOf(manifest)
  if (expected === undefined) return
  const { shape } = parseTwoRoundZkey(file, path)
  if (shape.challenges === expected.challenges && shape.firstRound === expected.firstRound) return
  throw new InferenceError(
    'folder-mismatch',
    `${path} commits to ${shape.firstRound} wires before ${shape.challenges} challenges, the circuit to ${expected.firstRound} before ` +
      `${expected.challenges}; run the set-up again`,
  )
}
