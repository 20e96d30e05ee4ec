// SPDX-License-Identifier: GPL-3.0-or-later
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type JsonRpcProvider, parseEther } from 'ethers'
import { clients, type DeploymentFile, parseDeployment } from '../../keepers/chain/index.ts'
import { ROOT } from '../bootstrap/paths.mjs'
import { accountSigner, TEST_PHRASE } from './accounts.ts'

/** Accounts of the local chain, by their part in the demo. */
export const ACCOUNT = { deployer: 0, daoMembers: [0, 1, 2], user: 3, firstOwner: 4 } as const

/**
 * Windows in seconds. Every state ends early when all members have done their step, so a window only decides how long a silent
 * keeper can hold the others up. On a laptop that trains sixteen models at once, these are long enough for the slowest.
 */
const WINDOWS = {
  registrationWindow: 600,
  keyWindow: 180,
  trainingWindow: 600,
  revealWindow: 120,
  decryptWindow: 180,
  voteWindow: 180,
} as const

/** Stake and penalties in whole tokens; each owner gets enough for its stake and no more than a DAO member's share. */
const STAKE_TOKENS = 1_000

/** Where a chain that stays up differs: time to cast a vote by hand, seats for keepers that come later, and new epochs for them. */
const OPEN_VOTING_SECONDS = 30
const OPEN_SERVICE = { registrationWindow: 60, voteWindow: 60, maxKeepers: 16, decryptionsPerEpoch: 12 } as const

/** The chain's description of a service's subject. */
export type ServiceAbout = { readonly name: string; readonly manifest: string }

/**
 * The demo's deployment: a service for exactly these keepers, and a DAO with votes of a few seconds.
 * @param about the service's name, and the digest of its manifest
 * @param options.open for a chain that stays up, for others to join and vote
 * @param options.inclusionSeconds that a transaction waits for its block
 * @param options.voteSeconds that a vote lasts; enough for votes by hand on an open chain, and by a program on another, unless told
 */
export function demoParameters(
  keepers: number,
  about: ServiceAbout,
  {
    open = false,
    inclusionSeconds = 0,
    voteSeconds,
  }: { open?: boolean; inclusionSeconds?: number; voteSeconds?: number | undefined } = {},
): Record<string, unknown> {
  // A vote that is shorter than a block is over before anybody can cast one.
  const votingPeriodSeconds = voteSeconds ?? (open ? OPEN_VOTING_SECONDS : 6 + 6 * inclusionSeconds)
  return {
    token: {
      holders: [
        ...ACCOUNT.daoMembers.map((account) => ({ account, tokens: '200000' })),
        ...Array.from({ length: keepers }, (_, i) => ({
          account: ACCOUNT.firstOwner + i,
          tokens: String(STAKE_TOKENS),
        })),
      ],
    },
    timelock: { delaySeconds: 1 },
    governor: {
      votingDelaySeconds: 1,
      votingPeriodSeconds,
      voteExtensionSeconds: 1,
      proposalThresholdTokens: '1',
      quorumPercent: 4,
    },
    keepers: { minStakeTokens: '100', unbondingDelaySeconds: 3_600, jailDelaySeconds: 60, sampleRewardCap: 1_000_000 },
    markets: { disputeDelaySeconds: 2, fallbackDelaySeconds: 3_600 },
    service: {
      ...about,
      strategy: 'equal',
      ...WINDOWS,
      // Half of it is waited for a keeper that attests nothing, as a spoiler does after a dispute. All
      // keepers add up all updates, on cores that they share.
      aggregateWindow: 40 + 8 * keepers,
      minKeepers: 3,
      maxKeepers: keepers,
      decryptionBps: 5_000,
      decryptionsPerEpoch: 100,
      maxStrikes: 3,
      bondTokens: '100',
      rewardPerRoundTokens: '10',
      keyPenaltyTokens: '5',
      decryptPenaltyTokens: '10',
      fraudPenaltyTokens: '20',
      ...(open ? OPEN_SERVICE : {}),
    },
  }
}

/**
 * Runs `hardhat deploy`, the command an operator would run, against the local chain.
 * @param onStep sees each line that the command reports
 */
export async function deploy(
  url: string,
  folder: string,
  keepers: number,
  about: ServiceAbout,
  options: { open: boolean; inclusionSeconds: number; voteSeconds?: number | undefined },
  onStep: (line: string) => void,
): Promise<DeploymentFile> {
  return deployWith(url, folder, demoParameters(keepers, about, options), onStep)
}

/** The same with other parameters than the demo's. */
export async function deployWith(
  url: string,
  folder: string,
  content: Readonly<Record<string, unknown>>,
  onStep: (line: string) => void,
  attempts = 3,
): Promise<DeploymentFile> {
  const parameters = join(folder, 'parameters.json')
  await writeFile(parameters, JSON.stringify(content, null, 2))
  const cli = join(ROOT, 'node_modules/hardhat/dist/src/cli.js')
  const places = [
    '--parameters',
    parameters,
    '--state',
    join(folder, 'ignition'),
    '--addresses',
    deploymentPath(folder),
  ]
  const [code, output, errors] = await deployOnce([cli, ...places], url, onStep)
  if (code === 0) return parseDeployment(JSON.parse(output.slice(output.indexOf('{'))))
  // Hardhat's builds of two deployments at a time move one file away from each other, before either has deployed anything.
  if (attempts === 1 || !errors.includes('compile-cache.json'))
    throw new Error(`hardhat deploy failed:\n${errors}${output}`)
  return await deployWith(url, folder, content, onStep, attempts - 1)
}

async function deployOnce(
  [cli, ...places]: readonly [string, ...string[]],
  url: string,
  onStep: (line: string) => void,
): Promise<readonly [code: number | null, output: string, errors: string]> {
  // Types were written when the contracts were built; several deployments at a time would write them over each other.
  const child = spawn(
    process.execPath,
    [cli, 'deploy', '--no-typechain', '--network', 'localhost', ...places, '--json'],
    {
      cwd: ROOT,
      env: { ...process.env, COHORT_LOCALHOST_RPC_URL: url, COHORT_LOCALHOST_PHRASE: TEST_PHRASE },
      stdio: ['ignore', 'pipe', 'pipe'],
    },
  )
  let output = ''
  let errors = ''
  child.stdout.setEncoding('utf8').on('data', (chunk: string) => {
    output += chunk
  })
  child.stderr.setEncoding('utf8').on('data', (chunk: string) => {
    errors += chunk
    for (const line of chunk.split('\n')) if (line.trim() !== '') onStep(line.trim())
  })
  const [code] = (await once(child, 'close')) as [number | null]
  return [code, output, errors]
}

export function deploymentPath(folder: string): string {
  return join(folder, 'addresses.json')
}

/** Whole tokens in the service's reward pool: enough for a hundred rounds at the rate above. */
const REWARD_POOL_TOKENS = '1000'

/** A DAO member fills the service's reward pool; each round pays from it, at most the rate. */
export async function fundRewards(provider: JsonRpcProvider, { contracts, services }: DeploymentFile): Promise<void> {
  const member = accountSigner(provider, ACCOUNT.daoMembers[0])
  const token = clients.token(contracts.CohortToken, member)
  const amount = parseEther(REWARD_POOL_TOKENS)
  await (await token.approve(contracts.KeeperRegistry, amount)).wait()
  await (await clients.registry(contracts.KeeperRegistry, member).fund(services[0]!.address, amount)).wait()
}
