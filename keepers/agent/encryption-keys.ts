// SPDX-License-Identifier: GPL-3.0-or-later
// The X25519 keys that other members use to seal the shares that they deal to this keeper. Sealed shares are public for good, so each epoch
// gets a key of its own, which is erased with the epoch's other keys: whoever takes the folder later cannot open shares of earlier epochs.
import { z } from 'zod'
import { type EncryptionKeyPair, generateEncryptionKey, importEncryptionKey } from '../fhe/index.ts'
import type { KeeperStore } from '../store/index.ts'

const RECORD = 'encryption keys'
const schema = z.array(
  z.object({
    /** 32 bytes in hex, without 0x. */
    publicKey: z.string().regex(/^[0-9a-f]{64}$/),
    /** The epoch when it was made; 0 before the first epoch. */
    made: z.int().nonnegative(),
    /** The last epoch that this keeper opened shares of with it; 0 when none. */
    used: z.int().nonnegative(),
    /** Whether the registry was seen to have it. */
    registered: z.boolean(),
  }),
)
type Entry = z.infer<typeof schema>[number]

const secretName = (publicKey: string): string => `keeper/encryption key/${publicKey}`
const hex = (publicKey: Uint8Array): string => Buffer.from(publicKey).toString('hex')

/** Oldest first. */
function entriesOf(store: KeeperStore): Entry[] {
  return schema.parse(store.getRecord(RECORD) ?? [])
}

function change(store: KeeperStore, publicKey: Uint8Array, what: Partial<Entry>): void {
  const entries = entriesOf(store)
  const changed = entries.map((entry) => (entry.publicKey === hex(publicKey) ? { ...entry, ...what } : entry))
  store.putRecord(RECORD, changed)
}

/** Makes a key and keeps its secret. Returns the public key, which the registry does not know yet. */
export function makeEncryptionKey(store: KeeperStore, epoch: number): Uint8Array {
  const { publicKey, secretKey } = generateEncryptionKey()
  try {
    store.transaction(() => {
      secretKey.reveal((bytes) => store.putSecret(secretName(hex(publicKey)), bytes))
      const entry: Entry = { publicKey: hex(publicKey), made: epoch, used: 0, registered: false }
      store.putRecord(RECORD, [...entriesOf(store), entry])
    })
  } finally {
    secretKey.dispose()
  }
  return publicKey
}

/** Folders of earlier releases hold a single key under these names. It becomes the first of the list. */
const SINGLE = { secret: 'keeper/encryption key', record: 'encryption public key' }

/** Brings an older folder's key into the list. Does nothing to others. */
export function adoptSingleKey(store: KeeperStore): void {
  const publicKey = z.string().nullable().parse(store.getRecord(SINGLE.record))
  const secret = store.getSecret(SINGLE.secret)
  if (publicKey === null || secret === null) return
  store.transaction(() => {
    // Every other name begins with this one, so it goes before there are others.
    store.eraseSecrets(SINGLE.secret)
    store.deleteRecord(SINGLE.record)
    store.putSecret(secretName(publicKey), secret)
    store.putRecord(RECORD, schema.parse([{ publicKey, made: 0, used: 0, registered: false }]))
  })
}

/** The public keys that have their secrets in this folder, oldest first. */
export function heldEncryptionKeys(store: KeeperStore): Uint8Array[] {
  return entriesOf(store).map(({ publicKey }) => Buffer.from(publicKey, 'hex'))
}

export function noteRegistered(store: KeeperStore, publicKey: Uint8Array): void {
  change(store, publicKey, { registered: true })
}

/** The pair of a public key for opening the shares of `epoch`, or null when it is not held. The caller disposes of the secret. */
export function loadEncryptionKey(store: KeeperStore, publicKey: Uint8Array, epoch: number): EncryptionKeyPair | null {
  const secret = store.getSecret(secretName(hex(publicKey)))
  if (secret === null) return null
  change(store, publicKey, { used: epoch })
  return importEncryptionKey(secret)
}

/**
 * Erases keys that were neither made nor used since `epoch`. Keeps those that the registry has or may get: the newest key, and the newest key
 * that was seen in the registry. Keeps all keys until one has been seen there.
 */
export function eraseEncryptionKeysBefore(store: KeeperStore, epoch: number): void {
  const entries = entriesOf(store)
  const registered = entries.findLast((entry) => entry.registered)
  if (registered === undefined) return
  const old = entries.filter(
    (entry) => Math.max(entry.made, entry.used) < epoch && entry !== registered && entry !== entries.at(-1),
  )
  if (old.length === 0) return
  store.transaction(() => {
    for (const { publicKey } of old) store.eraseSecrets(secretName(publicKey))
    store.putRecord(
      RECORD,
      entries.filter((entry) => !old.includes(entry)),
    )
  })
}
