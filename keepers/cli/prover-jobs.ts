// SPDX-License-Identifier: GPL-3.0-or-later
// The jobs of `cohort prover`: posts one, opens its witness, and shows the state of all.
import type { ProverMarket } from '../../types/index.ts'
import { print, toJson } from './chain-command.ts'
import { CommandError, EXIT, UsageError } from './failure.ts'
import { type MarketOptions, openPlane, type PlaneOptions, requireSigner, withMarket } from './prover-session.ts'

export type OpenOptions = MarketOptions & PlaneOptions & { readonly out: string }
export type PostOptions = MarketOptions &
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

const WAIT_POLL_MS = 1_000

export async function postCommand(folder: string, options: PostOptions): Promise<void> {
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

export async function openCommand(id: number, options: OpenOptions): Promise<void> {
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
    // Always a new file, because the mode applies only to a file that is created.
    await writeAtomically(options.out, `${toJson({ job: id, segments: shown })}\n`, 0o600)
    print(options, { file: options.out, segments: segments.length }, `the witness of job ${id} is in ${options.out}`)
  })
}

export async function statusCommand(only: number | undefined, options: MarketOptions): Promise<void> {
  await withMarket(options, async ({ provider, signer, market }) => {
    const [{ formatEther }, { clients, countOf }, { readJob }] = await Promise.all([
      import('ethers'),
      import('../chain/index.ts'),
      import('../serving/index.ts'),
    ])
    const contract = clients.proverMarket(market, provider)
    const count = countOf(await contract.jobCount(), 'proving jobs')
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
