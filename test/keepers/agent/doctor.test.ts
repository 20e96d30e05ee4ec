// SPDX-License-Identifier: GPL-3.0-or-later
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createServer, type Server } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect } from 'chai'
import { examineKeeper, initKeeper } from '../../../keepers/agent/index.ts'
import { checkWorkers, countWitnesses } from '../../../keepers/agent/operations/doctor.ts'
import { noPlaceWithoutSamples } from '../../../keepers/agent/operations/doctor-service.ts'
import { exampleManifest } from '../../../keepers/versions/index.ts'

describe('the doctor', function () {
  this.timeout(120_000)
  let folder: string
  let server: Server
  let answer: object = {}
  let port = 0
  before(async () => {
    folder = mkdtempSync(join(tmpdir(), 'cohort-doctor-'))
    // What has the monitoring port: another keeper, or anything else.
    server = createServer((_, response) => response.end(JSON.stringify(answer)))
    await new Promise<void>((done) => server.listen(0, '127.0.0.1', done))
    port = (server.address() as { port: number }).port
  })
  after(() => {
    server.closeAllConnections()
    server.close()
    rmSync(folder, { recursive: true, force: true })
  })

  it('says of a keeper without samples that a service which needs every update of its buffer has no place for it', () => {
    const terms = (buffer: bigint) => ({ buffer, minKeepers: 3n, maxKeepers: 8n })
    const of = (data: object, buffer: bigint) => noPlaceWithoutSamples({ data } as never, terms(buffer))
    expect(of({ source: 'none' }, 6n)).to.include({ verdict: 'fail', name: 'samples' })
    expect(of({ source: 'none' }, 6n)!.found).to.match(/take 6 updates and need 6/)
    expect(of({ source: 'csv', use: 'judge' }, 5n)).not.to.equal(null)
    for (const buffer of [0n, 7n]) expect(of({ source: 'none' }, buffer)).to.equal(null)
    expect(of({ source: 'csv', use: 'train' }, 6n)).to.equal(null)
  })

  it('names the folder that is none', async () => {
    const checks = await examineKeeper({ folder: join(folder, 'none') })
    expect(checks.map(({ name, verdict }) => [name, verdict])).to.deep.equal([['config', 'fail']])
    expect(checks[0]!.found).to.match(/cohort keeper init/)
  })

  it('says how batches are shared, and warns of more threads than cores', () => {
    const of = (workers: number, cores: number) =>
      checkWorkers({ workers, batchSize: 32 }, cores).map(({ verdict, found }) => [verdict, found])
    expect(of(1, 1)).to.deep.equal([])
    expect(of(3, 4)).to.deep.equal([['ok', 'training.workers 3: batches of 32 in slices of 11, on 4 cores']])
    expect(of(3, 2)[0]![0]).to.equal('warn')
  })

  it('goes through what needs no chain when no endpoint answers, and says who has a port', async () => {
    const home = join(folder, 'keeper')
    const { operator } = await initKeeper({
      folder: home,
      passphrase: 'of this test only',
      scryptLog2N: 10,
      manifest: exampleManifest('mlp'),
      values: {
        'chain.id': 1,
        'chain.rpc': ['http://127.0.0.1:9/secret'],
        'service.address': `0x${'11'.repeat(20)}`,
        'network.listen': ['/ip4/127.0.0.1/tcp/0'],
        'monitoring.port': port,
        'data.limit': 50,
      },
    })
    const other = `0x${'22'.repeat(20)}`
    answer = { operator: other }
    chmodSync(join(home, 'journal.sqlite'), 0o644)
    const checks = await examineKeeper({ folder: home })
    const of = (name: string) => checks.filter((check) => check.name === name)
    expect(of('keys')[0]).to.include({ verdict: 'warn', fix: `chmod 600 ${join(home, 'journal.sqlite')}` })
    expect(of('port')).to.have.length(1)
    expect(of('port')[0]!.verdict).to.equal('fail')
    expect(of('port')[0]!.found).to.contain(`EADDRINUSE, another keeper, ${other} has it`)
    expect(of('address')[0]).to.include({ verdict: 'warn' })
    expect(of('data')[0]!.found).to.match(/^\d+ samples to train on/)
    expect(of('rpc').map(({ verdict }) => verdict)).to.deep.equal(['fail'])
    expect(JSON.stringify(checks)).not.to.contain('secret')
    // Whatever needs the chain is not guessed at.
    for (const name of ['funds', 'manifest', 'peers', 'service', 'clock']) expect(of(name), name).to.deep.equal([])

    answer = { operator, healthy: true }
    chmodSync(join(home, 'journal.sqlite'), 0o600)
    const running = await examineKeeper({ folder: home })
    expect(running.find(({ name }) => name === 'process')).to.include({ verdict: 'ok' })
    expect(running.filter(({ name }) => name === 'port')).to.deep.equal([])
    expect(running.find(({ name }) => name === 'keys')).to.include({ verdict: 'ok', found: `operator ${operator}` })
  })

  it('fails when two endpoints have different chains, or one does not know what is final', async () => {
    const home = join(folder, 'contradicted')
    const now = Math.floor(Date.now() / 1000)
    /** An endpoint with a block of this hash at every height. */
    const endpoint = async (hash: string) => {
      const block = {
        ...{ number: '0x40', hash, parentHash: hash, timestamp: `0x${now.toString(16)}`, transactions: [] },
        ...{ nonce: '0x0000000000000000', difficulty: '0x0', gasLimit: '0x1', gasUsed: '0x0', extraData: '0x' },
        miner: `0x${'00'.repeat(20)}`,
      }
      const answers: Record<string, unknown> = { eth_chainId: '0x7a69', eth_getBlockByNumber: block, eth_getLogs: [] }
      const hasTag = hash.startsWith('0x11')
      const node = createServer(async (request, response) => {
        const parts: Buffer[] = []
        for await (const part of request) parts.push(part as Buffer)
        const { id, method, params } = JSON.parse(Buffer.concat(parts).toString())
        const isMissing = params[0] === 'finalized' && !hasTag
        const error = { code: -39001, message: 'unknown block' }
        const answer = isMissing ? { error } : { result: answers[method] ?? '0x' }
        response.end(JSON.stringify({ jsonrpc: '2.0', id, ...answer }))
      })
      await new Promise<void>((done) => node.listen(0, '127.0.0.1', done))
      return { node, url: `http://127.0.0.1:${(node.address() as { port: number }).port}` }
    }
    const [one, same, other] = await Promise.all(['11', '11', '22'].map((pair) => endpoint(`0x${pair.repeat(32)}`)))
    await initKeeper({
      folder: home,
      passphrase: 'of this test only',
      scryptLog2N: 10,
      manifest: exampleManifest('mlp'),
      values: { 'chain.rpc': [one!.url, other!.url], 'service.address': `0x${'11'.repeat(20)}`, 'data.limit': 50 },
    })
    const file = join(home, 'keeper.yaml')
    try {
      const differing = async () =>
        (await examineKeeper({ folder: home })).filter(
          ({ name, found }) => name === 'rpc' && /different blocks/.test(found),
        )
      const [found] = await differing()
      expect(found).to.include({ verdict: 'fail' })
      expect(found!.found).to.contain(`${one!.url} 0x1111`).and.to.contain(`${other!.url} 0x2222`)
      writeFileSync(file, readFileSync(file, 'utf8').replace('# finality: finalized ', 'finality: finalized '))
      const tagged = (await examineKeeper({ folder: home })).filter(({ found }) => /finalized/.test(found))
      expect(tagged.map(({ verdict }) => verdict)).to.deep.equal(['ok', 'fail'])
      expect(tagged[1]!.found).to.contain(`${other!.url} does not say which block is finalized (unknown block)`)
      writeFileSync(file, readFileSync(file, 'utf8').replace(other!.url, same!.url))
      expect(await differing()).to.deep.equal([])
    } finally {
      for (const { node } of [one!, same!, other!]) {
        node.closeAllConnections()
        node.close()
      }
    }
  })

  it('warns of two endpoints of one host, which are one, and of two names of one address, which are two', async () => {
    const found = async (...rpc: string[]) =>
      (await countWitnesses({ chain: { rpc, confirmations: 2 } })).map(
        ({ verdict, found: text }) => `${verdict} ${text}`,
      )
    expect(await found('https://10.0.0.1/one', 'https://10.0.0.1/two')).to.deep.equal([
      'warn chain.rpc has 2 endpoints of 1 hosts',
    ])
    expect(await found('http://127.0.0.1:8545', 'http://localhost:8546')).to.deep.equal([
      'warn chain.rpc has 2 endpoints: two that contradict each other silence it',
      'warn 127.0.0.1:8545 and localhost:8546 are both at 127.0.0.1',
    ])
    expect(await found('https://10.0.0.1', 'https://10.0.0.2', 'https://10.0.0.3')).to.deep.equal([])
  })
})
