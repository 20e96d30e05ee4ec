// SPDX-License-Identifier: GPL-3.0-or-later
// The fees that a transaction offers (EIP-1559).
import { type JsonRpcApiProvider, Transaction } from 'ethers'
import { ChainError } from './errors.ts'
import type { HeadWatch } from './head-watch.ts'

export type FeePolicy = {
  /** Never offer more than this per gas, in wei. */
  readonly maxFeePerGas: bigint
  /** Milliseconds without being mined before the fee is raised. */
  readonly replaceAfter: number
}

/** Wei per gas. */
export type OfferedFees = { readonly maxFeePerGas: bigint; readonly maxPriorityFeePerGas: bigint }

export const DEFAULT_FEES: FeePolicy = { maxFeePerGas: 500n * 10n ** 9n, replaceAfter: 60_000 }
/** Nodes replace a transaction for at least 10 % (geth) or 12.5 % (others) more. */
const BUMP = { numerator: 1130n, denominator: 1000n }
/** Offered to whoever makes blocks where the node suggests nothing. */
const DEFAULT_TIP = 1_000_000_000n

type Market = { readonly provider: JsonRpcApiProvider; readonly heads: HeadWatch; readonly fees: FeePolicy }

/**
 * Fees for a new transaction, or for one in place of `replacing` (a signed transaction): more than that one's, too.
 * @throws ChainError FEE_CAP when the network asks more than the policy allows
 */
export async function offeredFees(market: Market, replacing?: string): Promise<OfferedFees> {
  let { priority, total } = await asked(market)
  if (replacing !== undefined) {
    const before = Transaction.from(replacing)
    priority = max(priority, raised(before.maxPriorityFeePerGas ?? 0n))
    total = max(total, raised(before.maxFeePerGas ?? 0n), priority)
  }
  const { maxFeePerGas } = market.fees
  if (total > maxFeePerGas) {
    throw new ChainError(
      'FEE_CAP',
      `the network asks ${total} wei per gas, chain.maxFeeGwei allows ${maxFeePerGas}: raise it or wait`,
    )
  }
  return { maxFeePerGas: total, maxPriorityFeePerGas: priority }
}

/** Fees for the network: twice the base fee, which grows by at most an eighth per block, and the node's suggested tip. */
async function asked({ provider, heads }: Market): Promise<{ priority: bigint; total: bigint }> {
  const { baseFeePerGas } = await heads.latest()
  const suggestion = await provider.send('eth_maxPriorityFeePerGas', []).catch((error: unknown) => {
    if (error instanceof ChainError) throw error
    return null
  })
  const priority = suggestion === null ? DEFAULT_TIP : BigInt(suggestion)
  if (baseFeePerGas !== null) return { priority, total: 2n * baseFeePerGas + priority }
  return { priority, total: 2n * BigInt(await provider.send('eth_gasPrice', [])) + priority }
}

function raised(found: bigint): bigint {
  return (found * BUMP.numerator) / BUMP.denominator + 1n
}

function max(...values: bigint[]): bigint {
  return values.reduce((a, b) => (a > b ? a : b))
}
