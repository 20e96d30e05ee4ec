// SPDX-License-Identifier: GPL-3.0-or-later
import { expect } from 'chai'
import { BoundedDatastore } from '../../../keepers/network/bounded-datastore.ts'

type Key = Parameters<BoundedDatastore['put']>[0]

const key = (text: string): Key => ({ toString: () => text }) as Key
const byte = Uint8Array.of(1)

async function under(store: BoundedDatastore, prefix?: string): Promise<string[]> {
  const found: string[] = []
  for await (const entry of store.query(prefix === undefined ? {} : { prefix })) found.push(entry.key.toString())
  return found.sort()
}

describe('bounded datastore', () => {
  it('holds at most its limit, and drops the least recently used entries', async () => {
    const store = new BoundedDatastore(3)
    for (const name of ['/a/1', '/a/2', '/b/1']) store.put(key(name), byte)
    store.get(key('/a/1'))
    store.put(key('/a/2'), Uint8Array.of(2))
    store.put(key('/c/1'), byte)
    expect(store.size).to.equal(3)
    expect(await under(store)).to.deep.equal(['/a/1', '/a/2', '/c/1'])
    expect([...store.get(key('/a/2'))]).to.deep.equal([2])
    expect(() => store.get(key('/b/1')))
      .to.throw()
      .with.property('name', 'NotFoundError')
    for (let i = 0; i < 1000; i++) store.put(key(`/d/${i}`), byte)
    expect(store.size).to.equal(3)
    expect(await under(store)).to.deep.equal(['/d/997', '/d/998', '/d/999'])
  })

  it('finds the entries of one folder, and of several, by prefix', async () => {
    const store = new BoundedDatastore(10)
    for (const name of ['/p/x/1', '/p/x/2', '/p/y/1', '/q/1']) store.put(key(name), byte)
    expect(await under(store, '/p/x')).to.deep.equal(['/p/x/1', '/p/x/2'])
    expect(await under(store, '/p/x/')).to.deep.equal(['/p/x/1', '/p/x/2'])
    expect(await under(store, '/p')).to.deep.equal(['/p/x/1', '/p/x/2', '/p/y/1'])
    expect(await under(store, '/none')).to.deep.equal([])
    const keys: string[] = []
    for await (const found of store.queryKeys({ prefix: '/q' })) keys.push(found.toString())
    expect(keys).to.deep.equal(['/q/1'])
  })

  it('forgets deleted entries', async () => {
    const store = new BoundedDatastore(10)
    store.put(key('/p/x/1'), byte)
    store.delete(key('/p/x/1'))
    store.delete(key('/p/x/1'))
    expect(store.has(key('/p/x/1'))).to.equal(false)
    expect(store.size).to.equal(0)
    expect(await under(store, '/p/x')).to.deep.equal([])
  })
})
