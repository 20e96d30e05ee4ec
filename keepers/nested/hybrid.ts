// SPDX-License-Identifier: GPL-3.0-or-later
// Counts the representatives in a service that has services as members. A keeper with samples of its own must know the number, because the
// representatives' updates are public.
import { dataLength } from 'ethers'
import { callsAtOneBlock, contractInterface, hasWitnesses, settled } from '../chain/index.ts'
import { NestedError } from './errors.ts'
import { partyOfLower } from './lower-version.ts'
import { type Reader, witnessed } from './witnessed.ts'

/** Matches nodes' messages for a call that a contract refuses, or does not have. */
const REFUSED = /revert|vm exec|vm exception|opcode|out of gas/i
/** ServiceTree.MAX_LOWERS. */
const MAX_LOWERS = 256n

const tree = () => contractInterface('ServiceTree')

/**
 * How many of these members (owner addresses) sit in `upper` for a service that was ever invited in its admission contract, a ServiceTree. A seat is
 * tied to a service when it is taken. Neither side can change that while the keeper sits.
 * @returns null where the admission contract is not a ServiceTree
 * @throws NestedError unheard when the endpoints contradict each other or too few answer
 */
export async function countRepresentatives(
  reader: Reader,
  { upper, admission }: { readonly upper: string; readonly admission: string },
  members: readonly string[],
): Promise<number | null> {
  const count = await lowersOf(reader, admission, upper)
  if (count === null) return null
  const lowers = await witnessed(
    reader,
    Array.from({ length: count }, (_, i) => ({
      ...{ to: admission, data: tree().encodeFunctionData('lowerAt', [upper, i]) },
      what: `lowerAt(${i}) of ${admission}`,
    })),
  )
  const parties = new Set(lowers.map((word) => partyOfLower(tree().decodeFunctionResult('lowerAt', word)[0])))
  const service = contractInterface('ILearningService')
  const held = await witnessed(
    reader,
    members.map((member) => ({
      ...{ to: upper, data: service.encodeFunctionData('partyOf', [member]) },
      what: `partyOf(${member}) in ${upper}`,
    })),
  )
  return held.filter((party) => parties.has(party)).length
}

/** Number of services that were ever invited; null if the contract is not a ServiceTree, since others refuse the call. */
async function lowersOf(reader: Reader, admission: string, upper: string): Promise<number | null> {
  const call = { to: admission, data: tree().encodeFunctionData('lowerCount', [upper]) }
  const counted = (result: unknown): number | null =>
    typeof result === 'string' && dataLength(result) === 32 && BigInt(result) <= MAX_LOWERS ? Number(result) : null
  if (!hasWitnesses(reader.endpoints)) {
    try {
      return counted(await reader.provider.call(call))
    } catch (error) {
      // Only the contract's refusal counts: a silent endpoint says nothing about the contract.
      if ((error as { code?: unknown }).code !== 'CALL_EXCEPTION') throw error
      return null
    }
  }
  const [answers] = await callsAtOneBlock(reader.endpoints, reader.clock, [call])
  const heard = answers!.filter(({ result, reason }) => typeof result === 'string' || REFUSED.test(reason ?? ''))
  const [first] = settled(heard, ({ result }) => String(counted(result))) ?? []
  if (first !== undefined) return counted(first.result)
  throw new NestedError(
    'unheard',
    `no two endpoints of chain.rpc say the same of the admission contract ${admission}: add another one`,
  )
}
