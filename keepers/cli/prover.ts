// SPDX-License-Identifier: GPL-3.0-or-later
// `cohort prover`: prove for others and be paid, or have something proven.
import { join } from 'node:path'
import process from 'node:process'
import { type Command, InvalidArgumentError, Option } from 'commander'
import type { JsonRpcProvider, Signer } from 'ethers'
import type { ProverMarket } from '../../types/index.ts'
import {
  type ChainOptions,
  chainCommand,
  parseAddress,
  parseCount,
  parseCountFromZero,
  print,
  toJson,
  withEndpoint,
} from './chain-command.ts'
import { CommandError, EXIT, UsageError } from './failure.ts'
import { watchParent } from './parent.ts'

type MarketOptions = ChainOptions & { readonly market?: string; readonly fromBlock?: number }
type PlaneOptions = { readonly data: string; readonly listen: string }
type RunOptions = MarketOptions &
  PlaneOptions & {
    readonly circuits: readonly string[]
    readonly maxBond: bigint
    readonly minPrice: bigint
    readonly minSeconds: number
    readonly keys: number
    readonly poll: number
  }
type OpenOptions = MarketOptions & PlaneOptions & { readonly out: string }
type PostOptions = MarketOptions &
  PlaneOptions & {
    readonly input: string
    readonly index?: number
    readonly price: bigint
    readonly maxPrice?: bigint
    readonly seconds: number
    readonly claimSeconds: number
    readonly copies: number
    readonly byCid?: boolean
    readonly for?: readonly string[]
    readonly wait?: boolean
  }

const DEFAULT_FOLDER = join(process.env.HOME ?? '.', '.cohort', 'prover')
const WAIT_POLL_MS = 1_000

/** Adds `cohort prover` and its subcommands. */
export function registerProver(program: Command): void {
  const prover = program
    .command('prover')
    .description('prove inferences for others, or have them proven, on the ProverMarket')

  planeOptions(command(prover, 'run', 'serve jobs until interrupted: claim, prove, submit, settle, accuse liars'))
    .requiredOption('--circuits <folder...>', 'set-up circuits, or folders of segments (`cohort zkml split`)')
    .addOption(ether('--max-bond <ether>', 'most to put at stake').default(10n ** 18n, '1'))
    .addOption(ether('--min-price <ether>', 'leave cheaper segments to others').default(0n, '0'))
    .option('--min-seconds <count>', 'leave slots that give less time to prove to others', parseCount, 60)
    .option('--keys <count>', 'proving keys to keep loaded', parseCount, 2)
    .option('--poll <seconds>', 'between looks at the chain', parseSeconds, 2)
    .action(async (options: RunOptions) => runCommand(options))

  planeOptions(command(prover, 'post', 'post a job: one input through a circuit or a chain of segments'))
    .argument('<folder>', 'a circuit, or segments (`cohort zkml split`)')
    .requiredOption('--input <file>', 'the input, as for `cohort zkml fullprove`; it becomes public')
    .option('--index <number>', 'which image of an IDX file', parseCountFromZero)
    .requiredOption('--price <ether>', 'for each proof, at once', parseEtherAmount)
    .option('--max-price <ether>', 'for each proof, at the deadline (default: --price)', parseEtherAmount)
    .option('--seconds <count>', 'until the deadline', parseCount, 3_600)
    .option('--claim-seconds <count>', 'that a prover has from its claim', parseCount, 120)
    .option('--copies <count>', 'provers that must agree on each segment', parseCount, 1)
    .option('--for <prover...>', 'seal the witness for these alone, by address or public key; nobody else may claim')
    .option('--by-cid', 'publish the witness on the data plane, and serve it until the job has ended')
    .option('--wait', 'until the job has ended, and print its output')
    .action(async (folder: string, options: PostOptions) => postCommand(folder, options))

  command(prover, 'bond', 'put up bond ahead of a claim, which also shows the key that posters seal for')
    .requiredOption('--amount <ether>', 'how much', parseEtherAmount)
    .action(async (options: MarketOptions & { amount: bigint }) =>
      withMarket(options, async (session) => {
        const { contract, address } = await acting(session)
        await transact('bond', session, () => contract.bond({ value: options.amount }))
        const { free } = await contract.bondOf(address)
        print(options, { prover: address, free }, `${address} has put up bond`)
      }),
    )

  planeOptions(command(prover, 'open', 'write the witness that a job has for this account: sealed for it, or public'))
    .argument('<job>', 'number of the job', parseCount)
    .requiredOption('--out <file>', 'where to; readable by its owner only')
    .action(async (job: number, options: OpenOptions) => openCommand(job, options))

  command(prover, 'status', 'bond, earnings and jobs')
    .argument('[job]', 'only this job', parseCount)
    .action(async (job: number | undefined, options: MarketOptions) => statusCommand(job, options))

  command(prover, 'unbond', 'start to take bond out; it can be withdrawn after the delay')
    .requiredOption('--amount <ether>', 'how much of what is free', parseEtherAmount)
    .action(async (options: MarketOptions & { amount: bigint }) =>
      withMarket(options, async (session) => {
        const { contract, address } = await acting(session)
        await transact('unbond', session, () => contract.unbond(options.amount))
        const { unbonding, unbondsAt } = await contract.bondOf(address)
        print(options, { unbonding, unbondsAt }, `unbonding until ${new Date(Number(unbondsAt) * 1000).toISOString()}`)
      }),
    )

  command(prover, 'withdraw', 'send earnings, and bond that has unbonded, to the account')
    .option('--to <address>', 'another receiver')
    .action(async (options: MarketOptions & { to?: string }) =>
      withMarket(options, async (session) => {
        const { contract, address } = await acting(session)
        const { unbonding, unbondsAt } = await contract.bondOf(address)
        const now = (await session.provider.getBlock('latest'))!.timestamp
        if (unbonding > 0n && unbondsAt <= BigInt(now))
          await transact('withdrawBond', session, () => contract.withdrawBond())
        const amount = await contract.balanceOf(address)
        if (amount > 0n) await transact('withdraw', session, () => contract.withdraw(address, options.to ?? address))
        const { formatEther } = await import('ethers')
        print(options, { to: options.to ?? address, amount }, `withdrawn: ${formatEther(amount)} ether`)
      }),
    )
}

