// SPDX-License-Identifier: GPL-3.0-or-later
// The models that the inference hub offers, and the circuits that this copy of the console can prove.
import { clients, countOf } from '../../../keepers/chain/index.ts'
import type { Connection } from '../chain/connection.ts'
import { idsToRead } from '../chain/count.ts'

/** Models of the hub that are read: anybody may add some, and each is a request or two. */
export const MOST_MODELS = 1_000

export type HubModel = {
  readonly modelId: bigint
  readonly service: string
  readonly serviceName: string
  /** Version that a proof must be about now; null when nothing is released. */
  readonly version: number | null
  readonly circuitId: string
  readonly vkHash: string
  /** Units of the output that make one, where it is a score; else 0. */
  readonly scale: bigint
  /** Where the circuit's files are; null when this copy has none. */
  readonly circuit: string | null
}

/** Models of the services of this deployment, those that are withdrawn left out. @throws the provider's errors */
export async function listHubModels({ provider, site }: Connection): Promise<HubModel[]> {
  const { contracts, services } = site.deployment
  const hub = clients.hub(contracts.InferenceHub, provider)
  const count = countOf(await hub.modelCount(), 'models in the hub')
  const models = await Promise.all(
    idsToRead(count, MOST_MODELS).map(async (modelId): Promise<HubModel | null> => {
      const { service, circuitId, vkHash, deprecated, scale } = await hub.modelOf(modelId)
      const name = services.find(({ address }) => address === service)?.name
      if (deprecated || name === undefined) return null
      const version = await hub.versionInForce(modelId).then(Number, () => null)
      return {
        modelId,
        service,
        serviceName: name,
        version,
        circuitId,
        vkHash,
        scale,
        circuit: site.circuits[circuitId] ?? null,
      }
    }),
  )
  return models.filter((model) => model !== null)
}
