// SPDX-License-Identifier: GPL-3.0-or-later
import { spawn } from 'node:child_process'
import { chmodSync, readdirSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { expect } from 'chai'
import { KeeperStore } from '../../../keepers/store/index.ts'
import { migrate } from '../../../keepers/store/schema.ts'
import { binding, bytes, refusal, StoreFolder } from './folder.ts'

describe('keeper store', () => {
  const folder = new StoreFolder()
  const { open } = folder

  it('keeps its files to their owner, also those of a folder from before', function () {
    if (process.platform === 'win32') this.skip()
    open().putRecord('a', 1)
    const mode = (name: string): string => (statSync(join(folder.path, name)).mode & 0o777).toString(8)
    for (const name of readdirSync(folder.path).filter((name) => name.startsWith('journal.')))
      expect(mode(name), name).to.equal('600')
    folder.close()
    chmodSync(join(folder.path, 'journal.sqlite'), 0o644)
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
      expect(error.message).to.contain(folder.path)
    }
    open({ binding: { ...binding, service: binding.service.toLowerCase() } }).close()
  })

  it('lets in one process at a time, and the next one after kill -9', async function () {
    this.timeout(20_000)
    const script = join(folder.path, 'holder.ts')
    const index = new URL('../../../keepers/store/index.ts', import.meta.url).href
    writeFileSync(
      script,
      `import { KeeperStore } from '${index}'
       const store = KeeperStore.open({ folder: '${join(folder.path, 'data')}', passphrase: 'p', log2N: 10,
         binding: { chainId: 1n, service: '0x1', operator: '0x2' } })
       store.putRecord('from', 'child')
       console.log('held'); setInterval(() => store, 1000)`,
    )
    const child = spawn(process.execPath, [script], { stdio: ['ignore', 'pipe', 'inherit'] })
    await new Promise((done) => child.stdout.once('data', done))
    const again = () =>
      KeeperStore.open({
        folder: join(folder.path, 'data'),
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
    writeFileSync(
      join(folder.path, 'journal.sqlite'),
      'this is no database, and long enough to be read as one'.repeat(50),
    )
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
