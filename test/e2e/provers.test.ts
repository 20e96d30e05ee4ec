// SPDX-License-Identifier: GPL-3.0-or-later
// A job in three segments on a real chain, served by provers that are processes of their own: one lies, one is killed.
import { type ChildProcess, execFile } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { expect } from 'chai'
import { ContractFactory, type JsonRpcProvider, toBeHex, Wallet } from 'ethers'
import { clients, contractArtifact, PASSPHRASE_VARIABLE, writeKeystore } from '../../keepers/chain/index.ts'
import { readAnswers, readJob } from '../../keepers/serving/job-state.ts'
import {
  exportVerifier,
  folderPaths,
  interpret,
  openSegments,
  parseVerificationKey,
  setupFolder,
  splitFolder,
  verificationKeyHash,
} from '../../keepers/zkml/index.ts'
import { ROOT } from '../../scripts/bootstrap/paths.mjs'
import { startOf } from '../../scripts/bootstrap/program.mjs'
import { accountKey } from '../../scripts/demo/accounts.ts'
import { startLocalChain } from '../../scripts/demo/local-chain.ts'
import { Processes } from '../../scripts/demo/processes.ts'
import { compile } from '../../scripts/solc.ts'
import type { ProverMarket, VerifierRegistry } from '../../types/index.ts'
import { ProgramBuilder, parameter, seeded } from '../keepers/zkml/circuit/programs.ts'
import { MortalEndpoint } from './mortal-endpoint.ts'

const ACCOUNT = { deployer: 0, poster: 1, provers: [2, 3, 4], liar: 5, victim: 6 } as const
const MIN_BOND = 10n ** 16n
const INPUT = [3, 0, 7, 12, 15, 1]
const LYING_SEGMENT = 1
/** The shortest that the market allows: what a dead prover costs the job. */
const CLAIM_SECONDS = 30

type Line = { readonly event: string; readonly [field: string]: unknown }

/** Three dense layers with ReLUs between them; the label of the largest of three scores. */
function perceptron() {
  const random = seeded(23)
  const weights = (count: number) => parameter(count, 6, 4, random)
  const bias = (count: number) => parameter(count, 30, 8, random)
  return new ProgramBuilder('released', [INPUT.length], 4)
    .dense('dense1', 6, weights(36), bias(6))
    .relu('relu1', 5)
    .dense('dense2', 5, weights(30), bias(5))
    .relu('relu2', 5)
    .dense('dense3', 3, weights(15), bias(3))
    .build('three-layers', { kind: 'label' })
}

