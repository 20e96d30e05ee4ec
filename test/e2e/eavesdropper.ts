// SPDX-License-Identifier: GPL-3.0-or-later
// Everything that somebody has who sees the whole chain, every blob in IPFS, all logs, and the folders of t − 1 keepers;
// and the search for plaintext in it.
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { heldEncryptionKeys, loadEncryptionKey } from '../../keepers/agent/encryption-keys.ts'
import { secretName } from '../../keepers/agent/epoch.ts'
import { loadConfig } from '../../keepers/agent/index.ts'
import { PEER_IDENTITY } from '../../keepers/agent/steps/secrets.ts'
import { Trainer } from '../../keepers/agent/training/trainer.ts'
import { openKeystore } from '../../keepers/chain/index.ts'
import { loadDigits, partitionIid, subset } from '../../keepers/learning/index.ts'
import { KeeperStore } from '../../keepers/store/index.ts'
import { specOf } from '../../keepers/versions/index.ts'
import type { Cluster } from '../../scripts/cluster.ts'
import { type KeeperNode, keeperEnvironment } from '../../scripts/demo/keeper-nodes.ts'

/** Parts of a key are searched for as they are, not as text. */
const OF_THE_KEY = ['own secret', 'dealt share']

/** A needle: bytes that nobody but their owner may hold. Sixteen bytes do not turn up by chance. */
const NEEDLE_BYTES = 16

class Haystack {
  readonly parts: { readonly name: string; readonly bytes: Buffer }[] = []
  get size(): number {
    return this.parts.reduce((sum, part) => sum + part.bytes.length, 0)
  }
  add(name: string, bytes: Uint8Array): void {
    this.parts.push({ name, bytes: Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength) })
  }
  addFolder(folder: string): void {
    for (const entry of readdirSync(folder, { recursive: true, withFileTypes: true })) {
      if (!entry.isFile()) continue
      const file = join(entry.parentPath, entry.name)
      this.add(file, readFileSync(file))
    }
  }

  /** Names of the needles that occur anywhere, at any alignment. */
  search(needles: ReadonlyMap<string, Buffer>): string[] {
    const byHead = new Map<number, { name: string; needle: Buffer }[]>()
    const marks = new Uint8Array(1 << 16)
    for (const [name, needle] of needles) {
      const head = needle.readUInt32LE(0)
      byHead.set(head, [...(byHead.get(head) ?? []), { name, needle }])
      marks[head & 0xffff] = 1
    }
    const found = new Set<string>()
    for (const { name: part, bytes } of this.parts) {
      for (let at = 0; at + NEEDLE_BYTES <= bytes.length; at++) {
        if (marks[bytes[at]! | (bytes[at + 1]! << 8)] === 0) continue
        for (const { name, needle } of byHead.get(bytes.readUInt32LE(at)) ?? []) {
          if (bytes.subarray(at, at + needle.length).equals(needle)) found.add(`${name} in ${part}`)
        }
      }
    }
    return [...found]
  }
}

/** Windows over an array's bytes, without those that are all zeros or repeat one value. */
function windows(name: string, values: Float32Array | Uint8Array): Map<string, Buffer> {
  const bytes = Buffer.from(values.buffer, values.byteOffset, values.byteLength)
  const needles = new Map<string, Buffer>()
  for (let at = 0; at + NEEDLE_BYTES <= bytes.length; at += NEEDLE_BYTES) {
    const needle = bytes.subarray(at, at + NEEDLE_BYTES)
    if (new Set(needle).size >= 10) needles.set(`${name}[${at}]`, needle)
  }
  return needles
}

/** All that the victim holds: that of the first epoch, and its successor. */
function encryptionKeys(store: KeeperStore): Record<string, Uint8Array> {
  const held = heldEncryptionKeys(store).map((publicKey, i): [string, Uint8Array] => [
    `encryption key ${i}`,
    loadEncryptionKey(store, publicKey, 1)!.secretKey.reveal((bytes) => Buffer.from(bytes)),
  ])
  if (held.length < 2) throw new Error('the victim has made no key for its next epoch')
  return Object.fromEntries(held)
}

