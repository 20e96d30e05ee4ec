// SPDX-License-Identifier: GPL-3.0-or-later
// Actions on rewards for improvement: open campaigns, draw, present, settle, compute scores again.
import { setTimeout as wait } from 'node:timers/promises'
import { ContractFactory, type JsonRpcApiProvider, type Signer, ZeroHash } from 'ethers'
import type { ImprovementRewards } from '../../../types/index.ts'
import { contractArtifact } from '../artifacts.ts'
import { clients } from '../contracts.ts'
import { Sender } from '../dao/sender.ts'
import type { Sent } from '../dao/terms.ts'
import { rotaOf } from './rota.ts'
import { type ContributionScore, contributionScores, type MeasuredRound } from './scores.ts'
import { type CampaignTerms, DataMarketError, PHASES } from './terms.ts'

/** Milliseconds between looks at the chain's head. */
const POLL_MS = 500
/** The EVM can read the hashes of this many latest blocks. */
const READABLE_BLOCKS = 256
const ACCURACY = 1

export type MeasurementView = {
  readonly version: number
  readonly phase: (typeof PHASES)[number]
  readonly indices: readonly number[]
  readonly figure: number
  readonly prize: bigint
  readonly presentBy: number
}

export type CampaignView = {
  readonly campaignId: number
  readonly service: string
  readonly sponsor: string
  readonly poolId: number
  /** Samples that are drawn for a version. */
  readonly samples: number
  readonly best: number
  readonly budget: bigint
  readonly waiting: number
  readonly lastDrawn: number
  readonly endsAt: number
  /** Batches that were never drawn. */
  readonly unseen: number
}

export type MemberScore = ContributionScore & { readonly keeper: string }

export class RewardsClient {
  readonly #rewards: ImprovementRewards
  readonly #provider: JsonRpcApiProvider
  readonly #sender: Sender

  private constructor(rewards: ImprovementRewards, provider: JsonRpcApiProvider, signer: Signer | undefined) {
    this.#rewards = rewards
    this.#provider = provider
    this.#sender = new Sender(signer, ['ImprovementRewards', 'ClaimRegistry'])
  }

  /** @throws DataMarketError wrong-contract, also for rewards on another registry of models */
  static async open(
    address: string,
    models: string,
    provider: JsonRpcApiProvider,
    signer?: Signer,
  ): Promise<RewardsClient> {
    const rewards = clients.improvementRewards(address, signer ?? provider)
    const found = await Promise.all([rewards.MODELS(), rewards.campaignCount()]).then(
      ([registry]) => registry,
      (cause) => {
        throw new DataMarketError('wrong-contract', `there are no rewards at ${address}: correct --rewards`, { cause })
      },
    )
    if (found.toLowerCase() !== models.toLowerCase())
      throw new DataMarketError(
        'wrong-contract',
        `${address} measures services of the registry at ${found}, the deployment’s is ${models}: correct --rewards or --deployment`,
      )
    return new RewardsClient(rewards, provider, signer)
  }

  static async deploy(signer: Signer, claims: string, models: string): Promise<string> {
    const { abi, bytecode } = contractArtifact('ImprovementRewards')
    const made = await new ContractFactory(abi as string[], bytecode, signer).deploy(claims, models)
    await made.waitForDeployment()
    return await made.getAddress()
  }

