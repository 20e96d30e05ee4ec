// SPDX-License-Identifier: GPL-3.0-or-later
// `cohort prover`: prove for others and be paid, or have something proven.
import { type Command, InvalidArgumentError, Option } from 'commander'
import { parseCount, parseCountFromZero } from './chain-command.ts'
import { report } from './event-line.ts'
import { registerBond } from './prover-bond.ts'
import { type OpenOptions, openCommand, type PostOptions, postCommand, statusCommand } from './prover-jobs.ts'
import {
  type MarketOptions,
  marketCommand,
  openPlane,
  type PlaneOptions,
  parseEtherAmount,
  planeOptions,
  requireSigner,
  withMarket,
} from './prover-session.ts'
import { type QueueOptions, queueAccess, queueOptions } from './queue-options.ts'
import { untilStopped } from './stopping.ts'

type RunOptions = MarketOptions &
  PlaneOptions &
  QueueOptions & {
    readonly circuits: readonly string[]
    readonly maxBond: bigint
    readonly minPrice: bigint
    readonly minSeconds: number
    readonly keys: number
    readonly poll: number
  }

const RUN_EXAMPLES = `
Examples:
  cohort prover run --keystore prover.json --circuits circuits/mnist --rpc https://rpc.example.org
  cohort prover run --keystore prover.json --circuits circuits/mnist --queue redis://127.0.0.1:6379 --queue-key workers.key

With --queue, your workers prove (\`cohort worker --kinds proofs\`). This process checks each proof, and itself proves what they do not.
`

/** Adds `cohort prover` and its subcommands. */
export function registerProver(program: Command): void {
  const prover = program
    .command('prover')
    .description('prove inferences for others, or have them proven, on the ProverMarket')

  const run = planeOptions(
    marketCommand(prover, 'run', 'serve jobs until interrupted: claim, prove, submit, settle, accuse liars'),
  )
    .requiredOption('--circuits <folder...>', 'set-up circuits, or folders of segments (`cohort zkml split`)')
    .addOption(ether('--max-bond <ether>', 'most to put at stake').default(10n ** 18n, '1'))
    .addOption(ether('--min-price <ether>', 'leave cheaper segments to others').default(0n, '0'))
    .option('--min-seconds <count>', 'leave slots with less time for proving to others', parseCount, 60)
    .option('--keys <count>', 'proving keys to keep loaded', parseCount, 2)
    .option('--poll <seconds>', 'time between looks at the chain', parseSeconds, 2)
    .action(async (options: RunOptions) => runCommand(options))
  queueOptions(run).addHelpText('after', RUN_EXAMPLES)

  planeOptions(marketCommand(prover, 'post', 'post a job: one input through a circuit or a chain of segments'))
    .argument('<folder>', 'a circuit, or segments (`cohort zkml split`)')
    .requiredOption('--input <file>', 'the input, as for `cohort zkml fullprove`; it becomes public')
    .option('--index <number>', 'index of the image in an IDX file, from 0', parseCountFromZero)
    .requiredOption('--price <ether>', 'price of each proof at the start', parseEtherAmount)
    .option('--max-price <ether>', 'price of each proof at the deadline (default: --price)', parseEtherAmount)
    .option('--seconds <count>', 'time until the deadline', parseCount, 3_600)
    .option('--claim-seconds <count>', 'time that a prover has from its claim', parseCount, 120)
    .option('--copies <count>', 'provers that must agree on each segment', parseCount, 1)
    .option('--for <prover...>', 'seal the witness to these provers, by address or public key; nobody else may claim')
    .option('--by-cid', 'publish the witness on the data plane, and serve it until the job has ended')
    .option('--wait', 'wait until the job has ended, and print its output')
    .action(async (folder: string, options: PostOptions) => postCommand(folder, options))

  planeOptions(
    marketCommand(prover, 'open', 'write the witness that a job has for this account, sealed to it or public'),
  )
    .argument('<job>', 'number of the job', parseCount)
    .requiredOption('--out <file>', 'file for the witness; only its owner can read it')
    .action(async (job: number, options: OpenOptions) => openCommand(job, options))

  marketCommand(prover, 'status', 'bond, earnings and jobs')
    .argument('[job]', 'only this job', parseCount)
    .action(async (job: number | undefined, options: MarketOptions) => statusCommand(job, options))

  registerBond(prover)
}

async function runCommand(options: RunOptions): Promise<void> {
  await untilStopped(async (signal) => {
    await withMarket(options, async (session) => {
      const { CircuitShelf, ProverService } = await import('../serving/index.ts')
      const { provider, market, fromBlock } = session
      const pollMs = options.poll * 1_000
      provider.pollingInterval = Math.min(pollMs, provider.pollingInterval)
      await using cleanup = new AsyncDisposableStack()
      const plane = await openPlane(options, cleanup)
      const shelf = cleanup.use(await CircuitShelf.open({ folders: options.circuits, loadedKeys: options.keys }))
      const { openQueue } = await import('../jobs/index.ts')
      const { queue } = await openQueue(await queueAccess(options), shelf.performers, ({ event, ...fields }) =>
        report(options, event, fields),
      )
      cleanup.use(queue)
      const { maxBond, minPrice, minSeconds } = options
      const service = await ProverService.open({
        ...{ provider, market, fromBlock, signer: requireSigner(session), shelf, queue, plane, maxBond, minPrice },
        ...{ minSeconds, pollMs },
        onEvent: (event, fields) => report(options, event, fields),
      })
      await service.run(signal)
    })
  })
}

/** An amount with a default: commander's help cannot show a bigint by itself. */
function ether(flags: string, description: string): Option {
  return new Option(flags, description).argParser(parseEtherAmount)
}

function parseSeconds(text: string): number {
  const value = Number(text)
  if (!(value >= 0.1 && value <= 3_600)) throw new InvalidArgumentError('0.1 to 3600 seconds are needed.')
  return value
}
