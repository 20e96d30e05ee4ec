// SPDX-License-Identifier: GPL-3.0-or-later
// A keeper in one file: who it is and what it has claimed, without the keys that it erases epoch by epoch.
import { existsSync, mkdirSync, readFileSync, rmSync } from 'node:fs'
import { join, relative } from 'node:path'
import { z } from 'zod'
import {
  type Claim,
  claimsOf,
  FolderReader,
  KeeperStore,
  newKdfParameters,
  protectionRecord,
  SecretBox,
  StoreError,
} from '../../store/index.ts'
import { manifestDigest } from '../../versions/index.ts'
import { CONFIG_FILE, type KeeperConfig, loadConfig, STRATEGY_FILE } from '../config.ts'
import { makeEncryptionKey } from '../encryption-keys.ts'
import { AgentError } from '../errors.ts'
import { operatorAddress } from '../operator.ts'
import { PEER_IDENTITY } from '../steps/secrets.ts'
import { writeWhole } from './whole-file.ts'

const FORMAT = 'cohort-keeper-backup'
/** The files that a store makes in its folder. */
const STORE_FILES = ['journal.sqlite', 'journal.sqlite-wal', 'journal.sqlite-shm', 'lock.sqlite']
const base64 = z.string().regex(/^[A-Za-z0-9+/]*={0,2}$/, 'takes base64')

const schema = z.strictObject({
  format: z.literal(FORMAT),
  version: z.literal(1, 'is of another version: use the release that wrote it'),
  /** scrypt of the passphrase. */
  kdf: z.strictObject({ salt: base64, log2N: z.int().min(10).max(22) }),
  /** Everything else, encrypted under the passphrase: a config contains keys of endpoints, and a signer's token and TLS key lie beside it. */
  sealed: base64,
})

const contentSchema = z.strictObject({
  /** Relative to the data folder: the config and what it names there. */
  files: z.record(z.string().regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$/, 'takes a plain file name'), base64),
  peerIdentity: base64,
  /** As `cohort keeper protection export` writes it. */
  protection: z.unknown(),
})

const to64 = (bytes: Uint8Array): string => Buffer.from(bytes).toString('base64')
const from64 = (text: string): Uint8Array => Buffer.from(text, 'base64')

export type BackupResult = { readonly operator: string; readonly files: readonly string[]; readonly claims: number }

/**
 * Writes the backup of a keeper, which may be running. The backup holds no key of an epoch: whoever takes the file and the passphrase later
 * cannot open updates of others.
 * @throws AgentError CONFIG for a file that the config names outside the folder; StoreError
 */
export function backUp(
  folder: string,
  passphrase: string,
  out: string,
  options: { log2N?: number } = {},
): BackupResult {
  const config = loadConfig(folder)
  using reader = new FolderReader(folder)
  const identity = reader.secret(PEER_IDENTITY, passphrase)
  if (identity === null) throw new AgentError('NO_KEYS', `${folder} has no keeper keys: there is nothing to back up`)
  const kdf = newKdfParameters(options.log2N)
  const box = new SecretBox(passphrase, kdf)
  const files = filesOf(folder, config)
  const { chain, service } = reader.binding
  const claims = reader.claims()
  const content: z.infer<typeof contentSchema> = {
    files: Object.fromEntries(files.map((name) => [name, to64(readFileSync(join(folder, name)))])),
    peerIdentity: to64(identity),
    protection: protectionRecord({ chainId: chain, service }, claims),
  }
  const backup: z.infer<typeof schema> = {
    ...{ format: FORMAT, version: 1 },
    kdf: { salt: to64(kdf.salt), log2N: kdf.log2N },
    sealed: to64(box.seal(FORMAT, Buffer.from(JSON.stringify(content)))),
  }
  box.destroy()
  identity.fill(0)
  if (existsSync(out)) throw new AgentError('CONFIG', `${out} exists: give another name, an older backup may be needed`)
  writeWhole(out, `${JSON.stringify(backup, null, 1)}\n`)
  return { operator: operatorAddress(config.keys), files, claims: claims.length }
}

