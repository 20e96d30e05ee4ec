// SPDX-License-Identifier: GPL-3.0-or-later
// One deployment, from parameters to checked addresses. If it was interrupted, running it again resumes it.
import {
  type ArtifactResolver,
  type DeploymentParameters,
  type DeploymentResult,
  DeploymentResultType,
  deploy,
  type EIP1193Provider,
  type ExecutionEventListener,
} from '@nomicfoundation/ignition-core'
import { BrowserProvider, Contract, getAddress, type Provider } from 'ethers'
import { type DeploymentFile, parseDeployment } from '../keepers/chain/deployment-file.ts'
import { openJournal, writeAtomically } from './chain-state.ts'
import { cohortModule } from './modules/cohort.ts'
import type { DeployParameters } from './parameters.ts'
import { settlePending } from './pending.ts'
import { type RecoveryOptions, recoverLostTransaction } from './recovery.ts'
import { checkDeployment } from './verification.ts'

export type DeploymentOptions = {
  /** The network's name, for the address file. */
  readonly network: string
  readonly provider: EIP1193Provider
  readonly artifactResolver: ArtifactResolver
  readonly parameters: DeployParameters
  /** Folder of Ignition's journal, or null to keep none (a chain inside this process). */
  readonly stateDir: string | null
  /** File for the addresses; null to write none. */
  readonly addressFile: string | null
  readonly listener?: ExecutionEventListener
  /** Whether the chain mines at once and never reorganises. Then one confirmation is enough, without waiting between looks. */
  readonly development?: boolean
}

const DEVELOPMENT = { requiredConfirmations: 1, blockPollingInterval: 50 } as const

/** Ignition could not finish; the message names each step that failed and why. The next run resumes. */
export class DeploymentError extends Error {
  override readonly name = 'DeploymentError'
}

/** Deploys or resumes, hands over every role, checks the result, and writes the addresses only if the check succeeds. */
export async function deployCohort(options: DeploymentOptions): Promise<DeploymentFile> {
  const { parameters, stateDir, artifactResolver } = options
  const provider = new BrowserProvider(options.provider, undefined, { cacheTimeout: -1 })
  try {
    const { chainId } = await provider.getNetwork()
    const genesis = await provider.getBlock(0)
    if (genesis?.hash == null) throw new DeploymentError('the chain shows no genesis block')
    const current = { chainId: Number(chainId), genesis: genesis.hash, fromBlock: await provider.getBlockNumber() }
    const hasCode = async (address: string) => (await provider.getCode(address)) !== '0x'
    const { fromBlock } = stateDir === null ? current : await openJournal(stateDir, current, hasCode)
    const accounts = ((await provider.send('eth_accounts', [])) as string[]).map((account) => getAddress(account))
    const deployer = accounts[0]
    if (deployer === undefined) throw new DeploymentError(`network ${options.network} has no account to deploy from`)

    const { service } = parameters
    const module = cohortModule(
      service === null
        ? null
        : {
            strategy: service.strategy,
            pool: service.rewardPoolTokens > 0n,
            drawn: service.sortition !== null,
          },
    )
    const plan = {
      artifactResolver,
      provider: options.provider,
      ignitionModule: module,
      deploymentParameters: ignitionParameters(parameters, accounts),
      accounts,
      ...(stateDir === null ? {} : { deploymentDir: stateDir }),
      ...(options.listener === undefined ? {} : { executionEventListener: options.listener }),
      ...(options.development === true ? { config: DEVELOPMENT } : {}),
    }
    const recovery = { stateDir, artifactResolver, provider: options.provider, reader: provider, fromBlock }
    const result = await runPlan(plan, recovery)
    if (result.type !== DeploymentResultType.SUCCESSFUL_DEPLOYMENT) throw new DeploymentError(explain(result))
    const addressOf = (future: { readonly id: string }) => result.contracts[future.id]!.address
    const { results } = module
    const deployment = parseDeployment({
      network: options.network,
      chainId: Number(chainId),
      fromBlock,
      contracts: {
        CohortToken: addressOf(results.token),
        TimelockController: addressOf(results.timelock),
        CohortGovernor: addressOf(results.governor),
        Guardian: addressOf(results.guardian),
        Successors: addressOf(results.successors),
        ModelRegistry: addressOf(results.models),
        VerifierRegistry: addressOf(results.verifiers),
        AdoptedModel: addressOf(results.adopted),
        KeeperRegistry: addressOf(results.keepers),
        StakePoolFactory: addressOf(results.stakePools),
        EqualRewards: addressOf(results.equal),
        SampleRewards: addressOf(results.bySamples),
        LearningService: addressOf(results.implementation),
        ServiceFactory: addressOf(results.factory),
        InferenceHub: addressOf(results.hub),
        PublisherRegistry: addressOf(results.publishers),
        EnsembleOracle: addressOf(results.ensembles),
        ProverMarket: addressOf(results.provers),
        PredictionMarket: addressOf(results.markets),
        InputMarket: addressOf(results.inputMarkets),
        OutcomePoolFactory: addressOf(results.pools),
        DaoPilot: addressOf(results.pilot),
        SpendingGuard: addressOf(results.guard),
        AnnouncedSignatures: addressOf(results.signatures),
        HubValidator: addressOf(results.validator),
      },
      services: await listServices(provider, addressOf(results.factory)),
    })
    const minted = parameters.token.holders.reduce((sum, { tokens }) => sum + tokens, service?.rewardPoolTokens ?? 0n)
    const timelockDelay = parameters.timelock.delaySeconds
    await checkDeployment({ provider, deployment, deployer, timelockDelay, minted })
    if (options.addressFile !== null) await writeAtomically(options.addressFile, deployment)
    return deployment
  } finally {
    provider.destroy()
  }
}