function command(parent: Command, name: string, description: string): Command {
  return chainCommand(parent, name, description)
    .option('--market <address>', 'the prover market (default: that of the deployment)', parseAddress)
    .option(
      '--from-block <number>',
      'block of the market’s deployment (default: that of the deployment)',
      parseCountFromZero,
    )
}

function planeOptions(to: Command): Command {
  return to
    .option('--data <folder>', 'where blobs of the data plane go', DEFAULT_FOLDER)
    .option('--listen <multiaddr>', 'address of the data plane', '/ip4/127.0.0.1/tcp/0')
}

type Session = {
  readonly provider: JsonRpcProvider
  readonly signer: Signer | undefined
  readonly market: string
  readonly fromBlock: number
}

async function withMarket(options: MarketOptions, body: (session: Session) => Promise<void>): Promise<void> {
  const { readDeployment } = await import('../chain/index.ts')
  const deployment = options.market === undefined ? await readDeployment(options.deployment) : undefined
  const market = options.market ?? deployment!.contracts.ProverMarket
  const fromBlock = options.fromBlock ?? deployment?.fromBlock ?? 0
  await withEndpoint(options, deployment?.chainId, async ({ provider, signer }) => {
    await body({ provider, signer, market, fromBlock })
  })
}

async function runCommand(options: RunOptions): Promise<void> {
  const stop = new AbortController()
  const onSignal = (): void => {
    // A second signal does not wait for what is under way.
    if (stop.signal.aborted) process.exit(130)
    stop.abort(new Error('stopped'))
  }
  process.on('SIGINT', onSignal)
  process.on('SIGTERM', onSignal)
  const unwatch = watchParent(() => stop.abort(new Error('stopped')))
  try {
    await withMarket(options, async (session) => {
      const { CircuitShelf, ProverService } = await import('../serving/index.ts')
      const { provider, market, fromBlock } = session
      const pollMs = options.poll * 1_000
      provider.pollingInterval = Math.min(pollMs, provider.pollingInterval)
      await using cleanup = new AsyncDisposableStack()
      const plane = await openPlane(options, cleanup)
      const shelf = cleanup.use(await CircuitShelf.open({ folders: options.circuits, loadedKeys: options.keys }))
      const { maxBond, minPrice, minSeconds } = options
      const service = await ProverService.open({
        ...{ provider, market, fromBlock, signer: requireSigner(session), shelf, plane, maxBond, minPrice },
        ...{ minSeconds, pollMs },
        onEvent: (event, fields) => report(options, event, fields),
      })
      await service.run(stop.signal)
    })
  } finally {
    unwatch()
    process.off('SIGINT', onSignal)
    process.off('SIGTERM', onSignal)
  }
}

