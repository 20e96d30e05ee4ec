// SPDX-License-Identifier: GPL-3.0-or-later
// A keeper that represents a service: its update is the difference between that service's version and the model.
import { requireRepresentative, versionAtTime } from '../../nested/index.ts'
import { fetchVersion, type PlannedModel } from '../../versions/index.ts'
import type { Step, UpdateSource } from '../context.ts'
import type { TrainingConfig } from '../data-config.ts'
import { parametersOf } from '../frame.ts'
import { providerOf } from './provider.ts'

/**
 * The lower service has the same model and plan as this one: its versions then have commitments by the same rule, which the weights
 * must open. The version is the newest that it had accepted when this round's training began.
 */
export function serviceSource(lower: NonNullable<TrainingConfig['service']>, model: PlannedModel): UpdateSource {
  return async (step) => {
    const { context, snapshot, signal } = step
    const { endpoints, clock, contracts, plane, serviceAddress, manifest, log } = context
    const provider = providerOf(contracts)
    const reader = { provider, endpoints, clock }
    const [keeper] = await contracts.service.seatInfo(step.seat!)
    const place = { tree: lower.tree, upper: serviceAddress, lower: lower.address }
    await requireRepresentative(reader, place, keeper)
    const began = await trainingBegan(step)
    const { version, commitment } = await versionAtTime(reader, lower.address, began)
    const { address: service, fromBlock } = lower
    const { weights } = await fetchVersion({ provider, service, model, plane, fromBlock, commitment }, version, signal)
    log.info(
      { event: 'lower version', round: snapshot.round, service, version: String(version), commitment },
      'brings the version of the service that it represents',
    )
    return { weights, samples: lower.samples ?? manifest.rounds.maxSamples, loss: Number.NaN }
  }
}

/** Unix seconds at which the training of this round began: the same for everybody who reads the chain. */
async function trainingBegan(step: Step): Promise<number> {
  const { windows } = await parametersOf(step)
  return step.snapshot.end - windows.training
}
