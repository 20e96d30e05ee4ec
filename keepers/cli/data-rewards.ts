// SPDX-License-Identifier: GPL-3.0-or-later
// The actions of `cohort data` on rewards for proven improvement.
import process from 'node:process'
import { formatEther, parseEther } from 'ethers'
import { BatchTree, hoeffdingMargin, RewardsClient } from '../chain/index.ts'
import { type ChainOptions, print, toJson, withChain } from './chain-command.ts'
import { readCampaign, readLeaves } from './data-files.ts'
import { UsageError } from './failure.ts'

const HOUR_SECONDS = 3_600

type RewardsOptions = ChainOptions & { readonly rewards?: string }

async function withRewards(
  options: RewardsOptions,
  body: (client: RewardsClient, session: { now(): Promise<number> }) => Promise<void>,
): Promise<void> {
  const { rewards } = options
  if (rewards === undefined) throw new UsageError('this needs --rewards ADDRESS, or COHORT_REWARDS')
  await withChain(options, async ({ deployment, provider, signer }) => {
    const now = async () => (await provider.getBlock('latest'))!.timestamp
    await body(await RewardsClient.open(rewards, deployment.contracts.ModelRegistry, provider, signer), { now })
  })
}

export async function campaign(file: string, options: RewardsOptions & { budget: string }): Promise<void> {
  const { pool: poolId, presentHours, patienceHours, days, scorePercent, ...rest } = await readCampaign(file)
  await withRewards(options, async (client, { now }) => {
    const terms = {
      ...{ ...rest, poolId, scoreBps: Math.round(scorePercent * 100) },
      ...{ presentSeconds: Math.round(presentHours * HOUR_SECONDS) },
      ...{ patienceSeconds: Math.round(patienceHours * HOUR_SECONDS) },
      endsAt: (await now()) + Math.round(days * 24 * HOUR_SECONDS),
    }
    const sent = await client.openCampaign(terms, parseEther(options.budget))
    print(options, sent, `Campaign ${sent.campaignId}.`)
  })
}

export async function margin(options: { samples: number; luck: number; json?: boolean }): Promise<void> {
  const found = hoeffdingMargin(options.samples, options.luck)
  const text = `${found} of ${options.samples}: a sample flatters by more than this with probability ${options.luck} at most.`
  const { samples, luck } = options
  process.stdout.write(`${options.json === true ? toJson({ samples, luck, margin: found }) : text}\n`)
}

export async function note(service: string, options: RewardsOptions): Promise<void> {
  await withRewards(options, async (client) => print(options, await client.noteEpoch(service), 'Noted.'))
}

export async function draw(campaignId: number, options: RewardsOptions & { number: number }): Promise<void> {
  await withRewards(options, async (client) => {
    const indices = await client.draw(campaignId, options.number)
    print(options, { indices }, `Drawn for version ${options.number}: batches ${indices.join(', ')} (from 0).`)
  })
}

export async function present(
  campaignId: number,
  options: RewardsOptions & { number: number; claims: string[]; leaves: string },
): Promise<void> {
  const claimIds = options.claims.map((text) => {
    if (!/^[1-9]\d{0,8}$/.test(text)) throw new UsageError(`--claims ${text}: numbers of claims are needed`)
    return Number(text)
  })
  const tree = new BatchTree(await readLeaves(options.leaves))
  await withRewards(options, async (client) => {
    const { indices, phase } = await client.measurement(campaignId, options.number)
    if (phase !== 'presenting')
      throw new UsageError(`version ${options.number} is ${phase}: claims are presented once its batches are drawn`)
    if (indices.length !== claimIds.length)
      throw new UsageError(
        `--claims: ${claimIds.length} given, one for each of the batches ${indices.join(', ')} is needed`,
      )
    const paths = indices.map((index) => tree.path(index))
    const sent = await client.present(campaignId, options.number, claimIds, paths)
    const { figure, presentBy } = await client.measurement(campaignId, options.number)
    const until = new Date(presentBy * 1000).toISOString()
    print(options, { ...sent, figure }, `Presented: ${figure} right. Others can show more until ${until}.`)
  })
}

export async function hide(
  poolId: number,
  options: RewardsOptions & { service: string; indices: string[] },
): Promise<void> {
  const indices = options.indices.map((text) => {
    if (!/^\d{1,7}$/.test(text)) throw new UsageError(`--indices ${text}: numbers of batches from 0 are needed`)
    return Number(text)
  })
  await withRewards(options, async (client) => {
    const sent = await client.hide(options.service, poolId, indices)
    print(options, sent, `Batches ${indices.join(', ')} of pool ${poolId} are not drawn any more.`)
  })
}

export async function settle(campaignId: number, options: RewardsOptions): Promise<void> {
  await withRewards(options, async (client) => {
    const before = await client.campaign(campaignId)
    const sent = await client.settle(campaignId)
    const { best, budget, waiting } = await client.campaign(campaignId)
    const paid = before.budget - budget
    print(options, { ...sent, best, paid, waiting }, `Paid ${formatEther(paid)} ETH; best ${best}; ${waiting} wait.`)
  })
}

export async function measured(campaignId: number, options: RewardsOptions & { number: number }): Promise<void> {
  await withRewards(options, async (client) => {
    const found = await client.measurement(campaignId, options.number)
    const text = `${found.phase}: batches ${found.indices.join(', ') || 'none'}, ${found.figure} right, prize ${formatEther(found.prize)} ETH`
    print(options, found, text)
  })
}

export async function show(campaignId: number, options: RewardsOptions): Promise<void> {
  await withRewards(options, async (client) => {
    const found = await client.campaign(campaignId)
    const text = [
      `campaign ${campaignId} of ${found.service}`,
      `  sponsor   ${found.sponsor}, ${formatEther(found.budget)} ETH left`,
      `  best      ${found.best} of ${found.samples}, less the margin`,
      `  versions  drawn up to ${found.lastDrawn}, ${found.waiting} wait`,
      `  hold-out  pool ${found.poolId}, ${found.unseen} batches that nobody has seen`,
      `  ends      ${new Date(found.endsAt * 1000).toISOString()}`,
    ]
    print(options, found, text.join('\n'))
  })
}

export async function scores(campaignId: number, options: RewardsOptions & { epoch: number }): Promise<void> {
  await withRewards(options, async (client) => {
    const found = await client.scores(campaignId, options.epoch)
    const onChain = await Promise.all(found.map(({ keeper }) => client.scoreOf(campaignId, keeper)))
    const members = found.map((score, i) => ({ ...score, onChain: onChain[i]! }))
    const lines = members.map(
      ({ keeper, sum, cycles, onChain: chain }) =>
        `${keeper}  ${(sum / 1000).toFixed(3)} right answers over ${cycles} cycles (contract, all epochs: ${(chain.sum / 1000).toFixed(3)} over ${chain.cycles})`,
    )
    print(options, { members }, lines.join('\n'))
  })
}

export async function close(campaignId: number, options: RewardsOptions): Promise<void> {
  await withRewards(options, async (client) => print(options, await client.close(campaignId), 'Closed.'))
}

export async function withdraw(options: RewardsOptions): Promise<void> {
  await withRewards(options, async (client) => print(options, await client.withdraw(), 'Paid.'))
}
