// SPDX-License-Identifier: GPL-3.0-or-later
// The timelock's calls, in words: decoded by the contracts that proposals may call.
import { formatEther, getAddress, type Interface } from 'ethers'

/** One call that the timelock would make. */
export type Call = { readonly target: string; readonly data: string }

/** A contract that proposals may call, to show its calls in words. */
export type KnownContract = { readonly name: string; readonly address: string; readonly abi: Interface }

/** A call as `Contract.function(arguments)`; of a contract that is not known, its address and data. */
export function callInWords(known: readonly KnownContract[], { target, data }: Call, value: bigint): string {
  const contract = known.find(({ address }) => address === getAddress(target))
  const call = contract?.abi.parseTransaction({ data }) ?? null
  const sent = value === 0n ? '' : ` with ${formatEther(value)} ether`
  if (contract === undefined) return `${target} ${data}${sent}`
  if (call === null) return `${contract.name} ${data}${sent}`
  return `${contract.name}.${call.name}(${call.args.map((given: unknown) => inWords(given)).join(', ')})${sent}`
}

/** Lists and structs in brackets, so that one's fields are not taken for the next argument. */
function inWords(value: unknown): string {
  return Array.isArray(value) ? `[${value.map(inWords).join(', ')}]` : String(value)
}
