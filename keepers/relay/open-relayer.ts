// SPDX-License-Identifier: GPL-3.0-or-later
import { getAddress, parseUnits, type Wallet } from 'ethers'
import { contractInterface, FailoverProvider, HeadWatch, openService, TransactionQueue } from '../chain/index.ts'
import { KeeperStore } from '../store/index.ts'
import { Relayer, type RelayerEvent, type RelayerOptions } from './relayer.ts'

export type RelayerPlace = Pick<RelayerOptions, 'limits' | 'wait' | 'pollInterval'> & {
  readonly rpc: readonly string[]
  readonly chainId: number
  readonly service: string
  /** The account that pays. */
  readonly wallet: Wallet
  /** Folder in which signed transactions are recorded before they are sent. After a crash, the same ones are sent again. */
  readonly folder: string
  readonly passphrase: string
  readonly maxFeeGwei: number
  readonly confirmations: number
  readonly signal: AbortSignal
  readonly onEvent: (event: RelayerEvent) => void
}

/**
 * Opens a relayer for a service on a chain, and finishes any work that the last run left. `run` sends until the signal is aborted.
 * @throws ChainError, StoreError
 */
export async function openRelayer(
  place: RelayerPlace,
  cleanup: AsyncDisposableStack,
): Promise<{ readonly relayer: Relayer; readonly run: () => Promise<void> }> {
  const { rpc, wallet, folder, passphrase, signal, pollInterval, confirmations } = place
  const chainId = BigInt(place.chainId)
  const service = getAddress(place.service)
  const store = KeeperStore.open({ folder, passphrase, binding: { chainId, service, operator: wallet.address } })
  cleanup.defer(() => store.close())
  const provider = new FailoverProvider({ urls: rpc, chainId, stopping: signal })
  cleanup.defer(() => provider.destroy())
  const contracts = await openService(service, provider)
  const heads = new HeadWatch({ provider, pollInterval })
  const queue = new TransactionQueue({
    ...{ provider, heads, wallet, chainId, confirmations, pollInterval },
    witnesses: provider,
    log: store.transactions,
    interfaces: (['ILearningService', 'KeeperRegistry'] as const).map(contractInterface),
    fees: { maxFeePerGas: parseUnits(String(place.maxFeeGwei), 'gwei') },
    onEvent: (event) => {
      if (event.kind === 'sent' || event.kind === 'replaced') relayer.sent(event.key, event.hash)
    },
  })
  const relayer = new Relayer({
    ...{ provider, contracts, heads, queue, pollInterval },
    domain: { chainId, service },
    limits: place.limits,
    wait: place.wait,
    onEvent: place.onEvent,
  })
  await queue.resume(signal)
  return { relayer, run: () => relayer.run(signal) }
}