export async function eavesdrop(
  cluster: Cluster,
  victim: KeeperNode,
  colluders: readonly KeeperNode[],
): Promise<{ scannedBytes: number; publicModel: boolean; leaks: string[] }> {
  const haystack = new Haystack()
  const head = await cluster.provider.getBlockNumber()
  for (let number = 0; number <= head; number++) {
    const block = await cluster.provider.getBlock(number, true)
    for (const { data, hash } of block?.prefetchedTransactions ?? [])
      haystack.add(`tx ${hash}`, Buffer.from(data.slice(2), 'hex'))
  }
  for (const log of await cluster.provider.getLogs({ fromBlock: 0, toBlock: 'latest' })) {
    haystack.add(`log ${log.transactionHash}`, Buffer.from(log.data.slice(2), 'hex'))
  }
  for (const node of cluster.nodes) {
    haystack.addFolder(join(node.folder, 'ipfs', 'blocks'))
    haystack.addFolder(join(node.folder, 'logs'))
  }
  for (const node of colluders) haystack.addFolder(node.folder)

  const config = loadConfig(victim.folder)
  const passphrase = keeperEnvironment().COHORT_PASSPHRASE!
  const needles = new Map<string, Buffer>()
  const add = (more: Map<string, Buffer>): void => {
    for (const [name, needle] of more) needles.set(name, needle)
  }
  // The victim's own training of the first round, repeated: it is a function of shard, seed and initial weights.
  const trainer = await Trainer.start(config)
  const { initialWeights: start } = trainer.shard
  const { weights } = await trainer.train(start, { round: 1, epoch: 1 }, config.training)
  await trainer.stop()
  add(windows('trained weights', weights))
  add(
    windows(
      'update',
      Float32Array.from(weights, (weight, i) => weight - start[i]!),
    ),
  )
  const digits = await loadDigits({ offline: true })
  const { shard } = config.data
  if (shard.kind !== 'iid') throw new Error('the search knows iid shards only')
  const mine = partitionIid(digits.train, shard).shards[shard.index]!.subarray(0, config.data.limit)
  add(windows('sample', subset(digits.train, mine).inputs as Uint8Array))
  const wallet = await openKeystore(config.keys.operator, passphrase)
  const key = Buffer.from(wallet.privateKey.slice(2), 'hex')
  const binding = { chainId: BigInt(config.chain.id), service: config.service.address, operator: wallet.address }
  const store = KeeperStore.open({ folder: victim.folder, passphrase, binding })
  const opened = (await cluster.events()).find(({ name, args }) => name === 'EpochOpened' && Number(args.epoch) === 1)
  const crsSeed = String(opened!.args.crsSeed)
  const secrets = {
    'operator key': key,
    ...encryptionKeys(store),
    'peer identity': store.getSecret(PEER_IDENTITY)!,
    // Past the header: the member's own secret, then what each member dealt to it.
    'own secret': store.getSecret(secretName({ epoch: 1, crsSeed }, 'key'))!.subarray(116),
    'dealt share': store.getSecret(secretName({ epoch: 1, crsSeed }, 'key'))!.subarray(116 + 8192),
    passphrase: Buffer.from(passphrase),
  }
  store.close()
  for (const [name, secret] of Object.entries(secrets)) {
    if (!OF_THE_KEY.includes(name)) needles.set(`${name} as hex`, Buffer.from(Buffer.from(secret).toString('hex')))
    needles.set(name, Buffer.from(secret.subarray(0, name === 'own secret' ? 4 * NEEDLE_BYTES : NEEDLE_BYTES)))
  }
  needles.set('dealt share, middle', Buffer.from(secrets['dealt share'].subarray(4_000, 4_000 + NEEDLE_BYTES)))
  const spec = await specOf(config.service.manifest)
  const control = publishedModel(haystack, spec.parameterCount)
  return {
    scannedBytes: haystack.size,
    publicModel: control !== null && haystack.search(windows('model', control)).length > 0,
    leaks: haystack.search(needles),
  }
}

/** The weights of some published model, for the control. */
function publishedModel(haystack: Haystack, count: number): Float32Array | null {
  for (const { bytes } of haystack.parts) {
    if (bytes.length !== 9 + 4 * count || bytes.toString('latin1', 0, 4) !== 'CMDL') continue
    return Float32Array.from({ length: count }, (_, i) => bytes.readFloatLE(9 + 4 * i))
  }
  return null
}