describe('provers as processes', function () {
  this.timeout(400_000)
  const program = perceptron()
  let home: string
  let processes: Processes
  let url: string
  let provider: JsonRpcProvider
  let market: ProverMarket
  let address: string
  const lines: (Line & { prover: string })[] = []
  const provers = new Map<string, ChildProcess>()
  const at = (...names: string[]) => join(home, ...names)

  before(async () => {
    home = await mkdtemp(join(tmpdir(), 'cohort-provers-'))
    processes = new Processes(home)
    const chain = startLocalChain(processes, { pace: 'hasty' })
    const { circuits } = await splitFolder({ folder: at('segments'), program, count: 3 })
    for (const { folder } of circuits) await setupFolder(folder, { threads: 1 })
    ;({ url, provider } = await chain)
    provider.pollingInterval = 200
    const deployer = await provider.getSigner(ACCOUNT.deployer)
    const deployed = async ({ abi, bytecode }: { abi: any; bytecode: string }, args: unknown[] = []) =>
      await (await new ContractFactory(abi, bytecode, deployer).deploy(...args)).waitForDeployment()
    const create = async (name: 'VerifierRegistry' | 'ProverMarket', args: unknown[]) =>
      deployed(contractArtifact(name), args)
    const verifiers = (await create('VerifierRegistry', [deployer])) as unknown as VerifierRegistry
    await (await verifiers.grantRole(await verifiers.REGISTRAR_ROLE(), deployer)).wait()
    for (const { folder, manifest } of circuits) {
      const key = parseVerificationKey(JSON.parse(await readFile(folderPaths(folder).verificationKey, 'utf8')))
      const source = exportVerifier(key, { name: 'Verifier', setupKind: 'local' })
      const { Verifier } = compile(source, { quick: true, kept: false })
      const place = await (await deployed(Verifier!)).getAddress()
      await (await verifiers.register(manifest.circuitId, place, verificationKeyHash(key), 1, '0x')).wait()
    }
    address = await (await create('ProverMarket', [verifiers, deployer, MIN_BOND, 60, 60])).getAddress()
    market = clients.proverMarket(address, provider)
    await writeFile(at('input.json'), JSON.stringify({ input: INPUT, integers: true }))
  })
  after(async () => {
    await processes?.[Symbol.asyncDispose]()
    provider?.destroy()
    await rm(home, { recursive: true, force: true })
  })

  const cohort = (name: string, rpc: string, args: readonly string[], onLine?: (line: string) => void) =>
    processes.start(
      name,
      [join(ROOT, 'keepers/cli/main.ts'), 'prover', ...args, '--market', address, '--rpc', rpc, '--json'],
      { cwd: ROOT, ...(onLine === undefined ? {} : { onLine }) },
    )

  const prove = (name: string, account: number, rpc = url): void => {
    const args = [
      'run',
      '--circuits',
      at('segments'),
      '--account',
      String(account),
      '--poll',
      '0.3',
      '--min-seconds',
      '5',
      '--data',
      at(name),
    ]
    const child = cohort(name, rpc, args, (line) => lines.push({ ...JSON.parse(line), prover: name }))
    provers.set(name, child)
  }

  /** Posts the job; the promise is of what the command prints when the job has ended. */
  const post = (name: string, ...more: string[]): { ended: Promise<Record<string, string>> } => {
    let output = ''
    const order = ['--input', at('input.json'), '--price', '0.001', '--seconds', '600', '--wait', ...more]
    const account = ['--account', String(ACCOUNT.poster), '--claim-seconds', String(CLAIM_SECONDS)]
    const child = cohort(name, url, ['post', at('segments'), ...order, ...account], (line) => {
      output += line
    })
    const ended = once(child, 'close').then(([code]) => {
      if (code !== 0) throw new Error(`${name} ended with ${code}: ${output}`)
      return JSON.parse(output) as Record<string, string>
    })
    // Awaited later; until then a rejection must not count as unhandled.
    ended.catch(() => undefined)
    return { ended }
  }

  const until = async (what: string, holds: () => Promise<boolean>): Promise<void> => {
    for (const start = performance.now(); !(await holds()); await new Promise((done) => setTimeout(done, 100))) {
      if (performance.now() - start > 120_000) throw new Error(`no ${what}: ${JSON.stringify(lines.slice(-12))}`)
    }
  }

  const slashes = async (job: bigint) => {
    const events = await market.queryFilter(market.filters.ProverSlashed(job))
    return events.map(({ args }) => ({ segment: args.segment, prover: args.prover, reason: args.reason }))
  }

  const expected = (): string => {
    const { scores } = interpret(program, Float64Array.from(INPUT))
    return toBeHex(scores.indexOf(Math.max(...scores)), 32)
  }

  it('complete a job in which a segment is a lie: refused, attributed, proven by another', async () => {
    const { ended } = post('first-job')
    await until('job', async () => (await market.jobCount()) === 1n)
    const liar = processes.start(
      'liar',
      [
        startOf('test/e2e/lying-prover.ts'),
        ...[url, String(ACCOUNT.liar), address, '1', String(LYING_SEGMENT), at('segments')],
      ],
      { cwd: ROOT },
    )
    expect((await once(liar, 'close'))[0]).to.equal(0)
    const lie = await readAnswers(market, await readJob(market, provider, 1n), 0)
    expect(lie.map(({ segment }) => segment)).to.deep.equal([LYING_SEGMENT])
    const refusal = await market.settle.staticCall(1n, lie).catch((error: unknown) => error as { data: string })
    const { circuits } = await openSegments(at('segments'))
    expect(market.interface.parseError((refusal as { data: string }).data)).to.deep.include({ name: 'ProofsDoNotHold' })
    expect(market.interface.parseError((refusal as { data: string }).data)!.args.circuitId).to.equal(
      circuits[LYING_SEGMENT]!.manifest.circuitId,
    )

    for (const [i, account] of ACCOUNT.provers.entries()) prove(`prover-${i + 1}`, account)
    expect(await ended).to.include({ status: 'completed', output: expected() })
    const { address: liarAddress } = await provider.getSigner(ACCOUNT.liar)
    expect(await slashes(1n)).to.deep.equal([{ segment: BigInt(LYING_SEGMENT), prover: liarAddress, reason: 1n }])
    const { free, reserved } = await market.bondOf(liarAddress)
    expect([free, reserved, await market.balanceOf(liarAddress)]).to.deep.equal([0n, 0n, 0n])
    expect(lines.filter(({ event }) => event === 'accused')).to.have.length(1)
    const paid = await market.queryFilter(market.filters.ProverPaid(1n))
    expect(new Set(paid.map(({ args }) => args.segment))).to.deep.equal(new Set([0n, 1n, 2n]))
    expect(paid.some(({ args }) => args.prover === liarAddress)).to.equal(false)
  })

  it('complete a job whose first prover is killed after its claim; the witness travels by CID', async () => {
    // The others stand still until the victim holds a segment.
    for (const child of provers.values()) child.kill('SIGSTOP')
    const mortal = await MortalEndpoint.start(url, 2)
    try {
      const { ended } = post('second-job', '--by-cid', '--data', at('poster'))
      await until('second job', async () => (await market.jobCount()) === 2n)
      prove('victim', ACCOUNT.victim, mortal.url)
      await until('claim', async () => (await market.queryFilter(market.filters.SegmentClaimed(2n))).length === 1)
      const victim = provers.get('victim')!
      const gone = once(victim, 'exit')
      victim.kill('SIGKILL')
      await gone
      provers.delete('victim')
      for (const child of provers.values()) child.kill('SIGCONT')
      expect(await ended).to.include({ status: 'completed', output: expected() })
    } finally {
      await mortal.stop()
    }
    const { address: victim } = await provider.getSigner(ACCOUNT.victim)
    const [silence, ...others] = await slashes(2n)
    expect(silence).to.include({ prover: victim, reason: 0n })
    expect(others).to.deep.equal([])
    expect((await market.bondOf(victim)).free).to.equal(MIN_BOND - MIN_BOND / 5n)
    const paid = await market.queryFilter(market.filters.ProverPaid(2n))
    expect(new Set(paid.map(({ args }) => args.segment))).to.deep.equal(new Set([0n, 1n, 2n]))
    expect(paid.some(({ args }) => args.prover === victim)).to.equal(false)
  })

  it('stop when asked, with exit code 0 and what they did', async () => {
    for (const [name, child] of provers) {
      const closed = once(child, 'close')
      child.kill('SIGTERM')
      expect((await closed)[0], name).to.equal(0)
      expect(lines.filter((line) => line.prover === name).at(-1)).to.include({ event: 'stopped' })
    }
    const submitted = lines.filter(({ event }) => event === 'stopped').map((line) => Number(line.submitted))
    expect(submitted.reduce((sum, count) => sum + count, 0)).to.equal(6)
    // Nothing is left in the market but bonds and what is owed.
    let owed = 0n
    const accounts = await provider.listAccounts()
    for (const { address: account } of accounts.slice(0, 8)) {
      const { free, reserved, unbonding } = await market.bondOf(account)
      owed += free + reserved + unbonding + (await market.balanceOf(account))
      expect(reserved).to.equal(0n)
    }
    expect(await provider.getBalance(market)).to.equal(owed)
  })

  it('show where they stand, pay out what they earned, and unbond', async () => {
    const earned = new Map<number, bigint>()
    for (const account of ACCOUNT.provers) {
      earned.set(account, await market.balanceOf(await provider.getSigner(account)))
    }
    const [account, amount] = [...earned].reduce((best, next) => (next[1] > best[1] ? next : best))
    expect(amount > 0n).to.equal(true)
    const ask = async (...args: string[]) => {
      const command = [
        join(ROOT, 'keepers/cli/main.ts'),
        'prover',
        ...args,
        '--market',
        address,
        '--rpc',
        url,
        '--json',
      ]
      const { stdout } = await promisify(execFile)(process.execPath, [...command, '--account', String(account)])
      return JSON.parse(stdout)
    }
    const status = await ask('status', '2')
    expect(status.account).to.include({ earned: String(amount), reserved: '0' })
    expect(status.jobs).to.have.length(1)
    expect(status.jobs[0]).to.include({ id: '2', status: 'completed' })
    expect(await ask('withdraw')).to.include({ amount: String(amount) })
    expect(await market.balanceOf(await provider.getSigner(account))).to.equal(0n)
    expect(await ask('unbond', '--amount', '0.001')).to.include({ unbonding: '1000000000000000' })
  })

  it('prove what is sealed for one of them, and nobody else reads it or claims it', async () => {
    const wallet = new Wallet(accountKey(7), provider)
    await writeKeystore(at('chosen.json'), wallet, 'chosen', { scryptN: 4096 })
    const environment = { ...process.env, [PASSPHRASE_VARIABLE]: 'chosen' }
    const ask = async (...args: string[]) => {
      const command = [
        join(ROOT, 'keepers/cli/main.ts'),
        'prover',
        ...args,
        '--market',
        address,
        '--rpc',
        url,
        '--json',
      ]
      const { stdout } = await promisify(execFile)(process.execPath, command, { env: environment })
      return JSON.parse(stdout)
    }
    const chosen = ['--keystore', at('chosen.json')]
    expect((await ask('bond', '--amount', '0.1', ...chosen)).prover).to.equal(wallet.address)
    prove('uninvited', ACCOUNT.provers[1])
    const { ended } = post('sealed-job', '--for', wallet.address)
    await until('sealed job', async () => (await market.jobCount()) === 3n)
    await ask('open', '3', '--out', at('opened.json'), '--data', at('opening'), ...chosen)
    const { segments } = JSON.parse(await readFile(at('opened.json'), 'utf8'))
    expect(segments[0].input).to.deep.equal(INPUT)
    const denied = await ask('open', '3', '--out', at('denied.json'), '--data', at('denied'), '--account', '2').catch(
      (error: { code: number; stderr: string }) => error,
    )
    expect([denied.code, denied.stderr]).to.deep.include(65)
    expect(denied.stderr).to.match(/has no witness for/)
    const ignored = (line: Line & { prover: string }) =>
      line.prover === 'uninvited' && line.status === 'for other provers'
    await until('refusal', async () => lines.some(ignored))
    const folders = ['--circuits', at('segments'), '--data', at('chosen')]
    processes.start(
      'chosen',
      [
        join(ROOT, 'keepers/cli/main.ts'),
        ...['prover', 'run', ...folders, ...chosen, '--poll', '0.3', '--min-seconds', '5'],
        ...['--market', address, '--rpc', url, '--json'],
      ],
      { cwd: ROOT, env: environment },
    )
    expect(await ended).to.include({ status: 'completed', output: expected() })
    const paid = await market.queryFilter(market.filters.ProverPaid(3n))
    expect(paid.map(({ args }) => args.prover)).to.deep.equal([wallet.address, wallet.address, wallet.address])
    const posted = await market.queryFilter(market.filters.JobPosted(3n))
    expect(posted[0]!.args.witness).to.equal('0x')
  })

  it('refuse a market that is none, folders without circuits and missing accounts, in one line', async () => {
    const run = async (name: string, ...args: string[]) => {
      const command = [join(ROOT, 'keepers/cli/main.ts'), 'prover', 'run', ...args, '--data', at(name), '--rpc', url]
      const child = processes.start(name, command, { cwd: ROOT })
      let text = ''
      child.stderr!.on('data', (chunk: Buffer) => {
        text += chunk
      })
      const [code] = (await once(child, 'close')) as [number | null]
      return `${code} ${text}`
    }
    const segments = ['--circuits', at('segments')]
    const [wrong, lost, nobody] = await Promise.all([
      run('wrong', ...segments, '--account', '2', '--market', `0x${'12'.repeat(20)}`),
      run('lost', '--circuits', at('nowhere'), '--account', '2', '--market', address),
      run('nobody', ...segments, '--market', address),
    ])
    expect(wrong).to.match(/^65 cohort: 0x1212.* is not a prover market on this chain: correct --market\n$/)
    expect(lost).to.match(/^1 cohort: .*run cohort zkml compile first\n$/)
    expect(nobody).to.match(/^64 cohort: this needs an account: --keystore or --account\n$/)
  })
})
