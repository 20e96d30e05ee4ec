// SPDX-License-Identifier: GPL-3.0-or-later
import { execFileSync, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { createServer, type Server } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect } from 'chai'
import { keccak256 } from 'ethers'
import { ROOT } from '../../scripts/bootstrap/paths.mjs'
import type { Line, ServiceEvent } from '../../scripts/cluster.ts'
import { LIES, type Lie, type Manner, UnrulyEndpoint } from '../../scripts/soak/endpoint.ts'
import { findingsOf } from '../../scripts/soak/findings.ts'
import { FAULTS, faultsOf } from '../../scripts/soak/plan.ts'
import { brokenPromises, formatReport } from '../../scripts/soak/report.ts'
import type { SoakReport } from '../../scripts/soak/run.ts'

describe('the faults of a soak', () => {
  const many = (seed: number) =>
    Array.from({ length: 200 }, (_, round) => faultsOf(seed, round, { keepers: 7, kinds: FAULTS }))

  it('follow from the seed, and are others with another', () => {
    expect(many(1)).to.deep.equal(many(1))
    expect(many(1)).not.to.deep.equal(many(2))
  })

  it('are of every kind and every keeper, never as many in a round as a decryption needs members', () => {
    const rounds = many(3)
    const all = rounds.flat()
    expect(new Set(all.map(({ kind }) => kind))).to.deep.equal(new Set(FAULTS))
    expect(new Set(all.map(({ keeper }) => keeper)).size).to.equal(7)
    for (const faults of rounds) {
      expect(faults).to.have.length.within(1, 3)
      expect(new Set(faults.map(({ keeper }) => keeper)).size).to.equal(faults.length)
      for (const { lasts, after } of faults)
        expect([lasts, after]).to.satisfy(([a, b]: number[]) => a! >= 2 && a! <= 20 && b! <= 10)
    }
    expect(faultsOf(1, 1, { keepers: 4, kinds: ['kill'] })).to.have.length(1)
  })
})

describe('what a soak finds', () => {
  const event = (name: string, args: object): ServiceEvent => ({ name, args: args as never, block: 1 })
  const accepted = (node: string, round: number, cid: string): Line => ({ node, event: 'model accepted', round, cid })
  const reason = `0x${Buffer.from('SILENT_AT_DECRYPT').toString('hex').padEnd(64, '0')}`
  const quiet = [
    event('UpdateCommitted', { round: 1 }),
    event('UpdateCompleted', { round: 1 }),
    event('ModelVoted', { round: 1, candidate: 0, modelCommitment: '0xa' }),
    event('MembersDrafted', { round: 1, convicted: 0n }),
    // Round 2 is the one in which an epoch ends: nobody may commit.
    event('UpdateCommitted', { round: 3 }),
    event('UpdateCompleted', { round: 3 }),
    event('UpdateCommitted', { round: 4 }),
  ]

  it('is nothing in rounds that went well, the one in which an epoch ends and the one that runs', () => {
    const found = findingsOf(quiet, [accepted('a', 1, 'x'), accepted('b', 1, 'x'), accepted('a', 3, 'y')])
    const nothing = { lost: [], penalties: [], dropped: 0, disagreements: [], ignored: [] }
    expect(found).to.deep.equal({ completed: 2, ...nothing, slices: { together: 0, alone: 0 } })
    expect(brokenPromises({ ...found, stakeLost: '0' })).to.deep.equal([])
  })

  it('is every round, stake, seat and word of agreement that was lost', () => {
    const events = [
      ...quiet,
      event('UpdateIncomplete', { round: 4 }),
      event('Penalised', { seat: 2, reason, taken: 10n ** 19n }),
      event('Dropped', {}),
      event('UpdateDisputed', { round: 4, seat: 1, accused: 2 }),
      event('KeyComplaint', { epoch: 1, seat: 1, accused: 2 }),
      event('MembersDrafted', { round: 4, convicted: 4n }),
      event('ModelVoted', { round: 1, candidate: 0, modelCommitment: '0xb' }),
    ]
    const said = (node: string, event: string, more = {}): Line => ({ node, event, round: 4, ...more })
    const sums = [said('a', 'slices'), said('b', 'slices disagree'), said('b', 'notes ignored', { seats: [1] })]
    const found = findingsOf(events, [accepted('a', 1, 'x'), accepted('b', 1, 'z'), ...sums])
    expect(found.slices).to.deep.equal({ together: 1, alone: 1 })
    expect(found.ignored).to.deep.equal(['round 4: b ignores the notes of seats 1'])
    expect(found.lost).to.deep.equal([4])
    expect(found.penalties).to.deep.equal([{ seat: 2, reason: 'SILENT_AT_DECRYPT', taken: String(10n ** 19n) }])
    expect(found.dropped).to.equal(1)
    expect(found.disagreements).to.have.length(5)
    expect(brokenPromises({ ...found, stakeLost: String(10n ** 19n) })).to.have.length(9)
  })

  it('is told in a table, with the kinds that this machine cannot do', () => {
    const size = { resident: 300 << 20, heap: 50 << 20, handles: 20 }
    const report = {
      seed: 1,
      keepers: 7,
      secondsPerRound: 20,
      faults: [{ kind: 'kill' }],
      ended: ['keeper-1 ended with exit code 1: x'],
    }
    const found = {
      ...findingsOf(quiet, []),
      stakeLost: '0',
      start: [size],
      end: [size],
      skipped: { loss: 'no iptables' },
    }
    const table = formatReport({ ...report, ...found } as unknown as SoakReport)
    expect(table)
      .to.match(/rounds lost +0\n/)
      .and.match(/faults: kill +1\n/)
      .and.match(/faults: loss +no iptables\n/)
    expect(table)
      .to.match(/resident memory +300 MiB → 300 MiB/)
      .and.contain('ended: keeper-1')
      .and.not.contain('BROKEN')
  })
})

