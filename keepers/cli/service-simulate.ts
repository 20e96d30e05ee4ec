// SPDX-License-Identifier: GPL-3.0-or-later
// `cohort service simulate`: estimates what a service with a given number of keepers takes on a network and a chain, before it exists.
import { join } from 'node:path'
import process from 'node:process'
import { type Command, InvalidArgumentError, Option } from 'commander'
import type { ServiceResult } from '../sizing/index.ts'
import { numberBetween, ProgressLine, replaceFile, wholeNumber } from './learning-options.ts'
import { interruptible } from './stopping.ts'

const NETWORKS = ['datacentre', 'fibre', 'poor'] as const
const CHAINS = ['local', 'second', 'ethereum', 'l2'] as const
const WINDOWS = ['localhost', 'sepolia', 'op-stack', 'arbitrum'] as const
const MBIT = 1e6
const GWEI_PER_COIN = 1e9

const EXAMPLES = `
Networks (delay one way to the middle; up and down): datacentre 0.25 ms, 1 Gbit; fibre 10 ms, 100 and 300 Mbit; poor 125 ms, 1 Mbit.
Chains (seconds per block, gas, share that others use): local at once; second 1 s, 30 M; ethereum 12 s, 36 M, half; l2 2 s, 60 M, 0.3.

Examples:
  cohort service simulate --keepers 64 --network fibre --chain ethereum
  cohort service simulate --keepers 16,64,256 --network poor --chain l2 --windows op-stack --out runs/sizes
  cohort service simulate --keepers 48 --rounds 10 --killed 0.1 --lying 0.05 --json
  cohort service simulate --keepers 8 --slow 0.125 --rounds 12 --buffer 6 --max-staleness 7   # one straggler, not waited for
  cohort service simulate --keepers 256 --services 4 --chain ethereum     # 1,024 keepers: four services on one chain
`

type Options = {
  readonly keepers: readonly number[]
  readonly rounds: number
  readonly parameters: number
  readonly slices: boolean
  readonly network: (typeof NETWORKS)[number]
  readonly delay?: number
  readonly up?: number
  readonly down?: number
  readonly loss?: number
  readonly chain: (typeof CHAINS)[number]
  readonly blockSeconds?: number
  readonly blockGas?: number
  readonly taken?: number
  readonly services?: number
  readonly confirmations?: number
  readonly finality?: number
  readonly gasGwei?: number
  readonly windows: (typeof WINDOWS)[number]
  readonly cores: number
  readonly speed: number
  readonly shared?: boolean
  readonly training: number
  readonly killed: number
  readonly lying: number
  readonly slow: number
  readonly buffer: number
  readonly maxStaleness: number
  readonly seed: number
  readonly out?: string
  readonly json?: boolean
}

export function registerServiceSimulate(service: Command): void {
  service
    .command('simulate')
    .description('estimate what rounds of a service would take, by simulating its network, chain and processors')
    .option('--keepers <n>', 'members of the service; several numbers with commas between them', numbers, [16])
    .option('--rounds <n>', 'how many rounds', wholeNumber(1), 3)
    .option('--parameters <n>', 'parameters of the model', wholeNumber(1), 2_202)
    .option('--no-slices', 'without sums by slices (network.slices: false)')
    .addOption(new Option('--network <name>', 'how the keepers are connected').choices(NETWORKS).default('fibre'))
    .option('--delay <ms>', 'delay one way from a keeper to the middle of the network', numberBetween(0, 10_000))
    .option('--up <mbit>', 'upload of a keeper’s link, Mbit per second', numberBetween(0.001, 1e6))
    .option('--down <mbit>', 'download of a keeper’s link, Mbit per second', numberBetween(0.001, 1e6))
    .option('--loss <share>', 'of packets', numberBetween(0, 0.5))
    .addOption(new Option('--chain <name>', 'the chain').choices(CHAINS).default('ethereum'))
    .option('--block-seconds <s>', 'time between blocks; 0: each transaction is a block', numberBetween(0, 3_600))
    .option('--block-gas <gas>', 'gas of a block', wholeNumber(1_000_000))
    .option('--taken <share>', 'share of a block’s gas that others use', numberBetween(0, 0.99))
    .option('--services <n>', 'services of this size on the chain, all at the same step', wholeNumber(1))
    .option('--confirmations <n>', 'how many blocks deep a draft must be before shares are given', wholeNumber(1))
    .option(
      '--finality <s>',
      'seconds until the chain calls a block final, if keepers wait for that',
      numberBetween(0, 1e6),
    )
    .option('--gas-gwei <gwei>', 'price of one gas', numberBetween(0, 1e6))
    .addOption(
      new Option('--windows <name>', 'windows of the states, by their name in deploy/parameters')
        .choices(WINDOWS)
        .default('sepolia'),
    )
    .option('--cores <n>', 'cores of a keeper’s machine', numberBetween(0.1, 1_024), 2)
    .option('--speed <factor>', 'speed of a core, relative to the measured machine', numberBetween(0.01, 100), 1)
    .option('--shared', 'all keepers run on one machine')
    .option('--training <s>', 'CPU seconds of a keeper’s local training', numberBetween(0, 1e6), 60)
    .option('--killed <share>', 'share of the keepers that stop somewhere in the first round', numberBetween(0, 1), 0)
    .option('--lying <share>', 'share of the keepers that report false sums of slices', numberBetween(0, 1), 0)
    .option('--slow <share>', 'share of the keepers with a tenth of processor and link', numberBetween(0, 1), 0)
    .option(
      '--buffer <n>',
      'number of updates with which Training ends without waiting for slower keepers; 0: it waits for all',
      wholeNumber(0),
      0,
    )
    .option(
      '--max-staleness <n>',
      'with a buffer: completed rounds that an update may be behind, 1 to 7',
      wholeNumber(0),
      0,
    )
    .option('--seed <n>', 'determines everything random', wholeNumber(0), 1)
    .option('--out <dir>', 'write rounds.csv, result.json and chart.svg there')
    .option('--json', 'print the result as JSON')
    .addHelpText('after', EXAMPLES)
    .action(async (options: Options) => interruptible((signal) => run(options, signal)))
}

