// SPDX-License-Identifier: GPL-3.0-or-later
// The once rules as a file: what a keeper did in one folder, it does not contradict in another.
import { expect } from 'chai'
import { claimsOf, FolderReader, type KeeperStore, protectionRecord } from '../../../keepers/store/index.ts'
import { binding, passphrase, refusal, StoreFolder } from './folder.ts'

const hash = (fill: number) => new Uint8Array(32).fill(fill)

describe('a slashing protection record', () => {
  const [from, to] = [new StoreFolder(), new StoreFolder()]

  const exported = (): unknown => {
    using reader = new FolderReader(from.path)
    return JSON.parse(JSON.stringify(protectionRecord(binding, reader.claims())))
  }
  const filled = (): KeeperStore => {
    const store = from.open()
    for (const act of [3, 1, 2]) expect(store.claims.claim(hash(act), hash(100 + act))).to.equal(true)
    return store
  }

  it('is read while the keeper runs, and refuses in another folder what contradicts it', () => {
    filled()
    const record = exported()
    const other = to.open()
    // Without it that folder would encrypt a second time.
    expect(other.claims.has(hash(1))).to.equal(false)
    expect(other.claims.adopt(claimsOf(record, binding))).to.equal(3)
    expect(other.claims.claim(hash(1), hash(99))).to.equal(false)
    expect(other.claims.claim(hash(1), hash(101))).to.equal(true)
    expect(other.claims.claim(hash(4), hash(104))).to.equal(true)
    expect(other.claims.adopt(claimsOf(record, binding)), 'again').to.equal(0)
    expect(protectionRecord(binding, []).claims).to.deep.equal([])
  })

  it('is refused whole when it contradicts the folder', () => {
    filled()
    const other = to.open()
    other.claims.claim(hash(3), hash(7))
    const error = refusal(() => other.claims.adopt(claimsOf(exported(), binding)))
    expect([error.code, error.exitCode]).to.deep.equal(['CONFLICT', 77])
    expect(error.message).to.contain(`0x${'03'.repeat(32)}`)
    expect(other.claims.count).to.equal(1)
  })

  it('is refused when it is damaged, of another version, format, chain or service', () => {
    filled()
    const record = exported() as { metadata: Record<string, unknown>; claims: unknown[] }
    const changed = (metadata: Record<string, unknown>) => ({
      ...record,
      metadata: { ...record.metadata, ...metadata },
    })
    const wrong: [unknown, string, RegExp][] = [
      [{ ...record, claims: record.claims.slice(1) }, 'BAD_INPUT', /damaged/],
      [changed({ version: 2 }), 'BAD_INPUT', /metadata\.version is of another version/],
      [changed({ format: 'eip-3076' }), 'BAD_INPUT', /metadata\.format/],
      [changed({ chainId: '1' }), 'WRONG_FOLDER', /on chain 1, this folder of .* on chain 31337/],
      [changed({ service: `0x${'cc'.repeat(20)}` }), 'WRONG_FOLDER', /0xcccc/],
      [{ ...record, claims: [{ nonce: '0x12', digest: '0x34' }] }, 'BAD_INPUT', /claims\.0\.nonce takes 0x and 64/],
      [[], 'BAD_INPUT', /not a slashing protection record/],
    ]
    for (const [value, code, message] of wrong) {
      const error = refusal(() => claimsOf(value, binding))
      expect([error.code, message.test(error.message), error.message]).to.deep.equal([code, true, error.message])
    }
  })

  it('is read from a folder without disturbing it, and its secrets only by passphrase', () => {
    const store = filled()
    store.putSecret('a', hash(9))
    using reader = new FolderReader(from.path)
    store.putSecret('b', hash(8))
    expect(reader.binding.operator).to.equal(binding.operator.toLowerCase())
    expect([reader.secret('a', passphrase), reader.secret('b', passphrase)]).to.deep.equal([Buffer.from(hash(9)), null])
    expect(refusal(() => reader.secret('a', 'wrong')).code).to.equal('WRONG_PASSPHRASE')
    expect(refusal(() => new FolderReader(to.path)).message).to.match(/not a keeper's data folder/)
  })
})

describe('another operator of the same keeper', () => {
  const folder = new StoreFolder()
  const row = (key: string, nonce: number) => ({
    ...{ key, nonce, request: { to: '0x1', data: '0x', value: '0', gasLimit: '1' } },
    attempts: [{ hash: `0x${nonce}`, raw: '0x', maxFeePerGas: '1' }],
  })
  const next = '0x00000000000000000000000000000000000000Cc'

  it('begins with nonces of its own, knows what the one before has sent, and keeps every claim', () => {
    const store = folder.open()
    store.claims.claim(hash(1), hash(2))
    for (const [key, nonce] of [
      ['a', 0],
      ['b', 1],
    ] as const) {
      store.transactions.insert(row(key, nonce))
      expect(refusal(() => store.changeOperator(next)).message).to.equal(
        `${key} is still under way: wait until it is in a block`,
      )
      store.transactions.setReceipt(key, { hash: `0x${nonce}`, block: 5, status: 1 })
    }
    store.changeOperator(next)
    expect([store.transactions.nextNonce(), store.transactions.open()]).to.deep.equal([0, []])
    expect(store.transactions.find('b')?.receipt?.block).to.equal(5)
    store.transactions.insert(row('c', 0))
    store.transactions.setReceipt('c', { hash: '0x0', block: 6, status: 1 })
    expect([store.transactions.nextNonce(), store.transactions.since(0).map(({ key }) => key)]).to.deep.equal([
      1,
      ['c'],
    ])
    store.changeOperator(binding.operator)
    store.changeOperator(next)
    expect(store.transactions.nextNonce()).to.equal(0)
    expect(store.claims.claim(hash(1), hash(3))).to.equal(false)
    store.close()
    expect(refusal(() => folder.open()).code).to.equal('WRONG_FOLDER')
    folder.open({ binding: { ...binding, operator: next } })
  })
})