function filesOf(folder: string, { keys, service }: KeeperConfig): string[] {
  const { remote } = keys
  const named = [
    join(folder, CONFIG_FILE),
    ...(remote === undefined
      ? [keys.operator]
      : [remote.tokenFile, remote.caFile, remote.certificateFile, remote.keyFile]),
    service.manifestFile,
    ...(service.manifest.model.weights === undefined ? [] : [service.weightsFile]),
    service.strategyFile ?? join(folder, STRATEGY_FILE),
  ]
  const here = named.filter((file) => file !== undefined).map((file) => relative(folder, file))
  // Files elsewhere are not backed up; the config still names them.
  return [...new Set(here)].filter((name) => !/[/\\]/.test(name) && existsSync(join(folder, name)))
}

export type RestoreOptions = {
  readonly file: string
  readonly folder: string
  readonly passphrase: string
  /** A newer record of claims than the backup's, as `protection export` wrote it. */
  readonly protection?: unknown
  readonly log2N?: number
}

export type RestoreResult = { readonly operator: string; readonly manifest: string; readonly claims: number }

/**
 * Makes a data folder from a backup. The keeper keeps its operator, its peer identity and its claims. It has no key of the running epoch, so
 * it cannot repeat an act of that epoch, and it takes part again from the next epoch on.
 * @throws AgentError CONFIG for a folder in use; StoreError BAD_INPUT, WRONG_PASSPHRASE, CONFLICT
 */
export function restore({ file, folder, passphrase, protection, log2N }: RestoreOptions): RestoreResult {
  // Opened before anything is written: a wrong passphrase changes nothing.
  const backup = readBackup(file, passphrase)
  const identity = from64(backup.peerIdentity)
  const staged = Object.entries(backup.files)
  if (!(CONFIG_FILE in backup.files)) throw new StoreError('BAD_INPUT', `${file} has no ${CONFIG_FILE}`)
  for (const name of [...Object.keys(backup.files), ...STORE_FILES]) {
    if (existsSync(join(folder, name))) {
      throw new AgentError('CONFIG', `${join(folder, name)} exists: restore overwrites nothing, choose another --data`)
    }
  }
  const written: string[] = []
  let store: KeeperStore | undefined
  try {
    mkdirSync(folder, { recursive: true, mode: 0o700 })
    for (const [name, content] of staged) {
      writeWhole(join(folder, name), from64(content))
      written.push(name)
    }
    const config = loadConfig(folder)
    const operator = operatorAddress(config.keys)
    const place = { chainId: BigInt(config.chain.id), service: config.service.address }
    const records: readonly Claim[][] = [backup.protection, ...(protection === undefined ? [] : [protection])].map(
      (one) => [...claimsOf(one, place)],
    )
    store = KeeperStore.open({
      folder,
      passphrase,
      binding: { ...place, operator },
      ...(log2N === undefined ? {} : { log2N }),
    })
    for (const claims of records) store.claims.adopt(claims)
    store.secretOnce(PEER_IDENTITY, () => identity)
    makeEncryptionKey(store, 0)
    return { operator, manifest: manifestDigest(config.service.manifest), claims: store.claims.count }
  } catch (error) {
    store?.close()
    for (const name of [...written, ...STORE_FILES]) {
      rmSync(join(folder, name), { force: true })
    }
    throw error
  } finally {
    store?.close()
    identity.fill(0)
  }
}

/** @throws StoreError BAD_INPUT for another file or a damaged one, WRONG_PASSPHRASE */
function readBackup(file: string, passphrase: string): z.infer<typeof contentSchema> {
  let value: unknown
  try {
    value = JSON.parse(readFileSync(file, 'utf8'))
  } catch (cause) {
    throw new StoreError('BAD_INPUT', `cannot read the backup ${file}: ${(cause as Error).message}`, { cause })
  }
  const { kdf, sealed } = parse(schema, value, file)
  const box = new SecretBox(passphrase, { salt: from64(kdf.salt), log2N: kdf.log2N })
  try {
    const content = box.open(FORMAT, from64(sealed))
    return parse(contentSchema, JSON.parse(new TextDecoder().decode(content)), file)
  } finally {
    box.destroy()
  }
}

function parse<T>(schema: z.ZodType<T>, value: unknown, file: string): T {
  const { success, data, error } = schema.safeParse(value)
  if (success) return data
  const [issue] = error.issues
  throw new StoreError('BAD_INPUT', `${file} is not a keeper's backup: ${issue?.path.join('.')} ${issue?.message}`)
}
