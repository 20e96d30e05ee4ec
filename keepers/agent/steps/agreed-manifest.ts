// SPDX-License-Identifier: GPL-3.0-or-later
// A keeper with another manifest than the service's ends for good, so one endpoint's word is not enough to say that it has one.
import { contractInterface } from '../../chain/index.ts'
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
export type ManifestCheck = Pick<AgentContext, 'endpoints' | 'log' | 'manifest' | 'serviceAddress'> & {
  readonly contracts: { readonly service: ManifestSource }
}

/** Endpoints that must tell alike, when the keeper has as many. */
const WITNESSES = 2

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
  if (endpoints.count < WITNESSES) requireAgreed(told, manifest, RENEW)
  const all = (await digestsEverywhere(check)).map((digests) => (digests === null ? null : relevant(digests)))
  const against = all.filter((digests) => digests !== null && disagreement(digests, manifest) !== null)
  if (against.length >= WITNESSES) requireAgreed(against[0]!, manifest, RENEW)
  const reason = disagreement(told, manifest)
  log.warn(
    { event: 'manifest not witnessed', reason },
    'only one endpoint reports another manifest: waiting for a second',
  )
  return false
}

/** The answer of each endpoint; null for one that does not answer with the contract's types. */
async function digestsEverywhere({ endpoints, serviceAddress }: ManifestCheck): Promise<(AgreedDigests | null)[]> {
  const iface = contractInterface('ILearningService')
  const ask = async (method: 'parameters' | 'pendingParameters') => {
    const call = { to: serviceAddress, data: iface.encodeFunctionData(method) }
    const answers = await endpoints.everywhere('eth_call', [call, 'latest'])
    return answers.map(({ result }) => {
      try {
        return typeof result === 'string' ? iface.decodeFunctionResult(method, result) : null
      } catch {
        return null
      }
    })
  }
  const [current, pending] = await Promise.all([ask('parameters'), ask('pendingParameters')])
  return current.map((found, i) => {
    const next = pending[i]
    if (found === null || next === null || next === undefined) return null
    const digest = digestOf(String(found[0].manifest))
    return { current: digest, ...(next[0] === true ? { next: digestOf(String(next[1].manifest)) } : {}) }
  })
}