function numbers(text: string): number[] {
  const found = text.split(',').map(Number)
  if (found.every((value) => Number.isSafeInteger(value) && value >= 4 && value <= 256)) return found
  throw new InvalidArgumentError(
    'expected whole numbers from 4 to 256, with commas between them: a service has 256 seats',
  )
}

async function run(options: Options, signal: AbortSignal): Promise<void> {
  const room = await import('../sizing/index.ts')
  const line = new ProgressLine()
  const results: ServiceResult[] = []
  try {
    for (const keepers of options.keepers) {
      line.update(`${keepers} keepers`)
      const settings = settingsOf(options, keepers, room)
      const onRound = (round: number) => line.update(`${keepers} keepers, round ${round}/${options.rounds}`)
      results.push(room.simulateService(settings, { signal, onRound }))
    }
  } finally {
    line.clear()
  }
  const title = `${options.keepers.join(', ')} keepers, ${options.network}, ${options.chain}${options.slices ? ', slices' : ''}`
  if (options.out !== undefined) {
    await replaceFile(join(options.out, 'rounds.csv'), room.serviceCsv(results))
    await replaceFile(join(options.out, 'result.json'), `${JSON.stringify(results, null, 2)}\n`)
    await replaceFile(join(options.out, 'chart.svg'), room.serviceChart(results, title))
  }
  const text = options.json
    ? JSON.stringify(results, null, 2)
    : [title, ...results.map((result) => rowOf(result, room.meanRound(result)))].join('\n')
  process.stdout.write(`${text}\n`)
}

function settingsOf(options: Options, keepers: number, room: typeof import('../sizing/index.ts')) {
  const { rounds, parameters, slices, training, cores, speed, shared = false, killed, lying, slow, seed } = options
  const { buffer, maxStaleness } = options
  const given = <T extends object>(values: T) =>
    Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined))
  const { delay, loss, services, confirmations, taken, blockSeconds, blockGas, gasGwei, finality } = options
  const scaled = (mbit: number | undefined) => (mbit === undefined ? undefined : mbit * MBIT)
  return {
    ...{ keepers, rounds, parameters, slices, trainingSeconds: training, seed, buffer, maxStaleness },
    machine: { cores, speed, shared },
    network: {
      ...room.NETWORKS[options.network],
      ...given({ delay, loss, up: scaled(options.up), down: scaled(options.down) }),
    },
    chain: {
      ...room.CHAINS[options.chain],
      ...given({ blockSeconds, blockGas, taken, services, confirmations, gasGwei, finalitySeconds: finality }),
    },
    windows: room.WINDOWS[options.windows],
    faults: { killed, lying, slow },
  }
}

/** What an operator asks first: how long, how much of what, and what to change. */
function rowOf(
  { settings, bound, rounds, messages }: ServiceResult,
  mean: ReturnType<typeof import('../sizing/index.ts').meanRound>,
): string {
  const { keepers, chain } = settings
  const kilobytes = (bytes: number): string => (bytes / 1000).toFixed(0)
  const price =
    chain.gasGwei === 0 ? '' : ` (${((mean.gas.mean * chain.gasGwei) / GWEI_PER_COIN).toPrecision(2)} ether)`
  const parts = Object.entries(mean.spent)
    .filter(([, seconds]) => seconds >= 0.005 * mean.seconds)
    .sort(([, a], [, b]) => b - a)
    .map(([what, seconds]) => `${what} ${((100 * seconds) / mean.seconds).toFixed(0)} %`)
  return [
    `${keepers} keepers: ${mean.seconds.toFixed(1)} s a round, most of it ${bound} (${parts.join(', ')})`,
    `  a keeper and round: ${kilobytes(mean.fetched.mean)} kB fetched (most ${kilobytes(mean.fetched.most)}), ` +
      `${mean.processor.mean.toFixed(1)} processor seconds, ${Math.round(mean.gas.mean).toLocaleString('en')} gas${price}`,
    `  a round: ${Math.round(mean.roundGas).toLocaleString('en')} gas; an epoch's keys: ${kilobytes(messages.keys)} kB a keeper`,
    ...(settings.buffer === 0
      ? []
      : [`  ${mean.updates.toFixed(1)} updates a round, ${mean.stale.toFixed(1)} of them of an earlier version`]),
    ...(mean.lost === 0 ? [] : [`  ${mean.lost} of ${rounds.length} rounds came to nothing`]),
  ].join('\n')
}