  /** @param budget wei */
  async openCampaign(terms: CampaignTerms, budget: bigint): Promise<Sent & { readonly campaignId: number }> {
    const { count, ...rest } = terms
    const statement = { kind: ACCURACY, count, positive: 0, bins: ZeroHash }
    const sent = await this.#sender.send('open', () => this.#rewards.open({ ...rest, statement }, { value: budget }))
    // Taken from the receipt: by the contract's count, it could be a campaign that somebody else has opened since, and we would fund theirs.
    const receipt = await this.#provider.getTransactionReceipt(sent.hash)
    const logs = (receipt?.logs ?? []).map((log) => this.#rewards.interface.parseLog(log))
    return { ...sent, campaignId: Number(logs.find((log) => log?.name === 'CampaignOpened')!.args.campaignId) }
  }

  async noteEpoch(service: string): Promise<Sent> {
    return await this.#sender.send('noteEpoch', () => this.#rewards.noteEpoch(service))
  }

  /**
   * Draws a version's batches and waits for the block that decides; goes on where an earlier call stopped.
   * @returns indices of batches in the pool
   * @throws DataMarketError lapsed when nobody fixed it in time: call again
   */
  async draw(campaignId: number, version: number): Promise<readonly number[]> {
    let measured = await this.#rewards.measuredOf(campaignId, version)
    const head = await this.#provider.getBlockNumber()
    const lapsed = Number(measured.phase) === 1 && head >= Number(measured.decidedBy) + READABLE_BLOCKS
    if (Number(measured.phase) === 0 || lapsed) {
      await this.#sender.send('draw', () => this.#rewards.draw(campaignId, version))
      measured = await this.#rewards.measuredOf(campaignId, version)
    }
    if (Number(measured.phase) === 1) {
      await this.#waitFor(Number(measured.decidedBy))
      await this.#sender.send('fixDraw', () => this.#rewards.fixDraw(campaignId, version))
      measured = await this.#rewards.measuredOf(campaignId, version)
    }
    return measured.indices.map(Number)
  }

  async present(
    campaignId: number,
    version: number,
    claimIds: readonly number[],
    paths: readonly (readonly string[])[],
  ): Promise<Sent> {
    const given = paths.map((path) => [...path])
    return await this.#sender.send('present', () => this.#rewards.present(campaignId, version, [...claimIds], given))
  }

  /** Excludes batches that challenges drew from a service’s draws. Only the pool’s keeper may call this. */
  async hide(service: string, poolId: number, indices: readonly number[]): Promise<Sent> {
    return await this.#sender.send('hide', () => this.#rewards.hide(service, poolId, [...indices]))
  }

  async settle(campaignId: number): Promise<Sent> {
    return await this.#sender.send('settle', () => this.#rewards.settle(campaignId))
  }

  async close(campaignId: number): Promise<Sent> {
    return await this.#sender.send('close', () => this.#rewards.close(campaignId))
  }

  /** Sends an account what the contract owes it. Anybody may call this. */
  async withdraw(): Promise<Sent> {
    const account = await this.#sender.address()
    return await this.#sender.send('withdraw', () => this.#rewards.withdraw(account, account))
  }

  async campaign(campaignId: number): Promise<CampaignView> {
    const found = await this.#campaign(campaignId)
    const { terms } = found
    const unseen = await this.#rewards.unseenOf(terms.service, terms.poolId)
    return {
      ...{ campaignId, service: terms.service, sponsor: found.sponsor, poolId: Number(terms.poolId) },
      ...{ samples: Number(terms.statement.count * terms.draws), best: Number(found.best), budget: found.budget },
      ...{ waiting: Number(found.waiting), lastDrawn: Number(found.lastDrawn), endsAt: Number(terms.endsAt) },
      unseen: Number(unseen),
    }
  }

  async measurement(campaignId: number, version: number): Promise<MeasurementView> {
    const { phase, indices, figure, prize, presentBy } = await this.#rewards.measuredOf(campaignId, version)
    return {
      ...{ version, phase: PHASES[Number(phase)]!, indices: indices.map(Number), figure: Number(figure), prize },
      presentBy: Number(presentBy),
    }
  }

  /**
   * Scores of an epoch's members in the order of their seats, computed from the records of all versions, and compared with the contract's.
   * @throws DataMarketError unknown for an epoch that nobody noted, wrong-contract if the contract has others
   */
  async scores(campaignId: number, epoch: number): Promise<readonly MemberScore[]> {
    const { terms, lastDrawn } = await this.#campaign(campaignId)
    const { seed, updateQuorum, keepers } = await this.#rewards.epochOf(terms.service, epoch)
    if (keepers.length === 0)
      throw new DataMarketError('unknown', `nobody noted epoch ${epoch} of ${terms.service}: cohort data note`)
    const rota = rotaOf(keepers.length, Number(updateQuorum), Number(terms.perRound))
    const rounds: MeasuredRound[] = []
    let before: number | null = null
    for (let version = 1; version <= Number(lastDrawn); version++) {
      const measured = await this.#rewards.measuredOf(campaignId, version)
      const figure = Number(measured.phase) === 3 ? Number(measured.figure) : null
      if (figure !== null && before !== null && Number(measured.epoch) === epoch)
        rounds.push({ round: Number(measured.round), gain: figure - before })
      before = figure
    }
    const scores = contributionScores(rota, seed, rounds)
    return scores.map((score, place) => ({ ...score, keeper: keepers[place]! }))
  }

  /** The contract's score of a keeper, over all epochs. */
  async scoreOf(campaignId: number, keeper: string): Promise<ContributionScore> {
    const { sum, cycles } = await this.#rewards.scoreOf(campaignId, keeper)
    return { sum: Number(sum), cycles: Number(cycles) }
  }

  async #campaign(campaignId: number) {
    const count = Number(await this.#rewards.campaignCount())
    if (campaignId < 1 || campaignId > count)
      throw new DataMarketError('unknown', `there is no campaign ${campaignId}: the contract has ${count}`)
    return await this.#rewards.campaignOf(campaignId)
  }

  /** Waits for block `decidedBy`, after which transactions can read its hash. */
  async #waitFor(decidedBy: number): Promise<void> {
    let head = await this.#provider.getBlockNumber()
    while (head < decidedBy) {
      await wait(POLL_MS)
      head = await this.#provider.getBlockNumber()
    }
    if (head >= decidedBy + READABLE_BLOCKS)
      throw new DataMarketError(
        'lapsed',
        `block ${decidedBy} decided the draw, and its hash can no longer be read: draw again`,
      )
  }
}