describe('an unruly endpoint', () => {
  let chain: Server
  let endpoint: UnrulyEndpoint
  let head = 5
  const passed: string[] = []

  before(async () => {
    chain = createServer(async (request, response) => {
      const parts: Buffer[] = []
      for await (const part of request) parts.push(part as Buffer)
      const { id, method, params } = JSON.parse(Buffer.concat(parts).toString())
      passed.push(method)
      const results: Record<string, unknown> = {
        eth_blockNumber: `0x${head}`,
        eth_getBlockByNumber: { number: params[0] },
        eth_getLogs: [{}],
        eth_call: '0x1234',
        eth_chainId: '0x7a69',
        eth_getTransactionCount: '0x9',
        eth_getTransactionReceipt: {},
        eth_sendRawTransaction: '0x77',
      }
      response.end(JSON.stringify({ jsonrpc: '2.0', id, result: results[method] }))
    })
    chain.listen(0, '127.0.0.1')
    await once(chain, 'listening')
    endpoint = await UnrulyEndpoint.start(`http://127.0.0.1:${(chain.address() as { port: number }).port}`, '127.0.0.1')
  })
  after(async () => {
    await endpoint[Symbol.asyncDispose]()
    chain.close()
  })

  const ask = async (method: string, params: unknown[] = []): Promise<any> => {
    const body = JSON.stringify({ jsonrpc: '2.0', id: 7, method, params })
    return await (await fetch(endpoint.url, { method: 'POST', body })).json()
  }
  const while_ = async <T>(manner: Manner, body: () => Promise<T>): Promise<T> => {
    await endpoint.behave(manner)
    return await body().finally(() => endpoint.behave({ kind: 'ok' }))
  }

  it('passes everything on as it is, one by one and in batches', async () => {
    expect((await ask('eth_call')).result).to.equal('0x1234')
    const body = JSON.stringify(
      ['eth_chainId', 'eth_call'].map((method, id) => ({ jsonrpc: '2.0', id, method, params: [] })),
    )
    const both = (await (await fetch(endpoint.url, { method: 'POST', body })).json()) as { result: string }[]
    expect(both.map(({ result }) => result)).to.deep.equal(['0x7a69', '0x1234'])
  })

  it('tells each of its lies, and the truth again afterwards', async () => {
    const raw = '0x1122'
    const said: Record<Lie, () => Promise<unknown>> = {
      'old head': async () => {
        head = 6
        return [(await ask('eth_blockNumber')).result, (await ask('eth_getBlockByNumber', ['latest'])).result.number]
      },
      'no logs': async () => (await ask('eth_getLogs')).result,
      'no receipts': async () => (await ask('eth_getTransactionReceipt')).result,
      'zero state': async () => (await ask('eth_call')).result,
      swallow: async () => (await ask('eth_sendRawTransaction', [raw])).result,
      'zero nonce': async () => (await ask('eth_getTransactionCount')).result,
      'wrong chain': async () => (await ask('eth_chainId')).result,
    }
    const lies: Record<Lie, unknown> = {
      'old head': ['0x5', '0x5'],
      'no logs': [],
      'no receipts': null,
      'zero state': '0x0000',
      swallow: keccak256(raw),
      'zero nonce': '0x0',
      'wrong chain': '0x1',
    }
    passed.length = 0
    for (const lie of LIES) expect(await while_({ kind: 'lie', lie }, said[lie]), lie).to.deep.equal(lies[lie])
    expect(passed).not.to.contain('eth_sendRawTransaction')
    for (const lie of LIES) expect(await said[lie](), lie).not.to.deep.equal(lies[lie])
  })

  it('refuses by its limits, is slow, or is not there', async () => {
    const limited = { kind: 'limit', requests: 2, blocks: 10 } as const
    const range = (blocks: number) => [{ fromBlock: '0x1', toBlock: `0x${blocks.toString(16)}` }]
    const answers = await while_(limited, async () => [
      await ask('eth_getLogs', range(11)),
      await ask('eth_getLogs', range(10)),
      await ask('eth_call'),
    ])
    expect(answers.map(({ error }) => error?.code)).to.deep.equal([-32600, undefined, -32005])
    const started = performance.now()
    await while_({ kind: 'lag', milliseconds: 200 }, () => ask('eth_call'))
    expect(performance.now() - started).to.be.at.least(195)
    const gone = await while_({ kind: 'outage' }, () => ask('eth_call').catch((error: Error) => error))
    expect(gone).to.be.instanceOf(Error)
  })
})

