// SPDX-License-Identifier: GPL-3.0-or-later
// A keeper whose manifest is not the service's exits for good, so this check takes more than one endpoint's word.
import { callsAtOneBlock, contractInterface, hasWitnesses, settled, settles } from '../../chain/index.ts'
import {
  type AgreedDigests,
  agreedDigests,
  digestOf,
  disagreement,
  type ManifestSource,
  requireAgreed,
} from '../../versions/index.ts'
import type { AgentContext } from '../context.ts'
import { RENEW } from '../frame.ts'

/** The parts of the context that the check needs. */
export type ManifestCheck = Pick<AgentContext, 'clock' | 'endpoints' | 'log' | 'manifest' | 'serviceAddress'> & {
  readonly contracts: { readonly service: ManifestSource }
}

/**
 * Whether this keeper's manifest is the service's, by the endpoint in use.
 * @param nowAlone Whether to ignore parameters that wait for the next epoch.
 * @returns false when that endpoint alone says that it is not: the keeper must not say or send anything until another one answers.
 * @throws VersionError WRONG_MANIFEST when two endpoints, or the only one that is configured, say so
 */
export async function isManifestAgreed(check: ManifestCheck, nowAlone = false): Promise<boolean> {
  const { contracts, endpoints, manifest, log } = check
  const relevant = ({ current, ...rest }: AgreedDigests): AgreedDigests =>
    nowAlone ? { current } : { current, ...rest }
  const told = relevant(await agreedDigests(contracts.service))
  if (disagreement(told, manifest) === null) return true
  if (!hasWitnesses(endpoints)) requireAgreed(told, manifest, RENEW)
  const all = (await digestsEverywhere(check)).map(({ answer, digests }) => ({ answer, digests: relevant(digests) }))
  const against = all.filter(({ digests }) => disagreement(digests, manifest) !== null)
  const answersOf = (some: typeof all) => some.map(({ answer }) => answer)
  if (settles(answersOf(against), answersOf(all))) requireAgreed(against[0]!.digests, manifest, RENEW)
  await leaveLiar(check, relevant)
  const reason = disagreement(told, manifest)
  log.warn(
    { event: 'manifest not witnessed', reason },
    'only one endpoint reports another manifest: waiting for a second',
  )
  return false
}

/** Switches to an endpoint that reports this keeper's manifest, if a second one reports it too. */
async function leaveLiar(check: ManifestCheck, relevant: (digests: AgreedDigests) => AgreedDigests): Promise<void> {
  const { endpoints, manifest } = check
  // Each at its own newest block, because a liar may claim any block as the newest.
  const latest = (calls: readonly object[]) =>
    Promise.all(calls.map((call) => endpoints.everywhere('eth_call', [call, 'latest'])))
  const said = new Map(
    (await digestsEverywhere(check, latest)).map(({ answer, digests }) => [answer, relevant(digests)]),
  )
  const [other] = settled([...said.keys()], (answer) => JSON.stringify(said.get(answer))) ?? []
  if (other === undefined || disagreement(said.get(other)!, manifest) !== null) return
  endpoints.prefer(other.endpoint, 'others report this keeper`s manifest')
}

type Call = { readonly to: string; readonly data: string }

/** Each endpoint's answer, at one recent block by default. Those that do not answer with the contract's types are left out. */
async function digestsEverywhere(
  { clock, endpoints, serviceAddress }: ManifestCheck,
  ask = (calls: readonly Call[]) => callsAtOneBlock(endpoints, clock, calls),
) {
  const iface = contractInterface('ILearningService')
  const methods = ['parameters', 'pendingParameters'] as const
  const calls = methods.map((method) => ({ to: serviceAddress, data: iface.encodeFunctionData(method) }))
  const [current, pending] = await ask(calls)
  return current!.flatMap((answer, i) => {
    try {
      const found = iface.decodeFunctionResult('parameters', String(answer.result))
      const next = iface.decodeFunctionResult('pendingParameters', String(pending![i]!.result))
      const coming = next[0] === true ? { next: digestOf(String(next[1].manifest)) } : {}
      const digests: AgreedDigests = { current: digestOf(String(found[0].manifest)), ...coming }
      return [{ answer, digests }]
    } catch {
      return []
    }
  })
}
