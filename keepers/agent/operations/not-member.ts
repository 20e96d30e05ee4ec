// SPDX-License-Identifier: GPL-3.0-or-later
import { ZeroAddress } from 'ethers'
import { type ServiceContracts, sortitionAt } from '../../chain/index.ts'
import { agreedDigests, disagreement } from '../../versions/index.ts'
import type { KeeperConfig } from '../config.ts'
import { RENEW } from '../frame.ts'
import type { NotMemberCause } from '../metrics.ts'

/** The standing of a keeper, as of the chain's latest block. */
export type Standing = {
  readonly operator: string
  readonly seat: number | null
  /** The state of the round machine. */
  readonly state: string
}

export type NotMember = { readonly cause: NotMemberCause; readonly text: string }

/** What a service that draws its members says about this keeper; null for one that draws nobody. */
async function drawingOf(service: ServiceContracts['service'], owner: string): Promise<NotMember | null> {
  const { admission } = await service.parameters()
  const provider = service.runner?.provider
  const sortition = admission === ZeroAddress || !provider ? null : await sortitionAt(admission, provider)
  if (sortition === null) return null
  const { enlisted, candidates, draw } = await sortition.look(owner)
  if (!enlisted) {
    return { cause: 'seat', text: 'it is no candidate for the seats, which are drawn: run `cohort keeper register`' }
  }
  const text = `it is one of ${candidates} candidates, and draw ${draw.number} has given it no seat: the next epoch has another draw`
  return { cause: 'undrawn', text }
}

/** Why a keeper is not a member of the epoch that runs, and the remedy: the first thing to put right. @throws ChainError */
export async function whyNotMember(
  { service, registry }: Pick<ServiceContracts, 'service' | 'registry'>,
  config: Pick<KeeperConfig, 'service'>,
  { operator, seat, state }: Standing,
): Promise<NotMember> {
  const apart = disagreement(await agreedDigests(service), config.service.manifest)
  if (apart !== null) return { cause: 'manifest', text: `${apart}: ${RENEW}` }
  const owner = await registry.ownerOfOperator(operator)
  if (owner === ZeroAddress)
    return { cause: 'unregistered', text: 'it is not registered: run `cohort keeper register`' }
  const { jailedUntil } = await registry.keeperOf(owner)
  if (jailedUntil > 0n) {
    const until = new Date(Number(jailedUntil) * 1000).toISOString()
    return { cause: 'jail', text: `it is in jail until ${until}: then run \`cohort keeper unjail\`` }
  }
  if (seat === null) {
    const drawing = await drawingOf(service, owner)
    if (drawing !== null) return drawing
    const text = 'it has no seat: run `cohort keeper register`, and `cohort keeper run` to take one whenever it is free'
    return { cause: 'seat', text }
  }
  if (state === 'Registration') {
    return { cause: 'opening', text: 'registration is open: it is a member once that closes' }
  }
  const text =
    'it missed the start of the epoch, or was excluded during it (see convictions and its log): it becomes a member in the next one'
  return { cause: 'excluded', text }
}