describe('a shifted clock', () => {
  it('moves what `Date` says, in every way of asking, and no timer', () => {
    const folder = mkdtempSync(join(tmpdir(), 'cohort-clock-'))
    try {
      writeFileSync(join(folder, 'clock'), '3600')
      const program = `
        const before = performance.timeOrigin + performance.now()
        const off = [Date.now(), new Date().getTime(), Date.parse(Date())].map((at) => Math.round((at - before) / 60000))
        const fixed = [new Date(5).getTime(), Date.UTC(1970, 0, 1), new Date() instanceof Date]
        const slept = performance.now()
        setTimeout(() => console.log(JSON.stringify({ off, fixed, slow: performance.now() - slept > 5000 })), 20)`
      const shift = `file://${join(ROOT, 'scripts/soak/shifted-clock.ts')}`
      const { stdout, stderr } = spawnSync(
        process.execPath,
        ['--disable-warning=ExperimentalWarning', '--import', shift, '--input-type=module', '--eval', program],
        { encoding: 'utf8', env: { ...process.env, COHORT_SOAK_CLOCK: join(folder, 'clock') } },
      )
      expect(JSON.parse(stdout), stderr).to.deep.equal({ off: [60, 60, 60], fixed: [5, 0, true], slow: false })
    } finally {
      rmSync(folder, { recursive: true, force: true })
    }
  })
})

describe('the network of a soak', function () {
  this.timeout(60_000)

  const SPACES = '/run/netns'
  const spaces = (): string[] => (existsSync(SPACES) ? readdirSync(SPACES) : [])
  const bridges = (): string[] => readdirSync('/sys/class/net')
  // Beyond the largest process id of Linux.
  const GONE = 'soak4194399'

  const remove = (): void => {
    spawnSync('ip', ['netns', 'del', `${GONE}-0`], { stdio: 'ignore' })
    spawnSync('ip', ['link', 'del', GONE], { stdio: 'ignore' })
  }

  before(function () {
    try {
      execFileSync('ip', ['netns', 'add', `${GONE}-0`], { stdio: 'ignore' })
      execFileSync('ip', ['link', 'add', GONE, 'type', 'bridge'], { stdio: 'ignore' })
      execFileSync('ip', ['netns', 'exec', `${GONE}-0`, 'iptables', '-S'], { stdio: 'ignore' })
    } catch {
      remove()
      console.warn('      no network namespaces here, or no iptables: a soak cuts no network')
      this.skip()
    }
  })
  after(remove)

  it('is gone after Ctrl-C, as is what a killed run has left', async () => {
    const at = (name: string): string => JSON.stringify(new URL(`../../scripts/soak/${name}.ts`, import.meta.url).href)
    const script = `
      import { endOnSignals } from ${at('ending')}
      import { Subnet } from ${at('subnet')}
      endOnSignals('SIGINT')
      Subnet.open(1)
      console.log('open')
      setInterval(() => undefined, 1000)`
    const child = spawn(process.execPath, ['--input-type=module', '-e', script], {
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    try {
      const failed = once(child, 'exit').then(([code]) => expect.fail(`it ended with exit code ${code}`))
      await Promise.race([once(child.stdout, 'data'), failed])
      expect([...spaces(), ...bridges()])
        .to.not.include.members([`${GONE}-0`])
        .and.not.include.members([GONE])
      expect(spaces()).to.include(`soak${child.pid}-0`)
      const ended = once(child, 'exit')
      child.kill('SIGINT')
      expect(await ended).to.deep.equal([130, null])
      expect([...spaces(), ...bridges()].filter((name) => name.startsWith(`soak${child.pid}`))).to.deep.equal([])
    } finally {
      child.kill('SIGKILL')
    }
  })
})
