// SPDX-License-Identifier: GPL-3.0-or-later
// Ensembles as they stand: their rule, their members and the weights of these now.
import { clients } from '../../../keepers/chain/index.ts'
import type { Connection } from '../chain/connection.ts'
import { type PageOf, type PageTerms, readPage } from '../chain/count.ts'
import { taleOf } from '../chain/tale.ts'
import { type AskedQuestion, type EnsembleTale, tellEnsembles } from './events.ts'

/** IEnsembleOracleTypes.Rule, in words. */
const RULES = [
  'the label with the most weight behind it',
  'the label with the most weight times margin behind it: a sure member counts more than one in doubt',
  'the weighted mean of the scores',
  'the weighted lower median of the scores',
] as const
/** IEnsembleOracleTypes.Decoding: how a member's output is read. */
const DECODINGS = ['label', 'label and margin', 'score', 'ensemble'] as const
const BASIS_POINTS = 10_000

export type Member = {
  /** Of a model in the hub, or of an earlier ensemble. */
  readonly id: bigint
  readonly decoding: (typeof DECODINGS)[number]
  /** What the model is of, in words. */
  readonly about: string
  readonly firstWeight: number
  readonly weight: number
  readonly minMargin: bigint
}

export type Ensemble = {
  readonly ensembleId: bigint
  readonly rule: string
  /** Labels are counted; else scores are averaged. */
  readonly votes: boolean
  /** Shares, 0 … 1. */
  readonly quorum: number
  readonly majority: number
  /** A member's weight moves by 1/2^adaptation of itself; 0 for never. */
  readonly adaptation: number
  /** Whose questions move the weights; null for everybody's. */
  readonly curator: string | null
  readonly range: bigint
  readonly tolerance: bigint
  readonly members: readonly Member[]
}

export const oracleOf = ({ site, provider }: Connection) =>
  clients.ensembles(site.deployment.contracts.EnsembleOracle, provider)

/** The oracle's log as a story. */
export const ensembleTale = taleOf('EnsembleOracle', (logs) => tellEnsembles(logs))

/** An ensemble and the questions that it was asked. */
export type ListedEnsemble = { readonly ensemble: Ensemble; readonly questions: readonly AskedQuestion[] }

/** Ensembles, the newest first. */
export async function listEnsembles(connection: Connection, page: PageTerms): Promise<PageOf<ListedEnsemble>> {
  const [total, { questions }] = await Promise.all([oracleOf(connection).ensembleCount(), ensembleTale(connection)])
  return await readPage(total, 'ensembles', page, async (id) => ({
    ensemble: await readEnsemble(connection, id),
    questions: questions.filter(({ ensembleId }) => ensembleId === id),
  }))
}

/** @throws Error for one that does not exist */
export async function openEnsemble(
  connection: Connection,
  id: bigint,
): Promise<{ readonly ensemble: Ensemble; readonly tale: EnsembleTale }> {
  const count = await oracleOf(connection).ensembleCount()
  if (id < 1n || id > count) throw new Error(`there is no ensemble ${id}: there are ${count}`)
  const [ensemble, tale] = await Promise.all([readEnsemble(connection, id), ensembleTale(connection)])
  return { ensemble, tale }
}

/** Wei that an account can withdraw from the oracle. */
export async function owedTo(connection: Connection, address: string): Promise<bigint> {
  return await oracleOf(connection).balanceOf(address)
}

async function readEnsemble(connection: Connection, ensembleId: bigint): Promise<Ensemble> {
  const oracle = oracleOf(connection)
  const [[settings, members], weights] = await Promise.all([
    oracle.getEnsemble(ensembleId),
    oracle.weightsOf(ensembleId),
  ])
  const { rule, quorum, majority, adaptation, curator, range, tolerance } = settings
  return {
    ...{ ensembleId, rule: RULES[Number(rule)] ?? 'a rule that this page does not know', votes: Number(rule) < 2 },
    ...{ quorum: Number(quorum) / BASIS_POINTS, majority: Number(majority) / BASIS_POINTS },
    ...{ adaptation: Number(adaptation), curator: /^0x0+$/.test(curator) ? null : curator, range, tolerance },
    members: await Promise.all(
      members.map(async ({ id, decoding, weight, minMargin }, i): Promise<Member> => {
        const read = DECODINGS[Number(decoding)] ?? 'label'
        const about = read === 'ensemble' ? `ensemble ${id}` : await aboutModel(connection, id)
        return { ...{ id, decoding: read, about, minMargin }, firstWeight: Number(weight), weight: Number(weights[i]) }
      }),
    ),
  }
}

/** A model of the hub in words: whose versions it takes, and which. */
async function aboutModel({ provider, site }: Connection, modelId: bigint): Promise<string> {
  const { contracts, services } = site.deployment
  const hub = clients.hub(contracts.InferenceHub, provider)
  const [{ service, pinned, deprecated }, version] = await Promise.all([
    hub.modelOf(modelId),
    hub.versionInForce(modelId).then(Number, () => null),
  ])
  const name =
    services.find(({ address }) => address === service)?.name ??
    (service === contracts.AdoptedModel ? 'a model that the DAO adopted' : `the versions of ${service}`)
  const which =
    pinned === 0n
      ? `whatever is released, ${version === null ? 'which is nothing now' : `version ${version} now`}`
      : `version ${pinned} for good`
  return `${name}, ${which}${deprecated ? ', withdrawn' : ''}`
}
