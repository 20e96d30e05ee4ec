// SPDX-License-Identifier: GPL-3.0-or-later
// Any call that the timelock could make, written as people write it: a target, a function, its arguments.
import { FunctionFragment, getAddress, Interface, isAddress, isHexString } from 'ethers'
import { DaoError } from './errors.ts'
import type { Call, KnownContract } from './proposals.ts'

/** A call as it is typed, or as a file lists it. */
export type CallText = {
  /** Name of a contract of the deployment or of a service, or an address. */
  readonly target: string
  /**
   * A name such as `release`, or the whole signature, `release(address,uint64)`, for unknown contracts and overloaded names. Or calldata,
   * 0x…
   */
  readonly call: string
  /** Texts, numbers, and lists of them for arrays and structs. */
  readonly args?: readonly unknown[]
}

/** @throws DaoError bad-call that names target, function or argument */
export function encodeCall({ target, call, args = [] }: CallText, known: readonly KnownContract[]): Call {
  const contract = known.find(({ name, address }) => name === target || same(address, target))
  if (contract === undefined && !isAddress(target)) {
    const names = known.map(({ name }) => name).join(', ')
    throw new DaoError('bad-call', `'${target}' is neither an address nor one of ${names}`)
  }
  const address = contract?.address ?? getAddress(target)
  if (isHexString(call)) return { target: address, data: call }
  const abi = call.includes('(') ? interfaceOf(call) : contract?.abi
  if (abi === undefined) {
    throw new DaoError('bad-call', `${target} is no contract of the deployment: write the whole signature, ${call}(…)`)
  }
  const fragments = abi.fragments.filter(
    (fragment) => fragment.type === 'function' && fragment.format('sighash').startsWith(`${call.split('(')[0]}(`),
  )
  const fitting = fragments.filter(({ inputs }) => inputs.length === args.length)
  if (fitting.length !== 1) {
    const forms = fragments.map((fragment) => fragment.format('sighash')).join(', ') || 'no function of that name'
    throw new DaoError('bad-call', `${target}.${call} with ${args.length} arguments: there is ${forms}`)
  }
  const [fragment] = fitting
  try {
    return { target: address, data: abi.encodeFunctionData(fragment!.format('sighash'), args.map(plain)) }
  } catch (cause) {
    const reason = (cause as { shortMessage?: string }).shortMessage ?? (cause as Error).message
    const { argument, value } = cause as { argument?: unknown; value?: unknown }
    const at = argument === undefined ? '' : ` (${argument}: ${JSON.stringify(value)})`
    throw new DaoError('bad-call', `${target}.${fragment!.format('sighash')}: ${reason}${at}`, { cause })
  }
}

function interfaceOf(signature: string): Interface {
  try {
    return new Interface([FunctionFragment.from(`function ${signature}`)])
  } catch (cause) {
    throw new DaoError('bad-call', `'${signature}' is no signature of a function, such as release(address,uint64)`, {
      cause,
    })
  }
}

/** From a terminal, a boolean arrives as the text `true` or `false`. */
function plain(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(plain)
  return value === 'true' ? true : value === 'false' ? false : value
}

function same(address: string, text: string): boolean {
  return isAddress(text) && getAddress(address) === getAddress(text)
}
