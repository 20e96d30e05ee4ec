// SPDX-License-Identifier: GPL-3.0-or-later

import { hasSeat } from '../chain/index.ts'
import type { EpochParameters, Step } from './context.ts'
import type { EpochFrame } from './epoch.ts'
import { type EpochMember, rosterOf } from './members.ts'

/** Advice for a keeper whose manifest is not the service's. */
export const RENEW = 'run `cohort keeper manifest` to fetch the one of the service, then start again'

/** The service's parameters. They change only between epochs, so one reading per epoch is enough. */
export async function parametersOf(step: Step): Promise<EpochParameters> {
  const { contracts, remembered } = step.context
  const openedAt = openingBlock(step)
  if (remembered.parameters?.block === openedAt) return remembered.parameters.parameters
  const p = await contracts.service.parameters()
  const parameters = {
    manifest: p.manifest,
    minKeepers: Number(p.minKeepers),
    admission: p.admission,
    decryptionsPerEpoch: Number(p.decryptionsPerEpoch),
    buffer: Number(p.buffer),
    maxStaleness: Number(p.maxStaleness),
    windows: {
      key: Number(p.keyWindow),
      training: Number(p.trainingWindow),
      reveal: Number(p.revealWindow),
      aggregate: Number(p.aggregateWindow),
      decrypt: Number(p.decryptWindow),
      vote: Number(p.voteWindow),
    },
  }
  remembered.parameters = { block: openedAt, parameters }
  return parameters
}

function openingBlock(step: Step): number {
  return step.context.facts.last('EpochOpened', { epoch: step.snapshot.epochInfo.epoch })?.block ?? 0
}

/** Whether this keeper is a member of the recorded epoch. */
export function isMember(step: Step): step is Step & { readonly seat: number } {
  return step.seat !== null && hasSeat(step.snapshot.epochInfo.members, step.seat)
}

export async function rosterHere(step: Step): Promise<EpochMember[]> {
  const { snapshot, context } = step
  const opened = openingBlock(step) || snapshot.block
  return rosterOf(snapshot.epochInfo, opened, {
    service: context.contracts.service,
    registry: context.contracts.registry,
    store: context.store,
  })
}

/** The cryptographic frame of the recorded epoch. */
export async function frameHere(step: Step & { readonly seat: number }): Promise<EpochFrame> {
  const { snapshot, context } = step
  const [roster, parameters] = await Promise.all([rosterHere(step), parametersOf(step)])
  return context.epochs.frame({
    context: { chainId: context.chainId, service: context.serviceAddress, epoch: snapshot.epochInfo.epoch },
    crsSeed: snapshot.epochInfo.crsSeed,
    roster,
    seat: step.seat,
    threshold: snapshot.epochInfo.threshold,
    decryptionsPerKey: parameters.decryptionsPerEpoch,
    vectorLength: context.coverage.updateLength,
    terms: context.manifest.rounds,
  })
}

/** Roster indices of seats, and back: the chain counts seats, the key counts members. */
export function indicesOf(roster: readonly EpochMember[], seats: readonly number[]): number[] {
  return seats.map((seat) => roster.findIndex((member) => member.seat === seat))
}
