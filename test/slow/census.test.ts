// SPDX-License-Identifier: GPL-3.0-or-later
// A private table of 10,000 rows, end to end: a chain, a server and a client, each a process of its own; real circuits and verifiers. The
// server is killed while it proves, and goes on. Then liars, with real proofs.
import { execFile, spawn } from 'node:child_process'
import { mkdir, mkdtemp, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { expect } from 'chai'
import { parseEther } from 'ethers'
import { countOutcomes, countPairs } from '../../keepers/apps/census/counting.ts'
import {
  type AdditiveModel,
  CENSUS,
  CensusProver,
  censusQueries,
  commitModel,
  noiseInputs,
  packModel,
  parseModel,
  parseTable,
  planCounting,
  type Row,
  TableSecret,
  tableText,
} from '../../keepers/apps/census/index.ts'
import { drawNoise, seedCommitmentOf } from '../../keepers/apps/census/noise.ts'
import { clients, PrivateTablesClient, releaseQueryIdOf } from '../../keepers/chain/index.ts'
import { type ProofWithSignals, toSolidityProof } from '../../keepers/zkml/index.ts'
import { type LocalChain, startLocalChain } from '../../scripts/demo/local-chain.ts'
import { Processes } from '../../scripts/demo/processes.ts'
import { startLyingProxy } from './lying-proxy.ts'
import { deployRegistry, registryOnly } from './registry-only.ts'

const CLI = resolve(import.meta.dirname, '../../keepers/cli/main.ts')
/** Keys take a minute or two to set up: kept from run to run, as those of other tests. */
const CIRCUITS = resolve(import.meta.dirname, '../../.cache/census')
const ROWS = 10_000
/** Accounts of the development node. */
const [ADMIN, SERVER, CLIENT, STRANGER] = [0, 1, 2, 3]

/** Of the ledger's series, and the operator's own. */
const BUDGET = ['--max-epsilon', '1.5', '--version-epsilon', '1']

type Run = { readonly code: number; readonly stdout: string; readonly stderr: string }

describe('a private table', function () {
  this.timeout(1_500_000)
  let home: string
  let processes: Processes
  let chain: LocalChain
  let ledger: string
  let rows: readonly Row[]
  let addresses: string[]
  const at = (name: string) => join(home, name)
  const environment = () => ({
    ...process.env,
    COHORT_RPC_URL: chain?.url ?? '',
    COHORT_DEPLOYMENT: at('deployment.json'),
    ...(ledger === undefined ? {} : { COHORT_TABLES: ledger }),
  })

  /** `cohort census …args --json`, always as a process. */
  const census = (...args: string[]): Promise<Run> =>
    new Promise((done) => {
      execFile(process.execPath, [CLI, 'census', ...args, '--json'], { env: environment() }, (error, stdout, stderr) =>
        done({ code: error === null ? 0 : Number(error.code), stdout, stderr }),
      )
    })
  const on = async (...args: string[]) => {
    const { code, stdout, stderr } = await census(...args)
    expect(code, `${args.join(' ')}: ${stderr}`).to.equal(0)
    return JSON.parse(stdout)
  }
  const as = (account: number) => ['--account', String(account)]
  const version = (number: number, series = 1) => ['--series', String(series), '--number', String(number)]
  const serving = (request: number, ...more: string[]) => [
    ...['release', String(request), CIRCUITS, '--table', at('table.csv'), '--secret', at('table.secret')],
    ...['--work', at('work'), ...as(SERVER), ...more],
  ]
  const secretOf = async () => TableSecret.parse(await readFile(at('table.secret'), 'utf8'))
  const clientAs = async (account: number) =>
    PrivateTablesClient.open(ledger, undefined, chain.provider, await chain.provider.getSigner(account))

  before(async () => {
    home = await mkdtemp(join(tmpdir(), 'cohort-census-'))
    processes = new Processes(home)
    chain = await startLocalChain(processes)
    addresses = (await chain.provider.listAccounts()).map(({ address }) => address)
    await mkdir(CIRCUITS, { recursive: true })
    await on('setup', CIRCUITS)
    await on('generate', '--rows', String(ROWS), '--seed', '1', '--out', at('table.csv'))
    rows = parseTable(CENSUS, await readFile(at('table.csv'), 'utf8'))
    const admin = await chain.provider.getSigner(ADMIN)
    const { chainId } = await chain.provider.getNetwork()
    await writeFile(at('deployment.json'), registryOnly(await deployRegistry(admin), admin.address, chainId))
    const roles = ['--registrar', addresses[ADMIN]!, '--treasury', addresses[9]!]
    ledger = (await on('deploy', ...as(ADMIN), ...roles)).address
    const first = await on('describe', CIRCUITS, ...as(ADMIN))
    expect(await on('describe', CIRCUITS, ...as(ADMIN)), 'a second time').to.deep.equal(first)
    const terms = ['--interval', '1', '--deliver', '3000', '--fee', '0.01', '--bond', '0.5']
    await on('open', ...BUDGET, ...terms, ...as(SERVER))
    await on('commit', at('table.csv'), ...BUDGET, '--series', '1', '--secret', at('table.secret'), ...as(SERVER))
  })

  after(async () => {
    chain?.provider.destroy()
    await processes?.[Symbol.asyncDispose]()
    await rm(home, { recursive: true, force: true })
  })

  /** The noise on all counts of a request, as the seed and the chain have it. */
  const noiseOn = async (request: number, cells: number): Promise<number[]> => {
    const client = await clientAs(CLIENT)
    const { seed } = await secretOf()
    const noise = []
    for (let slice = 0; slice < Math.ceil(cells / 15); slice++)
      noise.push(...drawNoise(seed, await client.contextOf(request, slice)))
    return noise.slice(0, cells)
  }

  it('marginals: asked for, proven by a server that is killed in between, delivered, equal to the true ones plus the noise', async () => {
    const { requestId } = await on('request', ...version(1), ...as(CLIENT))
    expect(requestId).to.equal(1)
    expect((await census('result', '1')).stderr).to.match(/is open, not delivered/)
    const killed = spawn(process.execPath, [CLI, 'census', ...serving(1)], { env: environment() })
    let printed = ''
    killed.stderr.on('data', (text) => {
      printed += text
    })
    const ended = new Promise<void>((done) => killed.once('exit', () => done()))
    while ((await filesIn(at('work'))).length < 2 && killed.exitCode === null)
      await new Promise((next) => setTimeout(next, 200))
    killed.kill('SIGKILL')
    await ended
    expect(printed).to.match(/proving chunk/)
    const kept = (await filesIn(at('work'))).length
    expect(kept).to.be.within(2, 9)
    const { status, chunksDone } = await (await clientAs(CLIENT)).release(1)
    expect([status, chunksDone], 'proofs are in files, none on the chain').to.deep.equal(['accepted', 0])

    await on(...serving(1, '--batch', '6'))
    expect(await filesIn(at('work'))).to.have.length(10)
    const { marginals } = await on('result', '1', '--out', at('marginals.json'))
    const found: number[] = marginals.flatMap(({ counts }: { counts: number[] }) => counts)
    const exact = countPairs(CENSUS, rows)
    const noise = await noiseOn(1, exact.length)
    expect(found).to.deep.equal(exact.map((cell, i) => cell + noise[i]!))
    expect(noise.filter((value) => value !== 0).length).to.be.greaterThan(50)
    const { spentEpsilon } = await on('budget', '--series', '1')
    expect(spentEpsilon).to.equal('700000')
    expect((await census(...serving(1))).stderr).to.match(/is delivered: nothing to deliver/)
  })

  it('a client designs a model on them alone, and has its outcomes on the real table, with noise', async () => {
    await on('design', '1', '--out', at('model.json'))
    const model = parseModel(CENSUS, await readFile(at('model.json'), 'utf8'))
    const { requestId } = await on('request', ...version(1), '--model', at('model.json'), ...as(CLIENT))
    await on(...serving(requestId))
    const { outcomes, accuracy } = await on('result', String(requestId))
    const exact = countOutcomes(CENSUS, model, rows)
    const noise = await noiseOn(requestId, 4)
    expect(outcomes).to.deep.equal(exact.map((cell, i) => cell + noise[i]!))
    const truth = (exact[0]! + exact[3]!) / ROWS
    expect(truth).to.be.greaterThan(0.75)
    expect(Math.abs(accuracy - truth)).to.be.lessThan(0.02)
    const { spentEpsilon, spentDelta } = await on('budget', '--series', '1')
    expect(spentEpsilon).to.equal('800000')
    expect(Number(spentDelta)).to.be.greaterThan(0)
    await on('withdraw', ...as(SERVER))
  })

  it('an endpoint that names another beacon for what was delivered gets no second noise; two that disagree, nothing', async () => {
    const tables = clients.privateTables(ledger, chain.provider)
    const { selector } = tables.interface.getFunction('requestOf')!
    await using liar = await startLyingProxy(chain.url, ({ data = '' }, result) => {
      if (!data.startsWith(selector)) return null
      const [found] = tables.interface.decodeFunctionResult('requestOf', result)
      const changed = { ...found.toObject(), status: 2n, beacon: `0x${'5e'.repeat(32)}`, dueAt: 2n ** 40n }
      return tables.interface.encodeFunctionResult('requestOf', [changed])
    })
    const file = at('census-record.json')
    const before = await readFile(file, 'utf8')
    const alone = await census(...serving(2, '--rpc', liar.url))
    expect(alone.stderr).to.match(/request 2 is on record with beacon 0x[0-9a-f]+, and the chain now says 0x5e5e/)
    expect(alone.code).to.equal(77)
    const beside = await census(...serving(2, '--rpc', `${liar.url},${chain.url}`))
    expect(beside.stderr).to.match(/no two endpoints of --rpc say the same/)
    expect(beside.code).to.equal(69)
    await rename(file, at('elsewhere.json'))
    const without = await census(...serving(2, '--rpc', liar.url))
    expect(without.stderr).to.match(/no entry of this secret/)
    expect(without.code).to.equal(65)
    await rename(at('elsewhere.json'), file)
    expect(await readFile(file, 'utf8')).to.equal(before)
  })

  it('beyond the version’s budget nothing is sold', async () => {
    const { code, stderr } = await census('request', ...version(1), ...as(STRANGER))
    expect(stderr).to.match(/BudgetExceeded/)
    expect(code).to.equal(1)
  })

  it('a server with another table, secret or version is stopped before it stakes anything', async () => {
    const { requestId } = await on('request', ...version(1), '--model', at('model.json'), ...as(CLIENT))
    await writeFile(at('other.csv'), tableText(CENSUS, rows.with(0, null)))
    await writeFile(at('other.secret'), TableSecret.draw().toText())
    for (const [option, file] of [
      ['--table', 'other.csv'],
      ['--secret', 'other.secret'],
    ] as const) {
      const { code, stderr } = await census(...serving(requestId, option, at(file)))
      expect(stderr).to.match(/table and secret are not those of version 1/)
      expect(code).to.equal(65)
    }
    const client = await clientAs(CLIENT)
    expect((await client.release(requestId)).status).to.equal('open')
    await on('cancel', String(requestId), ...as(CLIENT))

    // A requester that wants the bond: no proof exists of a model that differs from its commitment.
    const model = parseModel(CENSUS, await readFile(at('model.json'), 'utf8'))
    const queryId = releaseQueryIdOf((await censusQueries(CENSUS)).outcomes)
    const trap = await client.request(1, 1, queryId, commitModel(CENSUS, model) + 1n, packModel(model))
    const { code, stderr } = await census(...serving(trap.requestId))
    expect(stderr).to.match(/commits to another model than it carries/)
    expect(code).to.equal(65)
    expect((await client.release(trap.requestId)).status).to.equal('open')
    await client.cancel(trap.requestId)
  })

  it('liars with real proofs: other rows, another model, another seed, other noise, another request; then none of it is delivered', async () => {
    const model = parseModel(CENSUS, await readFile(at('model.json'), 'utf8'))
    const server = await clientAs(SERVER)
    const { requestId } = await on('request', ...version(1), '--model', at('model.json'), ...as(CLIENT))
    await server.accept(requestId)
    await server.fixBeacon(requestId, 0)
    const secret = await secretOf()
    const counting = { shape: CENSUS, rows, secret, request: server.nameOf(requestId), model }
    const plan = planCounting(counting)
    const refused = async (sent: Promise<unknown>, what: RegExp) => {
      const error = await sent.then(
        () => new Error('accepted'),
        (reason: Error) => reason,
      )
      expect(error.message).to.match(what)
    }
    const prover = await CensusProver.open(CIRCUITS, CENSUS, 'outcomes')
    const solidity = (proofs: readonly ProofWithSignals[]) => proofs.map(({ proof }) => toSolidityProof(proof))
    const chunkOf = async (given: { readonly rows?: readonly Row[]; readonly model?: AdditiveModel }) => {
      const other = planCounting({ ...counting, ...given })
      return { other, proof: await prover.prove(other.inputsOf(0)) }
    }
    try {
      const richer = rows.map((row) => (row === null ? null : row.with(7, 1)))
      const forged = await chunkOf({ rows: richer })
      await refused(
        server.advance(requestId, forged.other.commitments, [forged.other.states[1]!], solidity([forged.proof])),
        /NotCommittedChunks/,
      )
      await refused(
        server.advance(requestId, plan.commitments, [forged.other.states[1]!], solidity([forged.proof])),
        /InvalidProof/,
      )
      const kinder = { weights: model.weights.with(0, model.weights[0]! + 100) }
      const swapped = await chunkOf({ model: kinder })
      await refused(
        server.advance(requestId, plan.commitments, [swapped.other.states[1]!], solidity([swapped.proof])),
        /InvalidProof/,
      )
      const proofs = []
      for (let k = 0; k < plan.commitments.length; k++) proofs.push(await prover.prove(plan.inputsOf(k)))
      await refused(
        server.advance(requestId, plan.commitments, [plan.states[2]!], solidity([proofs[1]!])),
        /InvalidProof/,
      )
      await server.advance(requestId, plan.commitments, plan.states.slice(1), solidity(proofs))
    } finally {
      await prover.close()
    }
    const noise = await CensusProver.open(CIRCUITS, CENSUS, 'noise')
    try {
      const context = await server.contextOf(requestId, 0)
      const right = await noise.prove(noiseInputs(counting, plan, 0, context))
      const output = right.publicSignals[2]!
      await refused(server.deliver(requestId, [output + 1n], solidity([right])), /InvalidProof/)
      // A seed that gives nicer noise: another commitment.
      const seed = secret.seed + 1n
      const inputs = noiseInputs(counting, plan, 0, context)
      const released = BigInt(inputs.released)
      const shift = drawNoise(seed, context).reduce(
        (sum, value, i) => sum + (BigInt(value - drawNoise(secret.seed, context)[i]!) << BigInt(16 * i)),
        0n,
      )
      const nicer = { ...inputs, seed, seedCommitment: seedCommitmentOf(seed), released: released + shift }
      const rerolled = await noise.prove(nicer)
      await refused(server.deliver(requestId, [released + shift], solidity([rerolled])), /InvalidProof/)
      // No proof exists of noise that the seed does not give, or under the committed seed's name.
      for (const changes of [{ released: released + 1n }, { seed }])
        await refused(noise.prove({ ...inputs, ...changes }), /constraint/)
      // What was delivered for the other request does not pass for this one.
      const { outputs } = await server.outputsOf(2)
      await refused(server.deliver(requestId, outputs, solidity([right])), /InvalidProof/)
    } finally {
      await noise.close()
    }
    await chain.provider.send('evm_increaseTime', [3001])
    await chain.provider.send('evm_mine', [])
    await refused(server.deliver(requestId, [1n], []), /TooLate/)
    await on('expire', String(requestId), ...as(STRANGER))
    const tables = clients.privateTables(ledger, chain.provider)
    expect(await tables.balanceOf(addresses[9]!)).to.equal(parseEther('0.25'))
    const { spentEpsilon, failed } = await on('budget', '--series', '1')
    expect([spentEpsilon, failed], 'spent though nothing was delivered').to.deep.equal(['900000', 1])
  })

  it('the next version, with fewer people, has a secret of its own and draws on the series’ budget', async () => {
    await on('generate', '--rows', '9500', '--seed', '1', '--out', at('second.csv'))
    const secret = ['--secret', at('second.secret')]
    const committed = await on('commit', at('second.csv'), ...BUDGET, '--series', '1', ...secret, ...as(SERVER))
    // One release was accepted from elsewhere, and the record does not have it.
    expect(committed.maxEpsilon).to.equal('1400000')
    expect([committed.version, committed.rows, committed.chunks]).to.deep.equal([2, 9500, 10])
    const refused = await census('request', ...version(2), ...as(CLIENT))
    expect(refused.stderr, 'seven units of six that are left').to.match(/BudgetExceeded/)
    const { requestId } = await on('request', ...version(2), '--model', at('model.json'), ...as(CLIENT))
    const wrong = await census(...serving(requestId))
    expect(wrong.stderr).to.match(/not those of version 2/)
    await on(...serving(requestId, '--table', at('second.csv'), ...secret))
    const { outcomes } = await on('result', String(requestId))
    const all = outcomes.reduce((sum: number, count: number) => sum + count, 0)
    expect(all, 'the half chunk is filled up with vacant rows, which do not count').to.be.within(9300, 9700)
    const { spentEpsilon, of } = await on('budget', '--series', '1')
    expect([spentEpsilon, of[1].spentEpsilon]).to.deep.equal(['1000000', '100000'])
  })

  it('bad input at the door: tables, models, secrets, requests, ledgers', async () => {
    await writeFile(at('bad.csv'), 'age,sex\n1,2\n')
    await writeFile(at('bad.json'), JSON.stringify({ format: 'cohort-additive-model', version: 1, weights: [5000] }))
    await writeFile(at('bad.secret'), 'secret')
    const old = 'table.secret'
    const committing = (table: string, secret = 'new.secret', series = 1, by = SERVER, budget = BUDGET) => [
      ...['commit', at(table), ...budget, '--series', String(series), '--secret', at(secret), ...as(by)],
    ]
    const generous = ['--max-epsilon', '9', '--version-epsilon', '1']
    for (const [args, what, code] of [
      [committing('bad.csv'), /line 1 is 'age,sex'/, 65],
      [committing('table.csv', old), /is the secret of version 1/, 65],
      [committing('table.csv', 'new.secret', 9), /there is no series 9/, 1],
      [committing('table.csv', 'new.secret', 1, CLIENT), /NotServer/, 1],
      [committing('table.csv', 'bad.secret'), /64 hexadecimal/, 65],
      [committing('none.csv'), /none\.csv/, 66],
      [committing('table.csv', 's', 1, SERVER, generous), /series 1 has maxEpsilon 1500000, you allow 9000000/, 65],
      [['request', ...version(1), '--model', at('bad.json'), ...as(CLIENT)], /weights/, 65],
      [['request', ...version(7), ...as(CLIENT)], /UnknownVersion/, 1],
      [['result', '99'], /there is no request 99/, 1],
      [['design', '2', '--out', at('x.json')], /design needs marginals/, 65],
      [['release', '3', at('none'), '--table', at('table.csv'), '--secret', at(old), ...as(SERVER)], /cancelled/, 1],
      [['budget', '--series', '1', '--ledger', addresses[5]!], /no ledger of tables/, 78],
      [['open', '--max-epsilon', '0', '--version-epsilon', '1', '--bond', '1', ...as(SERVER)], /a number above 0/, 64],
      [['generate', '--rows', '20000'], /1 to 16383/, 64],
    ] as const) {
      const run = await census(...args)
      expect(run.stderr, args.join(' ')).to.match(what)
      expect(run.code, args.join(' ')).to.equal(code)
    }
  })
})

async function filesIn(folder: string): Promise<string[]> {
  return (await readdir(folder).catch(() => [])).filter((file) => file.endsWith('.json'))
}
