// SPDX-License-Identifier: GPL-3.0-or-later
// A deployment on a chain inside this process: what the tests of deployments and of the DAO's members share.

import { HardhatArtifactResolver } from '@nomicfoundation/hardhat-ignition/helpers'
import type { SnapshotRestorer } from '@nomicfoundation/hardhat-network-helpers/types'
import { BrowserProvider, ZeroAddress, ZeroHash } from 'ethers'
import hre, { network } from 'hardhat'
import { type DeploymentOptions, deployCohort } from '../../../deploy/deployment.ts'
import type { DeployParameters } from '../../../deploy/parameters.ts'
import type { Clock } from '../../../keepers/chain/clock.ts'

const TOKEN = 10n ** 18n

export const PARAMETERS: DeployParameters = {
  token: {
    holders: [
      { account: 1, tokens: 700n * TOKEN },
      { account: 2, tokens: 300n * TOKEN },
    ],
  },
  timelock: { delaySeconds: 3600 },
  governor: {
    votingDelaySeconds: 600,
    votingPeriodSeconds: 3600,
    voteExtensionSeconds: 600,
    proposalThresholdTokens: TOKEN,
    quorumPercent: 10,
  },
  keepers: {
    minStakeTokens: 10n * TOKEN,
    unbondingDelaySeconds: 7200,
    jailDelaySeconds: 600,
    sampleRewardCap: 1000,
  },
  provers: { minBondEther: TOKEN / 10n, unbondingDelaySeconds: 3600, settleSeconds: 600 },
  markets: { disputeDelaySeconds: 600, fallbackDelaySeconds: 14_400 },
  service: {
    name: 'digits',
    strategy: 'samples',
    registrationWindow: 600,
    keyWindow: 60,
    trainingWindow: 600,
    revealWindow: 60,
    aggregateWindow: 60,
    decryptWindow: 60,
    voteWindow: 60,
    minKeepers: 3,
    maxKeepers: 8,
    decryptionBps: 5000,
    decryptionsPerEpoch: 64,
    maxStrikes: 2,
    oneEpochSeats: false,
    buffer: 0,
    maxStaleness: 0,
    bondTokens: 5n * TOKEN,
    rewardPerRoundTokens: TOKEN,
    keyPenaltyTokens: TOKEN,
    decryptPenaltyTokens: 2n * TOKEN,
    fraudPenaltyTokens: 3n * TOKEN,
    rewardPoolTokens: 50n * TOKEN,
    admission: ZeroAddress,
    partySeats: 0,
    sortition: null,
    manifest: ZeroHash,
  },
}

/** A fresh chain, and what it takes to deploy on it. */
export async function createChain() {
  const { ethers, networkHelpers, provider } = await network.create()
  const options: DeploymentOptions = {
    network: 'hardhat-test',
    provider,
    artifactResolver: new HardhatArtifactResolver(hre.artifacts),
    parameters: PARAMETERS,
    stateDir: null,
    addressFile: null,
    development: true,
  }
  return { ethers, networkHelpers, provider, options }
}

let prepared: { readonly world: Awaited<ReturnType<typeof deploy>>; readonly snapshot: SnapshotRestorer } | undefined

/** A deployment, and a clock that moves its chain instead of waiting. The chain is put back to this point at every call. */
export async function createDeployment() {
  if (prepared === undefined) {
    const world = await deploy()
    prepared = { world, snapshot: await world.networkHelpers.takeSnapshot() }
  } else await prepared.snapshot.restore()
  prepared.world.clock.reset()
  return prepared.world
}

async function deploy() {
  const chain = await createChain()
  const deployment = await deployCohort(chain.options)
  const { ethers, networkHelpers } = chain
  const provider = new BrowserProvider(chain.provider, undefined, { cacheTimeout: -1 })
  let passed = 0
  const clock: Clock & { reset(): void } = {
    now: () => passed,
    reset() {
      passed = 0
    },
    async sleep() {
      // Waiting looks twice a second; the chain moves ten minutes in that time.
      passed += 500
      await networkHelpers.time.increase(600)
    },
  }
  const { contracts } = deployment
  return {
    ...chain,
    deployment,
    clock,
    browser: provider,
    token: await ethers.getContractAt('CohortToken', contracts.CohortToken),
    timelock: await ethers.getContractAt('TimelockController', contracts.TimelockController),
    guardian: await ethers.getContractAt('Guardian', contracts.Guardian),
    governor: await ethers.getContractAt('CohortGovernor', contracts.CohortGovernor),
    models: await ethers.getContractAt('ModelRegistry', contracts.ModelRegistry),
    verifiers: await ethers.getContractAt('VerifierRegistry', contracts.VerifierRegistry),
    keepers: await ethers.getContractAt('KeeperRegistry', contracts.KeeperRegistry),
    factory: await ethers.getContractAt('ServiceFactory', contracts.ServiceFactory),
    hub: await ethers.getContractAt('InferenceHub', contracts.InferenceHub),
    pilot: await ethers.getContractAt('DaoPilot', contracts.DaoPilot),
    market: await ethers.getContractAt('PredictionMarket', contracts.PredictionMarket),
    inputMarket: await ethers.getContractAt('InputMarket', contracts.InputMarket),
    /** A signer for a contract's own address, with gas money. */
    async speakFor(address: string) {
      await networkHelpers.impersonateAccount(address)
      await networkHelpers.setBalance(address, 10n ** 20n)
      return await ethers.getSigner(address)
    },
  }
}
