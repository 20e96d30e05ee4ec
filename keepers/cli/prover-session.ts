// SPDX-License-Identifier: GPL-3.0-or-later
// Shared by the subcommands of `cohort prover`: their options, the market, an account and a data plane.
import { join } from 'node:path'
import process from 'node:process'
import { type Command, InvalidArgumentError } from 'commander'
import type { JsonRpcProvider, Signer } from 'ethers'
import { type ChainOptions, chainCommand, parseAddress, parseCountFromZero, withEndpoint } from './chain-command.ts'
import { UsageError } from './failure.ts'

export type MarketOptions = ChainOptions & { readonly market?: string; readonly fromBlock?: number }
export type PlaneOptions = { readonly data: string; readonly listen: string }

const DEFAULT_FOLDER = join(process.env.HOME ?? '.', '.cohort', 'prover')

/** A subcommand with the options of all of them. */
export function marketCommand(parent: Command, name: string, description: string): Command {
  return chainCommand(parent, name, description)
    .option('--market <address>', 'the prover market (default: from the deployment)', parseAddress)
    .option(
      '--from-block <number>',
      'block of the market’s deployment (default: from the deployment)',
      parseCountFromZero,
    )
}

export function planeOptions(to: Command): Command {
  return to
    .option('--data <folder>', 'where blobs of the data plane go', DEFAULT_FOLDER)
    .option('--listen <multiaddr>', 'address of the data plane', '/ip4/127.0.0.1/tcp/0')
}

export type Session = {
  readonly provider: JsonRpcProvider
  readonly signer: Signer | undefined
  readonly market: string
  readonly fromBlock: number
}

export async function withMarket(options: MarketOptions, body: (session: Session) => Promise<void>): Promise<void> {
  const { readDeployment } = await import('../chain/index.ts')
  const deployment = options.market === undefined ? await readDeployment(options.deployment) : undefined
  const market = options.market ?? deployment!.contracts.ProverMarket
  const fromBlock = options.fromBlock ?? deployment?.fromBlock ?? 0
  await withEndpoint(options, deployment?.chainId, async ({ provider, signer }) => {
    await body({ provider, signer, market, fromBlock })
  })
}

export async function openPlane(options: PlaneOptions, cleanup: AsyncDisposableStack) {
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

export async function acting(session: Session) {
  const { clients } = await import('../chain/index.ts')
  const signer = requireSigner(session)
  return { contract: clients.proverMarket(session.market, signer), address: await signer.getAddress() }
}

/** Sends and waits; a refusal becomes one line with the contract's reason. */
export async function transact(
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

export function requireSigner({ signer }: Session): Signer {
  if (signer === undefined) throw new UsageError('this needs an account: --keystore or --account')
  return signer
}

/** Ether with up to 18 decimals, to wei. */
export function parseEtherAmount(text: string): bigint {
  const match = /^(\d{1,9})(?:\.(\d{1,18}))?$/.exec(text)
  if (match === null) throw new InvalidArgumentError('an amount of ether with at most 18 decimals is needed.')
  return BigInt(match[1]!) * 10n ** 18n + BigInt((match[2] ?? '').padEnd(18, '0'))
}
