// SPDX-License-Identifier: GPL-3.0-or-later
// `cohort relay`: send the signed steps of a service's keepers, and pay their gas.
import { join } from 'node:path'
import process from 'node:process'
import { type Command, InvalidArgumentError } from 'commander'
import { parseAddress, parseCount, parseCountFromZero } from './chain-command.ts'
import { report } from './event-line.ts'
import { CommandError, EXIT, UsageError } from './failure.ts'
import { untilStopped } from './stopping.ts'

type RelayOptions = {
  readonly deployment?: string
  readonly service?: string
  readonly chainId?: number
  readonly rpc: readonly string[]
  readonly keystore: string
  readonly passphraseFile?: string
  readonly data: string
  readonly host: string
  readonly port: number
  readonly waitSeconds: number
  readonly batch: number
  readonly waiting: number
  readonly waitingEach: number
  readonly maxFeeGwei: number
  readonly confirmations: number
  readonly json?: boolean
}

const EXAMPLES = `
Examples:
  cohort relay --deployment deploy/addresses/sepolia.json --rpc https://rpc.example.org --keystore relayer.json
  cohort relay --service 0x… --chain-id 1 --rpc https://rpc.example.org --keystore relayer.json --host 0.0.0.0 --json

A keeper uses it with \`relay: { urls: [http://HOST:9470] }\` in its keeper.yaml. Put TLS and a rate limit in front of a relayer that
strangers can reach. GET /v1/status shows which service it is for, and how many calls wait.

Exit codes: 0 stopped by a signal, 64 usage, 65 and 66 keystore, 69 no endpoint or no port, 77 passphrase, 78 wrong chain or service.
`

/** Milliseconds between looks at the waiting calls and at the chain. */
const POLL_MS = 250

/** Adds `cohort relay`. */
export function registerRelay(program: Command): void {
  program
    .command('relay')
    .description('send keepers’ signed steps together and pay their gas, until interrupted')
    .option('--deployment <file>', 'addresses, as `npx hardhat deploy` wrote them: service and chain id')
    .option('--service <address>', 'the learning service (default: the only one of the deployment)', parseAddress)
    .option('--chain-id <number>', 'chain id of the network (default: that of the deployment)', parseCount)
    .requiredOption('--rpc <url...>', 'JSON-RPC endpoints, the preferred one first')
    .requiredOption('--keystore <file>', 'encrypted key of the account that pays')
    .option('--passphrase-file <file>', 'file of the keystore’s passphrase (default: COHORT_PASSPHRASE, else a prompt)')
    .option(
      '--data <folder>',
      'folder for the record of its transactions',
      join(process.env.HOME ?? '.', '.cohort', 'relay'),
    )
    .option('--host <address>', 'address to listen on', '127.0.0.1')
    .option('--port <number>', 'port to listen on; 0 for any free one', parsePort, 9470)
    .option('--wait-seconds <number>', 'how long a step waits for others', parseWait, 5)
    .option('--batch <count>', 'most steps in one transaction', parseCount, 32)
    .option('--waiting <count>', 'most calls that wait at once', parseCount, 1024)
    .option('--waiting-each <count>', 'most calls of one keeper that wait at once', parseCount, 8)
    .option('--max-fee-gwei <number>', 'highest fee per gas to offer', parseGwei, 500)
    .option(
      '--confirmations <count>',
      'blocks that a transaction must be deep before the next one is sent',
      parseCount,
      1,
    )
    .option('--json', 'report each event as a line of JSON on standard output')
    .addHelpText('after', EXAMPLES)
    .action(async (options: RelayOptions) => relayCommand(options))
}

async function relayCommand(options: RelayOptions): Promise<void> {
  await untilStopped(async (signal) => {
    try {
      await serve(options, signal)
    } catch (error) {
      if (!signal.aborted) throw await withExitCode(error)
    }
  })
}

async function serve(options: RelayOptions, signal: AbortSignal): Promise<void> {
  const { openKeystore, readPassphrase } = await import('../chain/index.ts')
  const { openRelayer, RelayServer } = await import('../relay/index.ts')
  const place = await placeOf(options)
  const passphrase = await readPassphrase({
    file: options.passphraseFile,
    prompt: `Passphrase of ${options.keystore}: `,
  })
  const wallet = await openKeystore(options.keystore, passphrase)
  await using cleanup = new AsyncDisposableStack()
  const { relayer, run } = await openRelayer(
    {
      ...place,
      ...{ rpc: options.rpc, wallet, folder: options.data, passphrase, signal },
      ...{ maxFeeGwei: options.maxFeeGwei, confirmations: options.confirmations },
      ...{ wait: options.waitSeconds * 1_000, pollInterval: POLL_MS },
      limits: { most: options.waiting, mostOfOne: options.waitingEach, batch: options.batch },
      onEvent: ({ kind, ...details }) => report(options, kind, details),
    },
    cleanup,
  )
  const status = { service: place.service, chainId: place.chainId, account: wallet.address }
  const { host, port, waiting: most } = options
  const server = await RelayServer.start(relayer, { host, port, most, status }).catch((cause: Error) => {
    throw new CommandError(`--port ${port}: ${cause.message}: choose another, or 0 for any free one`, EXIT.unavailable)
  })
  cleanup.defer(() => server.stop())
  report(options, 'listening', { ...status, host, port: server.port })
  await run()
  report(options, 'stopped', {})
}

async function placeOf({ deployment, service, chainId }: RelayOptions): Promise<{ service: string; chainId: number }> {
  if (deployment === undefined) {
    if (service === undefined || chainId === undefined) {
      throw new UsageError('give --deployment FILE, or --service and --chain-id')
    }
    return { service, chainId }
  }
  const { readDeployment } = await import('../chain/index.ts')
  const found = await readDeployment(deployment)
  const only = service ?? (found.services.length === 1 ? found.services[0]!.address : undefined)
  if (only === undefined) {
    const names = found.services.map(({ name, address }) => `'${name}' at ${address}`).join(', ') || 'none'
    throw new UsageError(`say which with --service: the services of ${deployment} are ${names}`)
  }
  return { service: only, chainId: chainId ?? found.chainId }
}

/** Gives a relayer's errors the exit codes that they have in a keeper. */
async function withExitCode(error: unknown): Promise<unknown> {
  const { keeperExitCode } = await import('../agent/index.ts')
  if (error instanceof Error && !('exitCode' in error)) Object.assign(error, { exitCode: keeperExitCode(error) })
  return error
}

function parsePort(text: string): number {
  const port = parseCountFromZero(text)
  if (port > 65_535) throw new InvalidArgumentError('a port from 0 to 65535 is needed.')
  return port
}

function parseWait(text: string): number {
  const value = Number(text)
  if (!(value >= 0 && value <= 600)) throw new InvalidArgumentError('0 to 600 seconds are needed.')
  return value
}

function parseGwei(text: string): number {
  const value = Number(text)
  if (!(value > 0 && value <= 1e9)) throw new InvalidArgumentError('a positive number is needed.')
  return value
}
