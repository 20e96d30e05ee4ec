// SPDX-License-Identifier: GPL-3.0-or-later
// The version that a lower service brings to a round of an upper one: its newest version when the round's training began. The rule and the
// versions are public, so everybody knows which weights an honest representative takes.
import { AbiCoder, getAddress, id, keccak256, ZeroAddress } from 'ethers'
import { contractInterface } from '../chain/index.ts'
import { NestedError } from './errors.ts'
import { type ContractCall, type Reader, witnessed } from './witnessed.ts'

export type Place = {
  /** The ServiceTree. */
  readonly tree: string
  readonly upper: string
  readonly lower: string
}

export type LowerVersion = {
  readonly version: bigint
  /** The commitment to its weights, 0x…. */
  readonly commitment: string
  /** Unix seconds. */
  readonly acceptedAt: number
}

/** ServiceTree.partyOf: the party of the seats that are taken for a service. */
export function partyOfLower(lower: string): string {
  return keccak256(AbiCoder.defaultAbiCoder().encode(['bytes32', 'address'], [id('cohort.tree.party.v1'), lower]))
}

/**
 * Checks that a keeper represents the lower service, and that it took its seat for that service, by the tree as the upper service's admission
 * contract. So the seats show whose updates are public, for as long as the keepers sit. A keeper of its own hides the updates of others, and must not
 * become a representative unnoticed.
 * @throws NestedError not-representative unless the lower service has appointed the keeper, the upper one still invites it, and the seat is for it
 */
export async function requireRepresentative(reader: Reader, place: Place, keeper: string): Promise<void> {
  const { tree, upper, lower } = place
  const iface = contractInterface('ServiceTree')
  const service = contractInterface('ILearningService')
  const [word, party, terms] = await witnessed(reader, [
    { to: tree, data: iface.encodeFunctionData('representedBy', [upper, keeper]), what: `representedBy at ${tree}` },
    { to: upper, data: service.encodeFunctionData('partyOf', [keeper]), what: `partyOf in ${upper}` },
    { to: upper, data: service.encodeFunctionData('parameters'), what: `parameters of ${upper}` },
  ])
  const found = decoded(
    iface.decodeFunctionResult.bind(iface, 'representedBy', word!),
    tree,
    'a ServiceTree',
  )[0] as string
  if (found !== getAddress(lower)) {
    const instead = found === ZeroAddress ? 'nobody' : found
    throw new NestedError(
      'not-representative',
      `keeper ${keeper} represents ${instead} in ${upper}, not ${lower}: have that service's authority appoint it (cohort nested appoint)`,
    )
  }
  const read = service.decodeFunctionResult.bind(service, 'parameters', terms!)
  const [{ admission }] = decoded(read, upper, 'a service') as [{ admission: string }]
  if (admission !== getAddress(tree)) {
    throw new NestedError(
      'not-representative',
      `${upper} admits members by ${admission}, not by the tree ${tree}: its other members would not know whose updates are public`,
    )
  }
  if (party === partyOfLower(lower)) return
  throw new NestedError(
    'not-representative',
    `keeper ${keeper} took its seat in ${upper} before it represented ${lower}: leave, and join again as its representative`,
  )
}

/**
 * The newest version of a service that was accepted at or before `time` (Unix seconds).
 * @throws NestedError no-version, unheard, wrong-contract
 */
export async function versionAtTime(reader: Reader, service: string, time: number): Promise<LowerVersion> {
  const iface = contractInterface('ILearningService')
  const call = (name: 'versionCount' | 'versionAt', args: readonly unknown[]): ContractCall => ({
    ...{ to: service, data: iface.encodeFunctionData(name as 'versionAt', args as never) },
    what: `${name} of ${service}`,
  })
  const [counted] = await witnessed(reader, [call('versionCount', [])])
  const [count] = decoded(iface.decodeFunctionResult.bind(iface, 'versionCount', counted!), service, 'a service')
  // Searched from the newest one, because few versions have been accepted since the round began.
  for (let version = count as bigint; version > 0n; version--) {
    const [word] = await witnessed(reader, [call('versionAt', [version])])
    const [origin] = decoded(iface.decodeFunctionResult.bind(iface, 'versionAt', word!), service, 'a service')
    const { acceptedAt, weightsCommitment } = origin as { acceptedAt: bigint; weightsCommitment: string }
    if (Number(acceptedAt) <= time) return { version, commitment: weightsCommitment, acceptedAt: Number(acceptedAt) }
  }
  throw new NestedError('no-version', `${service} had accepted no version when the round began: it sits this one out`)
}

/** @throws NestedError wrong-contract for an answer of another form */
function decoded(decode: () => Iterable<unknown>, address: string, what: string): unknown[] {
  try {
    return [...decode()]
  } catch (cause) {
    throw new NestedError('wrong-contract', `${address} is not ${what} on this chain: correct the address`, { cause })
  }
}
