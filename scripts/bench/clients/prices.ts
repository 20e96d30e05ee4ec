// SPDX-License-Identifier: GPL-3.0-or-later
// Prices that the cost of a step is computed with: assumptions, each a parameter in prices.json.
import { readFile } from 'node:fs/promises'
import { parseUnits } from 'ethers'
import { z } from 'zod'
import { arbitrumDataFee, opStackDataFee } from './rollup-fees.ts'

const gwei = z.number().nonnegative()
const schema = z.strictObject({
  etherDollars: z.number().positive(),
  /** Base fee and tip together. */
  ethereum: z.strictObject({ gasGwei: gwei }),
  opStack: z.strictObject({
    gasGwei: gwei,
    l1BaseFeeGwei: gwei,
    /** A sixteenth of the base fee is the least since EIP-7918. */
    l1BlobBaseFeeGwei: gwei,
    /** Of the chain's SystemConfig, in millionths. */
    baseFeeScalar: z.int().nonnegative(),
    blobBaseFeeScalar: z.int().nonnegative(),
  }),
  arbitrum: z.strictObject({
    gasGwei: gwei,
    /** Of a sixteenth of a compressed byte; the chain adjusts it to what its batches cost. */
    pricePerUnitGwei: gwei,
  }),
})

export type Prices = z.infer<typeof schema>

/** @throws ZodError that names the field */
export async function readPrices(): Promise<Prices> {
  return schema.parse(JSON.parse(await readFile(new URL('prices.json', import.meta.url), 'utf8')))
}

/** Kinds of chains, by the names in `deploy/parameters`. */
export const CHAINS = ['ethereum', 'op-stack', 'arbitrum'] as const

const wei = (amount: number): bigint => parseUnits(amount.toFixed(9), 'gwei')

/** Wei of a transaction on such a chain, and how much of that is for its data. */
export function costOn(
  chain: (typeof CHAINS)[number],
  { gas, raw }: { readonly gas: number; readonly raw: Uint8Array },
  { ethereum, opStack, arbitrum }: Prices,
): { readonly total: bigint; readonly data: bigint } {
  const of = (gasGwei: number, data: bigint) => ({ total: BigInt(gas) * wei(gasGwei) + data, data })
  if (chain === 'ethereum') return of(ethereum.gasGwei, 0n)
  if (chain === 'arbitrum') return of(arbitrum.gasGwei, arbitrumDataFee(raw, wei(arbitrum.pricePerUnitGwei)))
  const data = opStackDataFee(raw, {
    l1BaseFee: wei(opStack.l1BaseFeeGwei),
    l1BlobBaseFee: wei(opStack.l1BlobBaseFeeGwei),
    baseFeeScalar: BigInt(opStack.baseFeeScalar),
    blobBaseFeeScalar: BigInt(opStack.blobBaseFeeScalar),
  })
  return of(opStack.gasGwei, data)
}
