// SPDX-License-Identifier: GPL-3.0-or-later
// A transaction of a Safe with several owners, as a link says it and as the chain has its approvals.
import { formatEther, getAddress, Interface, isAddress } from 'ethers'
import { contractInterface } from '../../../keepers/chain/index.ts'
import type { Connection } from '../chain/connection.ts'
import { approversOf, readSafe, type SafeCall, type SafeState, safeHash } from './safe.ts'

/** Bytes of calldata that a link may carry. */
const MOST_BYTES = 10_000
const MOST_WORD = 1n << 256n

export type SafeTransaction = { readonly call: SafeCall; readonly nonce: bigint }

/** What stands in a link, after `sign`: number, target, wei, calldata. @throws Error that names the part */
export function parseSigning(parts: readonly string[]): SafeTransaction {
  const [nonce = '', to = '', value = '', data = ''] = parts
  const shown = to.slice(0, 80)
  if (!/^\d{1,18}$/.test(nonce)) throw new Error(`'${nonce.slice(0, 40)}' is no number of a transaction`)
  if (!isAddress(to)) throw new Error(`'${shown}' is no address`)
  if (!/^\d{1,78}$/.test(value) || BigInt(value) >= MOST_WORD)
    throw new Error(`'${value.slice(0, 40)}' is no amount in wei`)
  if (!/^0x([0-9a-f]{2})*$/i.test(data) || data.length > 2 + 2 * MOST_BYTES)
    throw new Error(`the calldata takes 0x and an even number of hexadecimal digits, at most ${MOST_BYTES} bytes`)
  return { call: { to: getAddress(to), value: BigInt(value), data: data.toLowerCase() }, nonce: BigInt(nonce) }
}

export type Signing = SafeTransaction & {
  readonly safe: SafeState
  readonly hash: string
  /** Owners who have approved it on the chain. */
  readonly approvers: readonly string[]
}

/** @throws Error for an account that is no Safe */
export async function readSigning(
  { provider, site }: Connection,
  account: string,
  { call, nonce }: SafeTransaction,
): Promise<Signing> {
  const { chainId, contracts } = site.deployment
  const safe = await readSafe(provider, account, contracts.SpendingGuard)
  if (safe === null) throw new Error(`${account} is no Safe`)
  const hash = safeHash(chainId, account, call, nonce)
  return { call, nonce, safe, hash, approvers: await approversOf(provider, account, safe.owners, hash) }
}

/** What a Safe changes about itself, by a call of its own: whoever may sign, what runs before and beside its transactions. */
const SAFE_SETTINGS = new Interface([
  'function addOwnerWithThreshold(address owner, uint256 threshold)',
  'function removeOwner(address previous, address owner, uint256 threshold)',
  'function swapOwner(address previous, address owner, address replacement)',
  'function changeThreshold(uint256 threshold)',
  'function setGuard(address guard)',
  'function setModuleGuard(address guard)',
  'function enableModule(address module)',
  'function disableModule(address previous, address module)',
  'function setFallbackHandler(address handler)',
])
/** Of any token: what a signature gives away that is not in the transaction's coins. */
const TOKEN = new Interface([
  'function transfer(address to, uint256 amount)',
  'function approve(address spender, uint256 amount)',
  'function transferFrom(address from, address to, uint256 amount)',
  'function setApprovalForAll(address operator, bool approved)',
])

/** What the transaction does, in words. @param guard address of the SpendingGuard @param safe the account that would send it */
export function inWords({ to, value, data }: SafeCall, guard: string, safe: string): string {
  const coins = value === 0n ? '' : `${formatEther(value).replace(/\.0$/, '')} ether`
  if (data === '0x') return `pays ${coins === '' ? 'nothing' : coins} to ${to}`
  const bytes = `${(data.length - 2) / 2} bytes`
  const with_ = coins === '' ? '' : `, with ${coins}`
  if (to === guard) {
    const call = parsed(contractInterface('SpendingGuard'), data)
    if (call !== null) return `calls ${call} of the guard${with_}`
  }
  if (to === safe) {
    const call = parsed(SAFE_SETTINGS, data) ?? `something, by ${bytes} that this page cannot read,`
    return `CHANGES THE SAFE ITSELF: it calls ${call} of the Safe${with_}`
  }
  const call = parsed(TOKEN, data)
  return call === null
    ? `calls ${to}${with_}, with ${bytes} that this page cannot read`
    : `calls ${call} of ${to}, if that is a token${with_}`
}

/** Whether the words leave something out that the owners sign. */
export function isUnread(words: string): boolean {
  return words.includes('that this page cannot read')
}

function parsed(abi: Interface, data: string): string | null {
  try {
    const call = abi.parseTransaction({ data })
    // What stands after the arguments is signed, too, and nobody would see it.
    if (call === null || abi.encodeFunctionData(call.fragment, call.args) !== data) return null
    return `${call.name}(${[...call.args].join(', ')})`
  } catch {
    return null
  }
}

/** How far it is: by number, a Safe executes one transaction after the other. */
export function standingOf({ nonce, safe, approvers }: Pick<Signing, 'nonce' | 'safe' | 'approvers'>) {
  if (nonce < safe.nonce) return 'over' as const
  if (nonce > safe.nonce) return 'later' as const
  return approvers.length >= safe.threshold ? ('ready' as const) : ('open' as const)
}