/**
 * Runs the plan, and runs it again once a transaction that an earlier run lost track of is settled. Ignition throws errors from outside,
 * such as a lost connection, and returns errors of the plan itself.
 */
async function runPlan(
  plan: Parameters<typeof deploy>[0],
  recovery: Omit<RecoveryOptions, 'stateDir'> & { readonly stateDir: string | null },
): Promise<DeploymentResult> {
  const { stateDir, reader } = recovery
  for (;;) {
    try {
      if (stateDir !== null) await settlePending(stateDir, reader, plan.config?.requiredConfirmations)
      return await deploy(plan)
    } catch (cause) {
      if (stateDir !== null && (await recoverLostTransaction(cause, { ...recovery, stateDir }))) continue
      const reason = cause instanceof Error ? cause.message : String(cause)
      throw new DeploymentError(`deployment stopped: ${reason}; run the same command to resume`, { cause })
    }
  }
}

async function listServices(provider: Provider, factory: string) {
  const abi = [
    'function serviceCount() view returns (uint256)',
    'function serviceAt(uint256) view returns (address)',
    'function nameOf(uint256) view returns (string)',
  ]
  const contract = new Contract(factory, abi, provider)
  const count = Number(await contract.getFunction('serviceCount')())
  return await Promise.all(
    Array.from({ length: count }, async (_, id) => ({
      name: String(await contract.getFunction('nameOf')(id)),
      address: String(await contract.getFunction('serviceAt')(id)),
    })),
  )
}

/** The operator's parameters in the form that the modules take. Throws DeploymentError for an account that the network does not have. */
function ignitionParameters(parameters: DeployParameters, accounts: readonly string[]): DeploymentParameters {
  const { token, timelock, governor, keepers, service, provers, markets } = parameters
  const holders = token.holders.map(({ account }, index) => {
    if (typeof account === 'string') return account
    const address = accounts[account]
    if (address !== undefined) return address
    throw new DeploymentError(
      `token.holders.${index}.account is ${account}, but the network has ${accounts.length} accounts`,
    )
  })
  return {
    Governance: {
      holders,
      amounts: token.holders.map((holder) => holder.tokens),
      timelockDelay: timelock.delaySeconds,
      settings: {
        votingDelay: governor.votingDelaySeconds,
        votingPeriod: governor.votingPeriodSeconds,
        voteExtension: governor.voteExtensionSeconds,
        proposalThreshold: governor.proposalThresholdTokens,
        quorumPercent: governor.quorumPercent,
      },
      minStake: keepers.minStakeTokens,
      unbondingDelay: keepers.unbondingDelaySeconds,
      jailDelay: keepers.jailDelaySeconds,
    },
    Rounds: {
      sampleCap: keepers.sampleRewardCap,
    },
    Inference: {
      proverBond: provers.minBondEther,
      proverUnbonding: provers.unbondingDelaySeconds,
      proverSettling: provers.settleSeconds,
    },
    Consumers: {
      disputeDelay: markets.disputeDelaySeconds,
      fallbackDelay: markets.fallbackDelaySeconds,
    },
    Cohort: service === null ? {} : serviceFields(service),
  }
}

function serviceFields(service: NonNullable<DeployParameters['service']>) {
  const { name, strategy: _, bondTokens, rewardPerRoundTokens, rewardPoolTokens, ...others } = service
  const { keyPenaltyTokens, decryptPenaltyTokens, fraudPenaltyTokens, sortition, ...windowsAndCounts } = others
  return {
    ...windowsAndCounts,
    serviceName: name,
    bond: bondTokens,
    rewardPerRound: rewardPerRoundTokens,
    rewardPool: rewardPoolTokens,
    keyPenalty: keyPenaltyTokens,
    decryptPenalty: decryptPenaltyTokens,
    fraudPenalty: fraudPenaltyTokens,
    ...(sortition === null ? {} : { sortition: sortitionTerms(sortition) }),
  }
}

function sortitionTerms(terms: NonNullable<NonNullable<DeployParameters['service']>['sortition']>) {
  const { bondTokens, absencePenaltyTokens, minCandidates, patienceSeconds, delayBlocks } = terms
  return {
    bond: bondTokens,
    absencePenalty: absencePenaltyTokens,
    minCandidates,
    patience: patienceSeconds,
    delay: delayBlocks,
  }
}

function explain(result: Exclude<DeploymentResult, { type: DeploymentResultType.SUCCESSFUL_DEPLOYMENT }>): string {
  switch (result.type) {
    case DeploymentResultType.VALIDATION_ERROR:
      return `the plan is not valid: ${listErrors(result.errors)}`
    case DeploymentResultType.RECONCILIATION_ERROR:
      return (
        `the plan or its parameters differ from the earlier deployment: ${listErrors(result.errors)}; ` +
        'restore them to resume, or begin anew with --reset'
      )
    case DeploymentResultType.PREVIOUS_RUN_ERROR:
      return (
        `steps of an earlier run failed: ${listErrors(result.errors)}; ` +
        'wipe each with `npx hardhat ignition wipe`, or begin anew with --reset'
      )
    case DeploymentResultType.EXECUTION_ERROR: {
      const failed = result.failed.map(({ futureId, error }) => `${futureId}: ${error}`)
      const waiting = result.timedOut.map(({ futureId }) => `${futureId}: not mined in time`)
      return `deployment stopped at ${[...failed, ...waiting].join('; ')}; run the same command to resume`
    }
  }
}

function listErrors(errors: Record<string, string[]>): string {
  return Object.entries(errors)
    .map(([step, reasons]) => `${step}: ${reasons.join(', ')}`)
    .join('; ')
}
