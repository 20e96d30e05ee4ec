// SPDX-License-Identifier: GPL-3.0-or-later
import { randomBytes } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect } from 'chai'
import { type HeliaNode, startNode } from '../../../keepers/network/node.ts'
import { Parts } from '../../../keepers/network/parts.ts'

const PROTOCOL = '/cohort/parts/1'

describe('questions on streams that are there', () => {
  let folder: string
  const nodes: HeliaNode[] = []
  const start = async (): Promise<HeliaNode> => {
    const node = await startNode({ folder: join(folder, String(nodes.length)), identitySeed: randomBytes(32) })
    nodes.push(node)
    return node
  }
  const streamsOf = (node: HeliaNode): string[] =>
    node.libp2p
      .getConnections()
      .flatMap(({ streams }) => streams)
      .filter(({ protocol, status }) => protocol === PROTOCOL && status === 'open')
      .map(({ id }) => id)
  const optionsFor = (node: HeliaNode) => ({ timeout: 10_000, provider: String(node.libp2p.getMultiaddrs()[0]) })
  const settle = () => new Promise((resolve) => setTimeout(resolve, 200))

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'cohort-streams-'))
  })
  afterEach(async () => {
    await Promise.all(nodes.splice(0).map((node) => node.stop()))
  })
  after(() => rm(folder, { recursive: true, force: true, maxRetries: 5, retryDelay: 100 }))

  async function pair(): Promise<{ asker: HeliaNode; asked: HeliaNode; from: Parts; to: Parts }> {
    const [asker, asked] = [await start(), await start()]
    const [from, to] = [new Parts(asker, async () => true), new Parts(asked, async () => true)]
    await Promise.all([from.start(), to.start()])
    return { asker, asked, from, to }
  }

  it('go over the stream that answered before; of many at a time two streams stay', async () => {
    const { asker, asked, from, to } = await pair()
    const options = optionsFor(asked)
    to.tell('one', Uint8Array.of(1))
    await from.ask('one', options)
    const first = streamsOf(asker)
    expect(first.length).to.equal(1)
    for (let i = 0; i < 5; i++) expect([...(await from.ask('one', options))!]).to.deep.equal([1])
    expect(streamsOf(asker)).to.deep.equal(first)
    await Promise.all(Array.from({ length: 6 }, () => from.ask('one', options)))
    for (let i = 0; i < 25 && streamsOf(asked).length > 2; i++) await settle()
    expect(streamsOf(asker).length).to.equal(2)
    expect(streamsOf(asked).length).to.equal(2)
    await Promise.all([from.stop(), to.stop()])
  })

  it('keep their answers when a stream that is not kept cannot be closed', async () => {
    const { asker, asked, from, to } = await pair()
    const options = optionsFor(asked)
    to.tell('one', Uint8Array.of(1))
    await from.ask('one', options)
    const [connection] = asker.libp2p.getConnections()
    const open = connection!.newStream.bind(connection)
    let refused = 0
    connection!.newStream = async (...about) => {
      const stream = await open(...about)
      stream.close = async () => {
        refused++
        throw new Error('reset by the peer')
      }
      return stream
    }
    const answers = await Promise.all(Array.from({ length: 6 }, () => from.ask('one', options)))
    for (const answer of answers) expect([...answer!]).to.deep.equal([1])
    expect(refused).to.be.at.least(1)
    for (let i = 0; i < 25 && streamsOf(asker).length > 2; i++) await settle()
    expect(streamsOf(asker).length).to.equal(2)
    await Promise.all([from.stop(), to.stop()])
  })

  it('are asked anew when the peer has closed its streams, or started again', async () => {
    const { asker, asked, from, to } = await pair()
    const options = optionsFor(asked)
    to.tell('one', Uint8Array.of(1))
    await from.ask('one', options)
    for (const { streams } of asked.libp2p.getConnections())
      for (const stream of streams) stream.abort(new Error('gone'))
    expect([...(await from.ask('one', options))!]).to.deep.equal([1])
    for (const connection of asked.libp2p.getConnections()) await connection.close()
    await settle()
    expect([...(await from.ask('one', options))!]).to.deep.equal([1])
    expect(streamsOf(asker).length).to.equal(1)
    await Promise.all([from.stop(), to.stop()])
  })

  it('end with a byte that nobody asked for, and are asked anew: a peer that sends on fills no memory', async () => {
    const { asker, from, to } = await pair()
    const mallory = await start()
    await mallory.libp2p.handle(PROTOCOL, (stream) => {
      stream.addEventListener('message', () => {
        stream.send(Uint8Array.of(1, 0, 0, 0, 7))
        setTimeout(() => stream.status === 'open' && stream.send(new Uint8Array(1 << 20)), 50)
      })
    })
    for (let i = 0; i < 2; i++) {
      expect([...(await from.ask('one', optionsFor(mallory)))!]).to.deep.equal([7])
      expect(streamsOf(asker).length).to.equal(1)
      for (let i = 0; i < 25 && streamsOf(asker).length > 0; i++) await settle()
      expect(streamsOf(asker)).to.deep.equal([])
    }
    await Promise.all([from.stop(), to.stop()])
  })
})
