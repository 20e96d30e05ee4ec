// SPDX-License-Identifier: GPL-3.0-or-later
import { spawn } from 'node:child_process'
import { chmodSync, cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { inspect } from 'node:util'
import { expect } from 'chai'
import { KeeperStore, StoreError } from '../../../keepers/store/index.ts'
import { migrate } from '../../../keepers/store/schema.ts'
import { newKdfParameters, SecretBox } from '../../../keepers/store/secret-box.ts'

const binding = {
  chainId: 31337n,
  service: '0x00000000000000000000000000000000000000Aa',
  operator: '0x00000000000000000000000000000000000000Bb',
}
const passphrase = 'correct horse battery staple'
const bytes = (text: string) => new TextEncoder().encode(text)

function refusal(body: () => unknown): StoreError {
  try {
    body()
  } catch (error) {
    if (error instanceof StoreError) return error
    throw error
  }
  throw new Error('expected a StoreError')
}

describe('keeper store', () => {
  let folder: string
  const opened: KeeperStore[] = []
  const open = (extra: Record<string, unknown> = {}) => {
    const store = KeeperStore.open({ folder, passphrase, binding, log2N: 10, ...extra })
    opened.push(store)
    return store
  }

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'cohort-store-'))
  })
  afterEach(() => {
    for (const store of opened.splice(0)) store.close()
    rmSync(folder, { recursive: true, force: true })
  })

  it('keeps its files to their owner, also those of a folder from before', function () {
    if (process.platform === 'win32') this.skip()
    open().putRecord('a', 1)
    const mode = (name: string): string => (statSync(join(folder, name)).mode & 0o777).toString(8)
    for (const name of readdirSync(folder).filter((name) => name.startsWith('journal.')))
      expect(mode(name), name).to.equal('600')
    opened.pop()!.close()
    chmodSync(join(folder, 'journal.sqlite'), 0o644)
    open()
    expect(mode('journal.sqlite')).to.equal('600')
  })

  it('keeps intents and secrets over a restart', async () => {
    const store = open()
    const at = { key: '1/2/commit', epoch: 1, round: 2 }
    await store.journal.once(at, () => bytes('first'))
    store.putSecret('epoch/1/key', bytes('sssh'))
    store.close()
    const again = open()
    const intent = await again.journal.once(at, () => {
      throw new Error('must not be produced twice')
    })
    expect(Buffer.from(intent.payload).toString()).to.equal('first')
    expect(Buffer.from(again.getSecret('epoch/1/key')!).toString()).to.equal('sssh')
  })

  it('lets a second caller wait for the bytes that the first is making, and makes none of its own', async () => {
    const { journal } = open()
    const at = { key: 'race', epoch: 0, round: 0 }
    let made = 0
    const produce = async () => {
      made++
      await new Promise((done) => setTimeout(done, 20))
      return bytes(`made ${made}`)
    }
    const [first, second] = await Promise.all([journal.once(at, produce), journal.once(at, produce)])
    expect(first!.payload).to.deep.equal(second!.payload)
    expect(made).to.equal(1)
  })

  it('fails both of two callers when the bytes cannot be made, and lets the next one try', async () => {
    const { journal } = open()
    const at = { key: 'race', epoch: 0, round: 0 }
    const fail = async () => Promise.reject(new Error('out of memory'))
    const both = await Promise.allSettled([journal.once(at, fail), journal.once(at, fail)])
    expect(both.map(({ status }) => status)).to.deep.equal(['rejected', 'rejected'])
    expect(Buffer.from((await journal.once(at, () => bytes('at last'))).payload).toString()).to.equal('at last')
  })

  it('writes nothing when the bytes of an intent could not be made', async () => {
    const { journal } = open()
    const at = { key: 'k', epoch: 0, round: 0 }
    const failed = journal.once(at, async () => Promise.reject(new Error('out of memory')))
    expect(await failed.catch((error: Error) => error.message)).to.equal('out of memory')
    expect(journal.find('k')).to.equal(null)
  })

  const hash = (fill: number) => new Uint8Array(32).fill(fill)

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
    const keep = (round: number, text: string) => ({ epoch: 2, round, payload: bytes(text) })
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
    const payload = new Uint8Array(1 << 20)
    expect(() => store.claims.claim(hash(1), hash(100), { epoch: 1, round: 1, payload })).to.throw()
    store.limitPages(100_000)
    expect(store.claims.has(hash(1))).to.equal(false)
    expect(store.claims.claim(hash(1), hash(101))).to.equal(true)
  })

  it('holds on to claims that an older version recorded', () => {
    open().close()
    const raw = new DatabaseSync(join(folder, 'journal.sqlite'))
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

  it('refuses a wrong passphrase and leaves the folder as it was', () => {
    open().close()
    const error = refusal(() => open({ passphrase: 'wrong' }))
    expect(error.code).to.equal('WRONG_PASSPHRASE')
    expect(error.message).not.to.contain('wrong ')
    open().close()
  })

  it('refuses the folder of another chain, service or operator, and names the owner', () => {
    open().close()
    for (const change of [
      { chainId: 1n },
      { service: '0x00000000000000000000000000000000000000Cc' },
      { operator: '0x00000000000000000000000000000000000000Dd' },
    ]) {
      const error = refusal(() => open({ binding: { ...binding, ...change } }))
      expect(error.code).to.equal('WRONG_FOLDER')
      expect(error.message).to.contain(folder)
    }
    open({ binding: { ...binding, service: binding.service.toLowerCase() } }).close()
  })

  it('lets in one process at a time, and the next one after kill -9', async function () {
    this.timeout(20_000)
    const script = join(folder, 'holder.ts')
    const index = new URL('../../../keepers/store/index.ts', import.meta.url).href
    writeFileSync(
      script,
      `import { KeeperStore } from '${index}'
       const store = KeeperStore.open({ folder: '${join(folder, 'data')}', passphrase: 'p', log2N: 10,
         binding: { chainId: 1n, service: '0x1', operator: '0x2' } })
       store.putRecord('from', 'child')
       console.log('held'); setInterval(() => store, 1000)`,
    )
    const child = spawn(process.execPath, [script], { stdio: ['ignore', 'pipe', 'inherit'] })
    await new Promise((done) => child.stdout.once('data', done))
    const again = () =>
      KeeperStore.open({
        folder: join(folder, 'data'),
        passphrase: 'p',
        binding: { chainId: 1n, service: '0x1', operator: '0x2' },
      })
    expect(refusal(again).code).to.equal('LOCKED')
    child.kill('SIGKILL')
    await new Promise((done) => child.once('exit', done))
    const store = again()
    expect(store.getRecord('from')).to.equal('child')
    expect(refusal(again).code).to.equal('LOCKED')
    store.close()
  })

  it('keeps secrets unreadable in every file, and out of printed values', () => {
    const store = open()
    const secret = 'the plaintext that nobody may find'
    store.putSecret('x', bytes(secret))
    store.putSecret('x', bytes(`${secret} again`))
    expect(store.eraseSecrets('y')).to.equal(0)
    store.close()
    for (const name of readdirSync(folder)) {
      expect(readFileSync(join(folder, name)).includes(secret), name).to.equal(false)
    }
    expect(statSync(join(folder, 'journal.sqlite')).size).to.be.greaterThan(0)
    const box = new SecretBox(passphrase, newKdfParameters(10))
    expect(`${box} ${JSON.stringify(box)} ${inspect(box)}`).to.equal('[secret] "[secret]" [secret]')
  })

  describe('what is erased', () => {
    /** The sealed form of a secret, as anyone who reads the folder sees it. */
    const sealedForm = (name: string): Uint8Array => {
      const file = new DatabaseSync(join(folder, 'journal.sqlite'), { readOnly: true })
      const row = file.prepare('SELECT sealed FROM secrets WHERE name = ?').get(name) as { sealed: Uint8Array }
      file.close()
      return row.sealed
    }
    /** Files of the folder in which any piece of the bytes is found. */
    const holding = (sealed: Uint8Array, where = folder): string[] =>
      readdirSync(where).filter((name) => {
        const content = readFileSync(join(where, name))
        // A page holds a part only of a long value.
        for (let at = 0; at + 64 <= sealed.length; at += 512) {
          if (content.includes(Buffer.from(sealed.subarray(at, at + 64)))) return true
        }
        return false
      })
    const long = () => new Uint8Array(20_000).fill(7)

    it('leaves every file of the folder while the keeper runs, the write-ahead log too', () => {
      const store = open()
      store.putSecret('epoch/1/key', long())
      store.putSecret('epoch/2/key', long())
      const [old, kept] = [sealedForm('epoch/1/key'), sealedForm('epoch/2/key')]
      expect(holding(old)).to.not.deep.equal([])
      expect(store.eraseSecrets('epoch/1/')).to.equal(1)
      expect(holding(old)).to.deep.equal([])
      expect(holding(kept)).to.not.deep.equal([])
    })

    it('also when the erasure is part of a transaction, and what was overwritten with it', () => {
      const store = open()
      store.putSecret('epoch/1/key', long())
      store.putSecret('peer', long())
      const forms = [sealedForm('epoch/1/key'), sealedForm('peer')]
      store.putSecret('peer', long().fill(8))
      store.transaction(() => {
        store.eraseSecrets('epoch/1/')
        store.putRecord('erased', 1)
      })
      for (const form of forms) expect(holding(form)).to.deep.equal([])
      expect(store.getRecord('erased')).to.equal(1)
    })

    it('when the process was killed between erasing and clearing the log: at the next start', () => {
      const store = open()
      store.putSecret('epoch/1/key', long())
      const form = sealedForm('epoch/1/key')
      store.close()
      const killed = new DatabaseSync(join(folder, 'journal.sqlite'))
      killed.exec('PRAGMA secure_delete = ON; PRAGMA wal_autocheckpoint = 0')
      killed.exec("DELETE FROM secrets WHERE name LIKE 'epoch/%'")
      const image = mkdtempSync(join(tmpdir(), 'cohort-killed-'))
      try {
        cpSync(folder, image, { recursive: true })
        expect(holding(form, image)).to.not.deep.equal([])
        open({ folder: image })
        expect(holding(form, image)).to.deep.equal([])
      } finally {
        killed.close()
        for (const each of opened.splice(0)) each.close()
        rmSync(image, { recursive: true, force: true })
      }
    })
  })

  it('detects secrets that were swapped or altered in the file', () => {
    const store = open()
    store.putSecret('a', bytes('value of a'))
    store.putSecret('b', bytes('value of b'))
    store.close()
    const raw = new DatabaseSync(join(folder, 'journal.sqlite'))
    raw.exec("UPDATE secrets SET sealed = (SELECT sealed FROM secrets WHERE name = 'b') WHERE name = 'a'")
    raw.close()
    const again = open()
    expect(refusal(() => again.getSecret('a')).code).to.equal('WRONG_PASSPHRASE')
    expect(Buffer.from(again.getSecret('b')!).toString()).to.equal('value of b')
    expect(again.eraseSecrets('b')).to.equal(1)
    expect(again.getSecret('b')).to.equal(null)
  })

  it('rolls a transaction back as a whole', () => {
    const store = open()
    expect(() =>
      store.transaction(() => {
        store.putCursor('events', { block: 7 })
        throw new Error('half-way')
      }),
    ).to.throw('half-way')
    expect(store.getCursor('events')).to.equal(null)
    store.transaction(() => store.putCursor('events', { block: 8 }))
    expect(store.getCursor('events')).to.deep.equal({ block: 8 })
  })

  it('migrates step by step, is idempotent, undoes a failed step, and refuses a newer schema', () => {
    const database = new DatabaseSync(':memory:')
    const steps = ['CREATE TABLE one (a INTEGER)', 'ALTER TABLE one ADD COLUMN b INTEGER']
    migrate(database, steps.slice(0, 1))
    migrate(database, steps)
    migrate(database, steps)
    expect(database.prepare('SELECT a, b FROM one').all()).to.deep.equal([])
    expect(() => migrate(database, [...steps, 'CREATE TABLE two (a INTEGER)', 'nonsense'])).to.throw()
    expect(() => database.prepare('SELECT * FROM two')).to.throw('no such table')
    expect(refusal(() => migrate(database, steps.slice(0, 1))).code).to.equal('NEWER_SCHEMA')
  })

  it('says that a damaged database is damaged', () => {
    writeFileSync(join(folder, 'journal.sqlite'), 'this is no database, and long enough to be read as one'.repeat(50))
    expect(refusal(() => open()).code).to.equal('CORRUPT')
  })

  it('reports a full disk by name and stays usable', async () => {
    const store = open()
    store.putRecord('small', 1)
    // SQLite's own ceiling on pages stands in for the disk: it fails with the same SQLITE_FULL.
    store.limitPages(40)
    expect(refusal(() => store.putRecord('large', 'x'.repeat(1 << 20))).code).to.equal('DISK_FULL')
    expect(store.getRecord('small')).to.equal(1)
    store.limitPages(100_000)
    store.putRecord('large', 'x'.repeat(1 << 20))
  })
})