async function postCommand(folder: string, options: PostOptions): Promise<void> {
  const [{ readInput }, { withTerminal }] = await Promise.all([
    import('./zkml/samples.ts'),
    import('./zkml/terminal.ts'),
  ])
  await withTerminal(options, async ({ signal, progress }) => {
    await withMarket(options, async (session) => {
      const { awaitJob, circuitsOf, postJob } = await import('../serving/index.ts')
      const { market, fromBlock } = session
      const signer = requireSigner(session)
      await using cleanup = new AsyncDisposableStack()
      const plane = options.byCid ? await openPlane(options, cleanup) : undefined
      const { input, integers, salts } = await readInput(options.input, options.index)
      const posted = await postJob({
        ...{ signer, market, circuits: await circuitsOf(folder), input, integers, salts },
        startPrice: options.price,
        maxPrice: options.maxPrice ?? options.price,
        seconds: options.seconds,
        claimSeconds: options.claimSeconds,
        copies: options.copies,
        fromBlock,
        ...(options.for === undefined ? {} : { provers: options.for }),
        ...(plane === undefined ? {} : { plane }),
      })
      progress(`job ${posted.jobId} is posted`)
      if (!options.wait && plane === undefined) {
        print(options, posted, `job ${posted.jobId} posted`)
        return
      }
      const result = await awaitJob({ signer, market, pollMs: WAIT_POLL_MS }, posted.jobId, signal)
      print(
        options,
        { ...posted, ...result },
        `job ${posted.jobId} ${result.status}: output ${result.output ?? 'none'}`,
      )
      if (result.status !== 'completed') {
        throw new CommandError(`job ${posted.jobId} ended as ${result.status}`, EXIT.failure)
      }
    })
  })
}

async function openCommand(id: number, options: OpenOptions): Promise<void> {
  await withMarket(options, async (session) => {
    const [{ Wallet }, { clients }, { readJob, readWitness }, { writeAtomically }] = await Promise.all([
      import('ethers'),
      import('../chain/index.ts'),
      import('../serving/index.ts'),
      import('../zkml/index.ts'),
    ])
    const { provider, fromBlock } = session
    const signer = requireSigner(session)
    await using cleanup = new AsyncDisposableStack()
    const contract = clients.proverMarket(session.market, provider)
    const job = await readJob(contract, provider, BigInt(id))
    if (job.status === 'none') throw new UsageError(`the market has no job ${id}`)
    const plane = await openPlane(options, cleanup)
    const privateKey = signer instanceof Wallet ? signer.privateKey : null
    const prover = { address: await signer.getAddress(), privateKey }
    const segments = await readWitness(contract, job, { fromBlock, plane, prover })
    const shown = segments.map(({ input, salts }) => ({ input: [...input], salts }))
    // A new file, whatever was there: a mode counts only for a file that is made.
    await writeAtomically(options.out, `${toJson({ job: id, segments: shown })}\n`, 0o600)
    print(options, { file: options.out, segments: segments.length }, `the witness of job ${id} is in ${options.out}`)
  })
}

