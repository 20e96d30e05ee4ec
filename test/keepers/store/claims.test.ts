// SPDX-License-Identifier: GPL-3.0-or-later
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { expect } from 'chai'
import { bytes, refusal, StoreFolder } from './folder.ts'

const hash = (fill: number) => new Uint8Array(32).fill(fill)

describe('claims of a keeper', () => {
  const folder = new StoreFolder()
  const { open } = folder

  it('binds an act to one digest for ever: repeatable, never changed', () => {
    const store = open()
    expect(store.claims.claim(hash(1), hash(100))).to.equal(true)
    expect(store.claims.claim(hash(2), hash(100))).to.equal(true)
    expect(store.claims.claim(hash(1), hash(100))).to.equal(true)
    expect(store.claims.claim(hash(1), hash(101))).to.equal(false)
    store.journal.prune(1_000, 1_000)
    store.claims.forget(1_000, 1_000)
    store.close()
    const { claims } = open()
    expect(claims.claim(hash(2), hash(101))).to.equal(false)
    expect(claims.claim(hash(2), hash(100))).to.equal(true)
    expect([claims.has(hash(2)), claims.has(hash(3))]).to.deep.equal([true, false])
    expect(claims.count).to.equal(2)
  })

  it('keeps what belongs to a claim, of the first claim only, until its round is over', () => {
    const store = open()
    const keep = (round: number, text: string) => ({ epoch: 2, round, payload: [bytes(text)] })
    expect(store.claims.claim(hash(1), hash(100), keep(5, 'first'))).to.equal(true)
    expect(store.claims.claim(hash(1), hash(101), keep(5, 'second'))).to.equal(false)
    expect(store.claims.claim(hash(1), hash(100), keep(5, 'again'))).to.equal(true)
    store.claims.claim(hash(2), hash(100), keep(6, 'later'))
    store.close()
    const { claims } = open()
    expect(Buffer.from(claims.kept(hash(1))!).toString()).to.equal('first')
    expect(claims.kept(hash(3))).to.equal(null)
    expect(claims.forget(2, 6)).to.equal(1)
    expect(claims.kept(hash(1))).to.equal(null)
    expect(claims.has(hash(1))).to.equal(true)
    expect(claims.claim(hash(1), hash(101))).to.equal(false)
    expect(Buffer.from(claims.kept(hash(2))!).toString()).to.equal('later')
    expect(claims.forget(3, 0)).to.equal(1)
  })

  it('records neither claim nor keepsake when the disk is full', () => {
    const store = open()
    store.limitPages(40)
    const payload = [new Uint8Array((1 << 20) - 1)]
    expect(() => store.claims.claim(hash(1), hash(100), { epoch: 1, round: 1, payload })).to.throw()
    store.limitPages(100_000)
    expect(store.claims.has(hash(1))).to.equal(false)
    expect(store.claims.claim(hash(1), hash(101))).to.equal(true)
  })

  describe('keeps what is long in a file', () => {
    const files = (): string[] => readdirSync(join(folder.path, 'keepsakes'))
    const long = (fill: number) => [bytes('head'), new Uint8Array(1 << 20).fill(fill)]
    const keep = (round: number, fill: number) => ({ epoch: 2, round, payload: long(fill) })

    it('until its round is over, and writes nothing over it', () => {
      const store = open()
      expect(store.claims.claim(hash(1), hash(100), keep(5, 7))).to.equal(true)
      expect(store.claims.claim(hash(1), hash(101), keep(5, 8))).to.equal(false)
      expect(store.claims.claim(hash(1), hash(100), keep(5, 9))).to.equal(true)
      store.close()
      const { claims } = open()
      expect(Buffer.compare(claims.kept(hash(1))!, Buffer.concat(long(7)))).to.equal(0)
      expect(claims.forget(2, 6)).to.equal(1)
      expect([claims.kept(hash(1)), claims.has(hash(1)), files()]).to.deep.equal([null, true, []])
    })

    it('and gives nothing out once the file was changed: another update of the round must never be sent', () => {
      const store = open()
      store.claims.claim(hash(1), hash(100), keep(5, 7))
      const file = join(folder.path, 'keepsakes', files()[0]!)
      const changed = readFileSync(file)
      changed[1_000]! ^= 1
      writeFileSync(file, changed)
      expect(store.claims.kept(hash(1))).to.equal(null)
    })

    it('and starts beside a folder that somebody else made there', () => {
      const store = open()
      store.claims.claim(hash(1), hash(100), keep(5, 7))
      store.close()
      mkdirSync(join(folder.path, 'keepsakes', '@eaDir'))
      expect(Buffer.compare(open().claims.kept(hash(1))!, Buffer.concat(long(7)))).to.equal(0)
    })

    it('and drops files that a crash left without a claim', () => {
      const store = open()
      store.claims.claim(hash(1), hash(100), keep(5, 7))
      store.close()
      const [known] = files()
      for (const stray of [`${known}.part`, Buffer.from(hash(2)).toString('hex')]) {
        writeFileSync(join(folder.path, 'keepsakes', stray), 'stray')
      }
      open()
      expect(files()).to.deep.equal([known])
    })
  })

  it('holds on to claims that an older version recorded', () => {
    open().close()
    const raw = new DatabaseSync(join(folder.path, 'journal.sqlite'))
    // Back to the first schema, with a share given under it.
    raw.exec(`DROP TABLE keepsakes;
      ALTER TABLE claims RENAME COLUMN nonce TO c1_hash; ALTER TABLE claims RENAME COLUMN digest TO request_hash;
      ALTER TABLE claims RENAME TO shares; PRAGMA user_version = 1`)
    raw.prepare('INSERT INTO shares VALUES (?, ?, 0)').run(hash(1), hash(100))
    raw.close()
    const { claims } = open()
    expect(claims.claim(hash(1), hash(101))).to.equal(false)
    expect(claims.claim(hash(1), hash(100))).to.equal(true)
  })

  it('refuses malformed claims', () => {
    const { claims } = open()
    for (const [nonce, digest] of [
      [new Uint8Array(31), hash(1)],
      [hash(1), new Uint8Array(33)],
      [new Uint8Array(0), hash(1)],
    ] as const) {
      expect(refusal(() => claims.claim(nonce, digest)).code).to.equal('BAD_INPUT')
    }
    expect(claims.count).to.equal(0)
  })
})
