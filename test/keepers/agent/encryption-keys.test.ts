// SPDX-License-Identifier: GPL-3.0-or-later
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect } from 'chai'
import type { AgentContext, Step } from '../../../keepers/agent/context.ts'
import {
  adoptSingleKey,
  eraseEncryptionKeysBefore,
  heldEncryptionKeys,
  loadEncryptionKey,
  makeEncryptionKey,
  noteRegistered,
} from '../../../keepers/agent/encryption-keys.ts'
import { ensureEncryptionKey, renewEncryptionKey } from '../../../keepers/agent/steps/encryption-key.ts'
import { contractInterface } from '../../../keepers/chain/index.ts'
import { generateEncryptionKey } from '../../../keepers/fhe/index.ts'
import { KeeperStore } from '../../../keepers/store/index.ts'

const hexOf = (key: Uint8Array): string => Buffer.from(key).toString('hex')
const OWNER = `0x${'0e'.repeat(20)}`

describe('encryption keys', () => {
  let folder: string
  let store: KeeperStore
  const binding = { chainId: 1n, service: '0x1', operator: '0x2' }
  const held = (): string[] => heldEncryptionKeys(store).map(hexOf)

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'cohort-encryption-'))
    store = KeeperStore.open({ folder, passphrase: 'p', binding, log2N: 10 })
  })
  afterEach(() => {
    store.close()
    rmSync(folder, { recursive: true, force: true })
  })

  it('open what is sealed to them, after a restart too', () => {
    const keys = [makeEncryptionKey(store, 0), makeEncryptionKey(store, 1)]
    store.close()
    store = KeeperStore.open({ folder, passphrase: 'p', binding, log2N: 10 })
    expect(held()).to.deep.equal(keys.map(hexOf))
    for (const key of keys) {
      const pair = loadEncryptionKey(store, key, 1)!
      expect(hexOf(pair.publicKey)).to.equal(hexOf(key))
      pair.secretKey.dispose()
    }
    expect(loadEncryptionKey(store, new Uint8Array(32).fill(1), 1)).to.equal(null)
  })

  it('are erased when the epochs that they were made for, or used in, are over', () => {
    const keys = [0, 1, 2, 3].map((epoch) => makeEncryptionKey(store, epoch))
    for (const key of keys) noteRegistered(store, key)
    loadEncryptionKey(store, keys[1]!, 3)?.secretKey.dispose()
    eraseEncryptionKeysBefore(store, 3)
    expect(held()).to.deep.equal([keys[1]!, keys[3]!].map(hexOf))
    expect(loadEncryptionKey(store, keys[0]!, 3)).to.equal(null)
    eraseEncryptionKeysBefore(store, 9)
    expect(held()).to.deep.equal([hexOf(keys[3]!)])
  })

  it('of an older folder, which had one, become the first of the list', () => {
    const { publicKey, secretKey } = generateEncryptionKey()
    secretKey.reveal((bytes) => store.putSecret('keeper/encryption key', bytes))
    secretKey.dispose()
    store.putRecord('encryption public key', hexOf(publicKey))
    adoptSingleKey(store)
    const next = makeEncryptionKey(store, 1)
    adoptSingleKey(store)
    expect(held()).to.deep.equal([publicKey, next].map(hexOf))
    for (const key of [publicKey, next]) loadEncryptionKey(store, key, 1)!.secretKey.dispose()
    expect(store.getSecret('keeper/encryption key')).to.equal(null)
  })

  it('stay while the registry may name them: the newest, the newest that it was seen to have, all before that', () => {
    const keys = [0, 1, 2].map((epoch) => makeEncryptionKey(store, epoch))
    eraseEncryptionKeysBefore(store, 9)
    expect(held()).to.have.length(3)
    noteRegistered(store, keys[0]!)
    eraseEncryptionKeysBefore(store, 9)
    expect(held()).to.deep.equal([keys[0]!, keys[2]!].map(hexOf))
  })

  describe('of a keeper', () => {
    /** What the registry says, and the transactions that changed it. */
    let registered: string
    let sent: { key: string; publicKey: string }[]
    let fail: Error | null
    const registry = contractInterface('KeeperRegistry')

    const context = () =>
      ({
        store,
        metrics: { gas: { inc: () => undefined } },
        log: { info: () => undefined, warn: () => undefined },
        stopping: new AbortController().signal,
        contracts: {
          registry: {
            getAddress: async () => `0x${'0a'.repeat(20)}`,
            keeperOf: async () => ({ encryptionKey: `0x${registered}` }),
          },
        },
        queue: {
          send: async ({ key, data }: { key: string; data: string }) => {
            if (fail !== null) throw fail
            const [owner, publicKey] = registry.decodeFunctionData('setEncryptionKey', data)
            expect(String(owner).toLowerCase()).to.equal(OWNER)
            registered = String(publicKey).slice(2)
            sent.push({ key, publicKey: registered })
            return { gasUsed: 30_000n }
          },
        },
      }) as unknown as AgentContext
    const step = (epoch: number, seed = '5e'): Step & { seat: number } => {
      const crsSeed = `0x${seed.repeat(32)}`
      store.putRecord(`roster/${epoch}/${seed.repeat(8)}`, [{ seat: 4, address: OWNER, encryptionKey: registered }])
      const snapshot = { epoch, block: 10, epochInfo: { epoch, crsSeed, members: 16n } }
      const facts = { last: () => null }
      const all = { ...context(), facts } as unknown as AgentContext
      return { context: all, snapshot, seat: 4, signal: all.stopping } as unknown as Step & { seat: number }
    }

    beforeEach(() => {
      registered = hexOf(makeEncryptionKey(store, 0))
      sent = []
      fail = null
    })

    it('is renewed once an epoch, and those of epochs long over are gone', async () => {
      for (const epoch of [1, 2, 3, 4]) {
        await renewEncryptionKey(step(epoch))
        await renewEncryptionKey(step(epoch))
        eraseEncryptionKeysBefore(store, epoch - 1)
      }
      expect(sent.map(({ publicKey }) => publicKey)).to.have.length(4)
      expect(new Set(sent.map(({ key }) => key)).size).to.equal(4)
      // Made in epochs 3 and 4; what was made in 1 and 2 was for epochs that are over.
      expect(held()).to.deep.equal(sent.slice(2).map(({ publicKey }) => publicKey))
      expect(held().at(-1)).to.equal(registered)
    })

    it('is told again under the same key when that failed, and the old one is held meanwhile', async () => {
      const first = registered
      fail = new Error('no gas')
      const error = await renewEncryptionKey(step(1)).catch((reason: Error) => reason.message)
      expect(error).to.equal('no gas')
      const [, waiting] = held()
      fail = null
      await renewEncryptionKey(step(1))
      expect(sent.map(({ publicKey }) => publicKey)).to.deep.equal([waiting])
      expect(held()).to.deep.equal([first, waiting])
    })

    it('is another one when the epoch comes about in another way, after a reorganisation', async () => {
      await renewEncryptionKey(step(1))
      await renewEncryptionKey(step(1, '5f'))
      expect(new Set(sent.map(({ publicKey }) => publicKey)).size).to.equal(2)
    })

    it('is replaced at start when the registry names one that the folder does not hold', async () => {
      await ensureEncryptionKey(context(), OWNER)
      expect(sent).to.deep.equal([])
      registered = 'ab'.repeat(32)
      await ensureEncryptionKey(context(), OWNER)
      expect(sent).to.have.length(1)
      expect(held().at(-1)).to.equal(registered)
    })
  })
})