async function statusCommand(only: number | undefined, options: MarketOptions): Promise<void> {
  await withMarket(options, async ({ provider, signer, market }) => {
    const [{ formatEther }, { clients }, { readJob }] = await Promise.all([
      import('ethers'),
      import('../chain/index.ts'),
      import('../serving/index.ts'),
    ])
    const contract = clients.proverMarket(market, provider)
    const count = Number(await contract.jobCount())
    const ids = only === undefined ? Array.from({ length: count }, (_, i) => i + 1) : [only]
    const jobs = await Promise.all(ids.map((id) => readJob(contract, provider, BigInt(id))))
    const address = await signer?.getAddress()
    const account = address === undefined ? undefined : await standing(contract, address)
    const lines = jobs.map(({ id, status, slots }) => {
      return `job ${id}  ${status.padEnd(9)}  ${slots.map(({ state }) => state).join(' ')}`
    })
    if (account !== undefined) {
      const { free, reserved, earned } = account
      lines.unshift(`bond ${formatEther(free)} free, ${formatEther(reserved)} reserved; earned ${formatEther(earned)}`)
    }
    print(options, { ...(account === undefined ? {} : { account }), jobs }, lines.join('\n') || 'no jobs')
  })
}

/** Bond and earnings, in wei. */
async function standing(contract: ProverMarket, address: string) {
  const [{ free, reserved, unbonding, unbondsAt }, earned] = await Promise.all([
    contract.bondOf(address),
    contract.balanceOf(address),
  ])
  return { address, free, reserved, unbonding, unbondsAt, earned }
}

async function openPlane(options: PlaneOptions, cleanup: AsyncDisposableStack) {
  const { DataPlane } = await import('../network/index.ts')
  const plane = await DataPlane.start({
    folder: options.data,
    // Nobody looks a prover up by its peer id: jobs carry addresses.
    identitySeed: crypto.getRandomValues(new Uint8Array(32)),
    listen: [options.listen],
  })
  cleanup.defer(() => plane.stop())
  return plane
}

async function acting(session: Session) {
  const { clients } = await import('../chain/index.ts')
  const signer = requireSigner(session)
  return { contract: clients.proverMarket(session.market, signer), address: await signer.getAddress() }
}

/** Sends and waits; a refusal becomes one line with the contract's reason. */
async function transact(
  what: string,
  { market, provider }: Session,
  act: () => Promise<{ wait(): Promise<unknown> }>,
): Promise<void> {
  const { clients, decodeRevert } = await import('../chain/index.ts')
  try {
    await (await act()).wait()
  } catch (error) {
    throw decodeRevert(error, [clients.proverMarket(market, provider).interface], what) ?? error
  }
}

function requireSigner({ signer }: Session): Signer {
  if (signer === undefined) throw new UsageError('this needs an account: --keystore or --account')
  return signer
}

/** One line an event: JSON on stdout, or words on stderr. */
function report(options: MarketOptions, event: string, fields: Readonly<Record<string, unknown>>): void {
  const time = new Date().toISOString()
  if (options.json) {
    process.stdout.write(`${toJson({ time, event, ...fields }).replaceAll(/\n */g, ' ')}\n`)
    return
  }
  const words = Object.entries(fields).map(([name, value]) => `${name}=${String(value)}`)
  process.stderr.write(`${time} ${event} ${words.join(' ')}\n`)
}

/** An amount with a default: commander's help cannot show a bigint by itself. */
function ether(flags: string, description: string): Option {
  return new Option(flags, description).argParser(parseEtherAmount)
}

/** Ether with up to 18 decimals, to wei. */
function parseEtherAmount(text: string): bigint {
  const match = /^(\d{1,9})(?:\.(\d{1,18}))?$/.exec(text)
  if (match === null) throw new InvalidArgumentError('an amount of ether with at most 18 decimals is needed.')
  return BigInt(match[1]!) * 10n ** 18n + BigInt((match[2] ?? '').padEnd(18, '0'))
}

function parseSeconds(text: string): number {
  const value = Number(text)
  if (!(value >= 0.1 && value <= 3_600)) throw new InvalidArgumentError('0.1 to 3600 seconds are needed.')
  return value
}
